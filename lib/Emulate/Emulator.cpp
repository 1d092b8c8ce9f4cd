//===- Emulator.cpp - Hopper kernels on any CPU ---------------------------===//
//
/// \file
/// From a module to launches.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Emulate/Emulator.h"

#include "RunLaunch.h"

#include "flashmhf/Dialect/FlashMHF/IR/VariantSwitch.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Diagnostics.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;
using llvm::Error;
using llvm::Expected;

char EmulationFault::ID = 0;

/// Threads that run together, one for each warpgroup of blocks that may wait
/// for one another.
static constexpr int64_t kMaxThreads = 1024;

static Error makeFault(Location location, const Twine &message) {
  return llvm::make_error<EmulationFault>(location, message.str());
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

Emulator::Emulator(Location location) : location(location) {}
Emulator::~Emulator() = default;

/// The argument that `value` is, seen through casts.
static std::optional<unsigned> traceToArgument(Value value) {
  while (auto cast = value.getDefiningOp<memref::CastOp>())
    value = cast.getSource();
  auto argument = dyn_cast<BlockArgument>(value);
  if (!argument || !isa<func::FuncOp>(argument.getOwner()->getParentOp()))
    return std::nullopt;
  return argument.getArgNumber();
}

/// Shared memory over budget is an error before anything runs.
static Error allocate(gpu::GPUFuncOp kernel) {
  std::string message;
  ScopedDiagnosticHandler handler(
      kernel.getContext(), [&](Diagnostic &diagnostic) {
        message += diagnostic.str();
        for (Diagnostic &note : diagnostic.getNotes())
          message += "\n  " + note.str();
        return success();
      });
  if (failed(allocateSharedMemory(kernel)))
    return makeFault(kernel.getLoc(), message);
  return Error::success();
}

static Expected<std::unique_ptr<Launch>> translateLaunch(LaunchOp op) {
  auto kernel = SymbolTable::lookupNearestSymbolFrom<gpu::GPUFuncOp>(
      op, op.getKernelAttr());
  if (!kernel)
    return makeFault(op.getLoc(), "cannot emulate a kernel that is not in the "
                                  "hopper dialect");
  if (Error error = allocate(kernel))
    return std::move(error);
  Expected<Kernel> translated = translateKernel(kernel);
  if (!translated)
    return translated.takeError();
  auto launch = std::make_unique<Launch>(std::move(*translated));
  for (Value value : op.getArgs()) {
    std::optional<unsigned> argument = traceToArgument(value);
    if (!argument)
      return makeFault(op.getLoc(), "cannot emulate a launch on memory that is "
                                    "not an argument of its function");
    launch->arguments.push_back(*argument);
  }
  launch->over = *traceToArgument(op.getOver());
  llvm::copy(op.getTiles(), launch->tiles.begin());
  launch->cluster = op.getCluster();
  launch->pieces = op.getPieces();
  launch->push = op.getPush();
  launch->persistent = op.getPersistent();
  launch->streamK = op.getStreamK();
  launch->programmatic = op.getProgrammatic();
  int64_t warpgroups =
      launch->kernel.producers.size() + launch->kernel.consumers;
  if (launch->pieces > kMaxThreads / (warpgroups * launch->cluster))
    return makeFault(
        op.getLoc(),
        llvm::formatv("cannot emulate {0} pieces of {1} "
                      "warpgroups: they need a thread each, of {2}",
                      launch->pieces, warpgroups * launch->cluster,
                      kMaxThreads));
  if (const auto &inbox = launch->kernel.inbox) {
    int64_t pushing = launch->push ? launch->pieces : 1;
    if (inbox->pieces != pushing)
      return makeFault(inbox->location,
                       llvm::formatv("the inbox is for {0} pieces, but the "
                                     "launch has {1} that push",
                                     inbox->pieces, pushing));
    if (inbox->parts != 1 && inbox->parts != launch->kernel.consumers)
      return makeFault(inbox->location,
                       llvm::formatv("the inbox has {0} parts for {1} "
                                     "consumers",
                                     inbox->parts, launch->kernel.consumers));
  }
  for (const RingInfo &ring : launch->kernel.rings)
    if (ring.cluster > 1 && ring.cluster != launch->cluster)
      return makeFault(ring.location,
                       llvm::formatv("ring \"{0}\" is filled by clusters of "
                                     "{1} blocks, but the launch has clusters "
                                     "of {2}",
                                     ring.name, ring.cluster, launch->cluster));
  return launch;
}

/// Fails where `op` has no place outside of a kernel.
static Error checkHostOp(Operation &op) {
  if (isPure(&op) || op.hasTrait<OpTrait::IsTerminator>())
    return Error::success();
  return makeFault(op.getLoc(), "cannot emulate '" +
                                    op.getName().getStringRef() +
                                    "' outside of a kernel");
}

/// The launches of a switch over variants.
static Error translateVariants(scf::IndexSwitchOp op,
                               std::vector<std::unique_ptr<Launch>> &launches) {
  std::string message;
  FailureOr<flashmhf::VariantSwitch> variants = failure();
  {
    ScopedDiagnosticHandler handler(op.getContext(), [&](Diagnostic &each) {
      message += each.str();
      return success();
    });
    variants = flashmhf::VariantSwitch::get(op);
  }
  if (failed(variants))
    return makeFault(op.getLoc(), message);
  for (auto [i, region] : llvm::enumerate(variants->regions)) {
    for (Operation &inner : region->front()) {
      auto launch = dyn_cast<LaunchOp>(inner);
      if (!launch) {
        if (Error error = checkHostOp(inner))
          return error;
        continue;
      }
      Expected<std::unique_ptr<Launch>> translated = translateLaunch(launch);
      if (!translated)
        return translated.takeError();
      (*translated)->rule = variants->rule;
      (*translated)->sized = variants->argument;
      (*translated)->variant = i;
      launches.push_back(std::move(*translated));
    }
  }
  return Error::success();
}

Expected<std::unique_ptr<Emulator>> Emulator::create(ModuleOp module) {
  func::FuncOp function;
  for (auto candidate : module.getOps<func::FuncOp>()) {
    if (!candidate.isPublic() || candidate.isDeclaration())
      continue;
    if (function)
      return makeFault(candidate.getLoc(),
                       "expected one public function with a body, found '" +
                           function.getName() + "' and '" +
                           candidate.getName() + "'");
    function = candidate;
  }
  if (!function)
    return makeFault(module.getLoc(),
                     "expected one public function with a body, found none");

  std::unique_ptr<Emulator> emulator(new Emulator(function.getLoc()));
  llvm::append_range(emulator->arguments, function.getArgumentTypes());
  for (Operation &op : function.getBody().front()) {
    if (auto launch = dyn_cast<LaunchOp>(op)) {
      Expected<std::unique_ptr<Launch>> translated = translateLaunch(launch);
      if (!translated)
        return translated.takeError();
      emulator->launches.push_back(std::move(*translated));
    } else if (auto variants = dyn_cast<scf::IndexSwitchOp>(op)) {
      if (Error error = translateVariants(variants, emulator->launches))
        return std::move(error);
    } else if (Error error = checkHostOp(op)) {
      return std::move(error);
    }
  }
  if (emulator->launches.empty())
    return makeFault(function.getLoc(),
                     "'" + function.getName() + "' launches no kernel");
  return emulator;
}

//===----------------------------------------------------------------------===//
// Running
//===----------------------------------------------------------------------===//

Error Emulator::run(ArrayRef<TensorRef> tensors,
                    const EmulateOptions &options) const {
  if (tensors.size() != arguments.size())
    return llvm::createStringError(llvm::formatv(
        "{0} tensors for {1} arguments", tensors.size(), arguments.size()));
  if (options.multiprocessors < 1)
    return llvm::createStringError("multiprocessors must be at least 1");
  for (auto [i, type] : llvm::enumerate(arguments))
    if (Error error = checkTensor(type, tensors[i], i))
      return error;
  auto isTaken = [&](const Launch &launch) {
    if (!launch.rule)
      return true;
    ArrayRef<int64_t> sizes = tensors[launch.sized].sizes;
    return launch.rule->getVariant(sizes[0], sizes[2]) == launch.variant;
  };
  for (const auto &launch : launches)
    if (isTaken(*launch))
      if (Error error = runLaunch(*launch, tensors, options))
        return error;
  return Error::success();
}

Error mlir::hopper::emulate(ModuleOp module, ArrayRef<TensorRef> tensors,
                            const EmulateOptions &options) {
  Expected<std::unique_ptr<Emulator>> emulator = Emulator::create(module);
  if (!emulator)
    return emulator.takeError();
  return (*emulator)->run(tensors, options);
}
