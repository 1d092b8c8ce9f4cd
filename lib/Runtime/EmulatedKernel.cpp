/// \file
/// From source to an emulator, and from DLPack tensors to its arguments.

#include "flashmhf/Runtime/EmulatedKernel.h"
#include "flashmhf/InitAll.h"
#include "flashmhf/Target/Compiler.h"
#include "flashmhf/Target/Errors.h"
#include "mlir/IR/MLIRContext.h"
#include "mlir/Parser/Parser.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;

EmulatedKernel::EmulatedKernel() = default;
EmulatedKernel::~EmulatedKernel() = default;

/// The emulator's errors, as errors of the C API's kinds.
static Error classify(Error error) {
  return llvm::handleErrors(
      std::move(error),
      [](const hopper::EmulationFault &fault) {
        return makeError(ErrorKind::Compile, fault.getMessage());
      },
      [](const llvm::StringError &other) {
        return makeError(ErrorKind::InvalidArgument, other.getMessage());
      });
}

Expected<std::unique_ptr<EmulatedKernel>>
EmulatedKernel::create(llvm::StringRef source, llvm::StringRef name,
                       const CompileOptions &options) {
  Expected<DeviceProgram> program = compileToHopper(source, name, options);
  if (!program)
    return program.takeError();
  std::unique_ptr<EmulatedKernel> result(new EmulatedKernel());
  result->function = std::move(program->function);
  result->arguments = std::move(program->arguments);
  DialectRegistry registry;
  registerAllDialects(registry);
  result->context =
      std::make_unique<MLIRContext>(registry, MLIRContext::Threading::DISABLED);
  OwningOpRef<ModuleOp> module =
      parseSourceString<ModuleOp>(program->text, result->context.get());
  if (!module)
    return makeError(ErrorKind::Compile,
                     "the kernel's own text does not parse");
  Expected<std::unique_ptr<hopper::Emulator>> emulator =
      hopper::Emulator::create(*module);
  if (!emulator)
    return classify(emulator.takeError());
  result->emulator = std::move(*emulator);
  return result;
}

Error EmulatedKernel::run(llvm::ArrayRef<const DLTensor *> tensors,
                          const hopper::EmulateOptions &options) const {
  auto views = checkHostTensors(arguments, tensors);
  if (!views)
    return views.takeError();
  foldBatch(arguments, *views);
  llvm::SmallVector<hopper::TensorRef> refs;
  for (auto [argument, view] : llvm::zip_equal(arguments, *views))
    refs.push_back({view.address, view.sizes, view.strides, argument.name});
  return classify(emulator->run(refs, options));
}
