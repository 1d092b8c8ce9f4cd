//===- LaunchPlan.cpp - One launch, computed ------------------------------===//
//
/// \file
/// From a contract and checked tensors to grid, tensor maps and descriptors.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/LaunchPlan.h"
#include "flashmhf/Dialect/Hopper/IR/StreamK.h"
#include "flashmhf/Dialect/Hopper/IR/TensorRules.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;
namespace json = llvm::json;

/// TMA counts in units of 16 bytes.
static constexpr int64_t tmaAlignment = 16;

static Error argumentError(const ContractArgument &argument,
                           const llvm::Twine &message) {
  return makeError(ErrorKind::InvalidArgument,
                   "argument '" + argument.name + "' " + message);
}

static hopper::GlobalTensor toGlobalTensor(const TensorView &view) {
  return {view.address, getElementSize(view.dtype), view.sizes, view.strides};
}

static Expected<TensorMapPlan> planTensorMap(const ContractParameter &parameter,
                                             const ContractArgument &argument,
                                             const TensorView &view) {
  Expected<std::array<int64_t, 3>> byteStrides =
      hopper::getTensorMapStrides(toGlobalTensor(view));
  if (!byteStrides)
    return argumentError(argument, llvm::toString(byteStrides.takeError()));
  const int64_t chunkBytes = parameter.chunk * getElementSize(view.dtype);
  if (chunkBytes % tmaAlignment != 0)
    return argumentError(argument,
                         llvm::formatv("has chunks of {0} bytes, but TMA needs "
                                       "multiples of {1}",
                                       chunkBytes, tmaAlignment));
  TensorMapPlan plan;
  plan.address = view.address;
  plan.dtype = view.dtype;
  plan.dims = {uint64_t(parameter.chunk), uint64_t(view.sizes[2]),
               uint64_t(view.sizes[3] / parameter.chunk),
               uint64_t(view.sizes[1]), uint64_t(view.sizes[0])};
  auto [batch, head, row] = *byteStrides;
  plan.strides = {uint64_t(row), uint64_t(chunkBytes), uint64_t(head),
                  uint64_t(batch)};
  llvm::copy(parameter.box, plan.box.begin());
  plan.swizzle = parameter.swizzle;
  return plan;
}

static Expected<MemRefPlan> planMemRef(const ContractArgument &argument,
                                       const TensorView &view) {
  // Tiles of 16-bit elements leave in stores of 16 bytes.
  if (argument.isOutput && getElementSize(view.dtype) == 2)
    if (Error error = hopper::checkWideStores(toGlobalTensor(view)))
      return argumentError(argument, llvm::toString(std::move(error)));
  MemRefPlan plan;
  plan[0] = plan[1] = reinterpret_cast<uintptr_t>(view.address);
  plan[2] = 0;
  for (unsigned i = 0; i < 4; ++i) {
    plan[3 + i] = view.sizes[i];
    plan[7 + i] = view.strides[i];
  }
  return plan;
}

/// Tiles of the output, those along the rows rounded up to whole clusters; a
/// persistent kernel runs at most as many clusters as fit `most` blocks. Also
/// the workspace for them.
static Error planGrid(const KernelContract &kernel,
                      const ContractArgument &argument, const TensorView &view,
                      unsigned most, LaunchPlan &plan) {
  constexpr uint64_t maxGrid = (uint64_t(1) << 31) - 1;
  // A cluster of pieces has one tile.
  uint64_t cluster = kernel.grid.push ? 1 : kernel.getClusterBlocks();
  uint64_t blocks = 1;
  for (unsigned i = 0; i < 3; ++i) {
    uint64_t tiles = llvm::divideCeil(uint64_t(view.sizes[i]),
                                      uint64_t(kernel.grid.tiles[i]));
    if (i == 2)
      tiles = llvm::alignTo(tiles, cluster);
    bool overflow = false;
    blocks = llvm::SaturatingMultiply(blocks, tiles, &overflow);
  }
  if (kernel.grid.pieces > 1) {
    uint64_t bytes = kernel.workspace.partialsPerElement;
    for (int64_t size : view.sizes)
      bytes = llvm::SaturatingMultiply(bytes, uint64_t(size));
    plan.partialBytes = bytes;
    plan.countersOffset = kernel.workspace.countersOffset;
    plan.counterBytes = llvm::SaturatingMultiplyAdd(
        blocks, uint64_t(kernel.workspace.countersPerTile),
        plan.countersOffset);
    blocks = llvm::SaturatingMultiply(blocks, uint64_t(kernel.grid.pieces));
  }
  if (kernel.grid.persistent)
    blocks = std::min<uint64_t>(blocks, std::max<uint64_t>(most / cluster, 1) *
                                            cluster);
  if (kernel.grid.streamK) {
    blocks = std::min<uint64_t>(
        blocks, llvm::alignDown(hopper::kMaxStreamBlocks, cluster));
    plan.partialBytes = blocks * kernel.workspace.partialsPerBlock;
    plan.counterBytes = blocks * kernel.workspace.countersPerBlock;
  }
  if (blocks > maxGrid)
    return argumentError(argument,
                         llvm::formatv("has shape {0}: more than {1} blocks to "
                                       "launch",
                                       printSizes(view.sizes), maxGrid));
  plan.grid[0] = blocks;
  return Error::success();
}

