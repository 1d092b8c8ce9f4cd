//===- KernelCodeGen.cpp - Text of GPU kernels ----------------------------===//
//
/// \file
/// NVVM dialect to optimised LLVM IR and to PTX, by MLIR's module
/// serialisation.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/KernelCodeGen.h"
#include "mlir/Target/LLVM/ModuleToObject.h"
#include "mlir/Target/LLVM/NVVM/Utils.h"
#include "llvm/IR/Module.h"
#include "llvm/Target/TargetMachine.h"

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// The serialisation of one module, ending in text.
class KernelSerializer : public LLVM::ModuleToObject {
public:
  KernelSerializer(gpu::GPUModuleOp module, StringRef chip, StringRef features,
                   int optLevel, KernelText kind, TimingScope &timing)
      : ModuleToObject(*module, "nvptx64-nvidia-cuda", chip, features,
                       optLevel),
        kind(kind), timing(timing), step(timing.nest("Translate to LLVM IR")) {}

protected:
  LogicalResult optimizeModule(llvm::Module &llvmModule, int optL) override {
    step = timing.nest("Optimize LLVM IR");
    LogicalResult result = ModuleToObject::optimizeModule(llvmModule, optL);
    step = timing.nest("Print");
    return result;
  }

  FailureOr<SmallVector<char, 0>>
  moduleToObject(llvm::Module &llvmModule) override {
    // Nothing is linked in later.
    for (const llvm::Function &function : llvmModule)
      if (function.isDeclaration() && !function.isIntrinsic())
        return getOperation().emitError("calls '")
               << function.getName() << "', which no library provides";
    SmallVector<char, 0> text;
    if (kind == KernelText::LLVM) {
      llvm::raw_svector_ostream os(text);
      llvmModule.print(os, nullptr);
      return text;
    }
    step = timing.nest("Generate PTX");
    FailureOr<llvm::TargetMachine *> machine = getOrCreateTargetMachine();
    if (failed(machine))
      return getOperation().emitError("has no target to make PTX for");
    FailureOr<SmallString<0>> ptx = translateModuleToISA(
        llvmModule, **machine, [&] { return getOperation().emitError(); });
    if (failed(ptx))
      return failure();
    text.append(ptx->begin(), ptx->end());
    return text;
  }

private:
  KernelText kind;
  TimingScope &timing;
  TimingScope step; // the one that is running
};
} // namespace

FailureOr<std::string>
mlir::flashmhf::translateKernels(gpu::GPUModuleOp module, StringRef chip,
                                 StringRef features, int optLevel,
                                 KernelText kind, TimingScope &timing) {
  NVVM::SerializeGPUModuleBase::init();
  std::optional<SmallVector<char, 0>> text =
      KernelSerializer(module, chip, features, optLevel, kind, timing).run();
  if (!text)
    return failure();
  return std::string(text->begin(), text->end());
}
