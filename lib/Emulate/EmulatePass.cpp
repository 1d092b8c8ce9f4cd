//===- EmulatePass.cpp - Run the kernels of a module ----------------------===//
//
/// \file
/// In: a module with launches in the hopper dialect. Out: the same, and remarks
/// with the values that it computes or an error that names the fault.
//
//===----------------------------------------------------------------------===//

#include "Numerics.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Emulate/Emulator.h"
#include "flashmhf/Emulate/Passes.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/FormatVariadic.h"

#include <random>

namespace mlir::hopper {
#define GEN_PASS_DEF_FLASHMHFEMULATE
#include "flashmhf/Emulate/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

namespace {
/// Of one tensor: there are a few copies of each.
constexpr int64_t kMaxElements = int64_t(1) << 28;

/// A tensor made up for an argument, dense.
struct Argument {
  Format format;
  TensorRef tensor;
  std::vector<char> data;

  std::vector<float> read() const {
    std::vector<float> values(data.size() / getBytes(format));
    decode(format, data.data(), values.data(), values.size());
    return values;
  }
};

struct FlashMHFEmulate : hopper::impl::FlashMHFEmulateBase<FlashMHFEmulate> {
  using FlashMHFEmulateBase::FlashMHFEmulateBase;

  void runOnOperation() override {
    if (failed(runModule(getOperation())))
      signalPassFailure();
  }

private:
  LogicalResult runModule(ModuleOp module);
  FailureOr<Argument> createArgument(ModuleOp module, unsigned index,
                                     Type type);
};
} // namespace

FailureOr<Argument> FlashMHFEmulate::createArgument(ModuleOp module,
                                                    unsigned index, Type type) {
  auto fail = [&](const Twine &reason) {
    return emitError(module.getLoc(), "cannot make up argument #")
           << index << " of type " << type << ": " << reason;
  };
  auto memref = dyn_cast<MemRefType>(type);
  std::optional<Format> format =
      memref ? getFormat(memref.getElementType()) : std::nullopt;
  if (!format)
    return fail("only memrefs of f32, f16 and bf16 are known");
  Argument argument{*format, {}, {}};
  int64_t count = 1;
  for (auto [d, size] : llvm::enumerate(memref.getShape())) {
    if (ShapedType::isDynamic(size) && d != 0 && d != 2)
      return fail("only dimensions 0 and 2 may be dynamic");
    argument.tensor.sizes.push_back(!ShapedType::isDynamic(size) ? size
                                    : d == 0                     ? batch
                                                                 : tokens);
    int64_t last = argument.tensor.sizes.back();
    if (last < 0 || llvm::MulOverflow(count, last, count) ||
        count > kMaxElements)
      return fail("it would have more than " + Twine(kMaxElements) +
                  " elements");
  }
  argument.tensor.strides.assign(memref.getRank(), 1);
  for (int64_t d = memref.getRank() - 1; d > 0; --d)
    argument.tensor.strides[d - 1] =
        argument.tensor.strides[d] * argument.tensor.sizes[d];

  std::vector<float> values(count, 1.0f);
  if (pattern == "random") {
    // The generator's output is the same everywhere, unlike that of the
    // library's distributions.
    std::mt19937_64 generator(seed + index);
    for (float &value : values)
      value = float(generator() >> 40) * 0x1p-23f - 1.0f;
  }
  argument.data.resize(count * getBytes(*format));
  encode(*format, values.data(), argument.data.data(), count);
  return argument;
}

/// A fault as an error at its operation, one note for each further line.
static LogicalResult report(ModuleOp module, llvm::Error error) {
  bool failed = false;
  llvm::handleAllErrors(std::move(error), [&](const llvm::ErrorInfoBase &info) {
    failed = true;
    Location loc = module.getLoc();
    if (info.isA<EmulationFault>())
      loc = static_cast<const EmulationFault &>(info).getLocation();
    std::string message = info.message();
    SmallVector<StringRef> lines;
    StringRef(message).split(lines, '\n');
    InFlightDiagnostic diagnostic = emitError(loc) << lines.front();
    for (StringRef line : llvm::drop_begin(lines))
      diagnostic.attachNote() << line.trim();
  });
  return failure(failed);
}

LogicalResult FlashMHFEmulate::runModule(ModuleOp module) {
  if (pattern != "random" && pattern != "ones")
    return emitError(module.getLoc(), "pattern is '")
           << pattern << "', must be random or ones";
  llvm::Expected<std::unique_ptr<Emulator>> emulator = Emulator::create(module);
  if (!emulator)
    return report(module, emulator.takeError());
  std::vector<Argument> arguments;
  for (auto [i, type] : llvm::enumerate((*emulator)->getArguments())) {
    FailureOr<Argument> argument = createArgument(module, i, type);
    if (failed(argument))
      return failure();
    arguments.push_back(std::move(*argument));
  }
  std::vector<Argument> before = arguments;
  SmallVector<TensorRef> tensors;
  for (Argument &argument : arguments) {
    tensors.push_back(argument.tensor);
    tensors.back().data = argument.data.data();
  }

  EmulateOptions options;
  options.multiprocessors = multiprocessors;
  options.maxSteps = maxSteps;
  if (failed(report(module, (*emulator)->run(tensors, options))))
    return failure();

  for (auto [i, argument] : llvm::enumerate(arguments)) {
    if (argument.data == before[i].data)
      continue;
    double sum = 0, smallest = INFINITY, largest = -INFINITY;
    for (float value : argument.read()) {
      sum += value;
      smallest = std::min<double>(smallest, value);
      largest = std::max<double>(largest, value);
    }
    emitRemark((*emulator)->getLocation(), "argument #")
        << i << ": "
        << llvm::formatv("sum {0:f3}, smallest {1:f3}, largest {2:f3}", sum,
                         smallest, largest)
               .str();
  }
  return success();
}