unsigned mlir::flashmhf::pickVariant(const LaunchContract &contract,
                                     llvm::ArrayRef<TensorView> tensors) {
  if (contract.variants.size() == 1)
    return 0;
  const TensorView &view = tensors[contract.rule.argument];
  return contract.rule.getVariant(view.sizes[0], view.sizes[2]);
}

Expected<LaunchPlan>
mlir::flashmhf::planLaunch(const LaunchContract &contract, unsigned variant,
                           llvm::ArrayRef<TensorView> tensors,
                           unsigned multiprocessors, unsigned blocksAtOnce) {
  const KernelContract &kernel = contract.variants[variant];
  const ContractArgument &over = contract.arguments[kernel.grid.argument];
  LaunchPlan plan;
  plan.variant = variant;
  plan.kernel = kernel.kernel;
  const TensorView &output = tensors[kernel.grid.argument];
  if (output.isEmpty()) {
    plan.isEmpty = true;
    return plan;
  }
  for (auto [argument, view] : llvm::zip_equal(contract.arguments, tensors)) {
    if (view.device.device_type != output.device.device_type ||
        view.device.device_id != output.device.device_id)
      return argumentError(argument,
                           llvm::formatv("is on {0}, but '{1}' is on {2}",
                                         printDevice(view.device), over.name,
                                         printDevice(output.device)));
  }

  for (const ContractParameter &parameter : kernel.parameters) {
    if (!parameter.hasArgument()) {
      plan.parameters.push_back(PiecePlan{parameter.kind});
      continue;
    }
    const TensorView &view = tensors[parameter.argument];
    if (parameter.kind == ContractParameter::Kind::MemRef) {
      Expected<MemRefPlan> memref =
          planMemRef(contract.arguments[parameter.argument], view);
      if (!memref)
        return memref.takeError();
      plan.parameters.push_back(*memref);
      continue;
    }
    Expected<TensorMapPlan> map =
        planTensorMap(parameter, contract.arguments[parameter.argument], view);
    if (!map)
      return map.takeError();
    plan.parameters.push_back(*map);
  }

  if (blocksAtOnce == 0)
    blocksAtOnce = multiprocessors;
  if (Error error = planGrid(kernel, over, output,
                             std::min(multiprocessors, blocksAtOnce), plan))
    return std::move(error);
  plan.isResident = kernel.hasWorkspace() && plan.grid[0] <= blocksAtOnce;
  llvm::copy(kernel.block, plan.block.begin());
  llvm::copy(kernel.cluster, plan.cluster.begin());
  plan.sharedMemory = kernel.sharedMemory;
  plan.isProgrammatic = kernel.programmatic;
  return plan;
}

json::Value mlir::flashmhf::toJSON(const LaunchPlan &plan) {
  if (plan.isEmpty)
    return json::Object{{"empty", true}};
  auto hex = [](uint64_t value) { return llvm::formatv("{0:x}", value).str(); };
  json::Array parameters;
  for (const auto &parameter : plan.parameters) {
    if (const auto *map = std::get_if<TensorMapPlan>(&parameter)) {
      parameters.push_back(json::Object{
          {"kind", "tensor_map"},
          {"address", hex(reinterpret_cast<uintptr_t>(map->address))},
          {"dtype", stringifyElementKind(map->dtype)},
          {"dims", json::Array(map->dims)},
          {"strides", json::Array(map->strides)},
          {"box", json::Array(map->box)},
          {"swizzle", int64_t(map->swizzle)}});
      continue;
    }
    if (const auto *piece = std::get_if<PiecePlan>(&parameter)) {
      parameters.push_back(json::Object{{"kind", stringifyKind(piece->kind)}});
      continue;
    }
    const auto &memref = std::get<MemRefPlan>(parameter);
    llvm::ArrayRef<uint64_t> words(memref);
    parameters.push_back(
        json::Object{{"kind", "memref"},
                     {"address", hex(memref[0])},
                     {"sizes", json::Array(words.slice(3, 4))},
                     {"strides", json::Array(words.slice(7, 4))}});
  }
  json::Object object{{"empty", false},
                      {"kernel", plan.kernel},
                      {"grid", json::Array(plan.grid)},
                      {"block", json::Array(plan.block)},
                      {"cluster", json::Array(plan.cluster)},
                      {"shared_memory", int64_t(plan.sharedMemory)},
                      {"parameters", std::move(parameters)}};
  if (plan.isProgrammatic)
    object["programmatic"] = true;
  if (plan.partialBytes)
    object["workspace"] = json::Object{{"partials", int64_t(plan.partialBytes)},
                                       {"counters", int64_t(plan.counterBytes)},
                                       {"resident", plan.isResident}};
  return object;
}
