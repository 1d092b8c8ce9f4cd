//===- LaunchPlan.cpp - One launch, computed ------------------------------===//
//
/// \file
/// From a contract and checked tensors to grid, tensor maps and descriptors.
/// All rules of the tensor memory accelerator (TMA) are checked here, since the
/// driver's own answer is one error code for all of them.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/LaunchPlan.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;
namespace json = llvm::json;

/// TMA counts in units of 16 bytes.
static constexpr int64_t tmaAlignment = 16;
static constexpr int64_t maxTmaSize = int64_t(1) << 32;
static constexpr int64_t maxTmaStride = int64_t(1) << 40;

static Error argumentError(const ContractArgument &argument,
                           const llvm::Twine &message) {
  return makeError(ErrorKind::InvalidArgument,
                   "argument '" + argument.name + "' " + message);
}

static Expected<TensorMapPlan> planTensorMap(const ContractParameter &parameter,
                                             const ContractArgument &argument,
                                             const TensorView &view) {
  const int64_t elementSize = getElementSize(view.dtype);
  if (reinterpret_cast<uintptr_t>(view.address) % tmaAlignment != 0)
    return argumentError(argument,
                         llvm::formatv("is at address {0}, but TMA needs "
                                       "{1}-byte alignment",
                                       static_cast<void *>(view.address),
                                       tmaAlignment));
  for (int64_t size : view.sizes)
    if (size < 1 || size > maxTmaSize)
      return argumentError(argument,
                           llvm::formatv("has shape {0}: TMA takes sizes from "
                                         "1 to 2^32",
                                         printSizes(view.sizes)));

  // A dimension of one element never steps: any stride that TMA takes will do.
  const int64_t rowBytes =
      llvm::alignTo(view.sizes[3] * elementSize, tmaAlignment);
  std::array<int64_t, 3> byteStrides;
  for (unsigned i = 0; i < 3; ++i) {
    int64_t stride = view.strides[i];
    if (view.sizes[i] == 1) {
      byteStrides[i] = rowBytes;
      continue;
    }
    if (stride < 0 || stride >= maxTmaStride / elementSize)
      return argumentError(argument,
                           llvm::formatv("has strides {0}: TMA takes strides "
                                         "from 0 to 2^40 bytes",
                                         printSizes(view.strides)));
    byteStrides[i] = stride * elementSize;
    if (byteStrides[i] % tmaAlignment != 0)
      return argumentError(
          argument, llvm::formatv("has strides {0}: dimension {1} steps by {2} "
                                  "bytes, but TMA needs multiples of {3}",
                                  printSizes(view.strides), i, byteStrides[i],
                                  tmaAlignment));
  }

  const int64_t chunkBytes = parameter.chunk * elementSize;
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
  plan.strides = {uint64_t(byteStrides[2]), uint64_t(chunkBytes),
                  uint64_t(byteStrides[1]), uint64_t(byteStrides[0])};
  llvm::copy(parameter.box, plan.box.begin());
  plan.swizzle = parameter.swizzle;
  return plan;
}

static MemRefPlan planMemRef(const TensorView &view) {
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
/// persistent kernel runs at most as many clusters as fit the GPU at once. Also
/// the workspace for them.
static Error planGrid(const LaunchContract &contract, const TensorView &view,
                      unsigned multiprocessors, LaunchPlan &plan) {
  constexpr uint64_t maxGrid = (uint64_t(1) << 31) - 1;
  uint64_t cluster =
      contract.cluster[0] * contract.cluster[1] * contract.cluster[2];
  uint64_t blocks = 1;
  for (unsigned i = 0; i < 3; ++i) {
    uint64_t tiles = llvm::divideCeil(uint64_t(view.sizes[i]),
                                      uint64_t(contract.grid.tiles[i]));
    if (i == 2)
      tiles = llvm::alignTo(tiles, cluster);
    bool overflow = false;
    blocks = llvm::SaturatingMultiply(blocks, tiles, &overflow);
  }
  if (contract.grid.pieces > 1) {
    uint64_t bytes = contract.workspace.partialsPerElement;
    for (int64_t size : view.sizes)
      bytes = llvm::SaturatingMultiply(bytes, uint64_t(size));
    plan.partialBytes = bytes;
    plan.counterBytes = llvm::SaturatingMultiply(
        blocks, uint64_t(contract.workspace.countersPerTile));
    blocks = llvm::SaturatingMultiply(blocks, uint64_t(contract.grid.pieces));
  }
  if (contract.grid.persistent)
    blocks = std::min<uint64_t>(
        blocks, std::max<uint64_t>(multiprocessors / cluster, 1) * cluster);
  if (blocks > maxGrid)
    return argumentError(contract.arguments[contract.grid.argument],
                         llvm::formatv("has shape {0}: more than {1} blocks to "
                                       "launch",
                                       printSizes(view.sizes), maxGrid));
  plan.grid[0] = blocks;
  return Error::success();
}

Expected<LaunchPlan>
mlir::flashmhf::planLaunch(const LaunchContract &contract,
                           llvm::ArrayRef<TensorView> tensors,
                           unsigned multiprocessors, unsigned blocksAtOnce) {
  LaunchPlan plan;
  const TensorView &output = tensors[contract.grid.argument];
  if (output.isEmpty()) {
    plan.isEmpty = true;
    return plan;
  }
  for (auto [argument, view] : llvm::zip_equal(contract.arguments, tensors)) {
    if (view.device.device_type != output.device.device_type ||
        view.device.device_id != output.device.device_id)
      return argumentError(
          argument,
          llvm::formatv("is on {0}, but '{1}' is on {2}",
                        printDevice(view.device),
                        contract.arguments[contract.grid.argument].name,
                        printDevice(output.device)));
  }

  for (const ContractParameter &parameter : contract.parameters) {
    if (!parameter.hasArgument()) {
      plan.parameters.push_back(PiecePlan{parameter.kind});
      continue;
    }
    const TensorView &view = tensors[parameter.argument];
    if (parameter.kind == ContractParameter::Kind::MemRef) {
      plan.parameters.push_back(planMemRef(view));
      continue;
    }
    Expected<TensorMapPlan> map =
        planTensorMap(parameter, contract.arguments[parameter.argument], view);
    if (!map)
      return map.takeError();
    plan.parameters.push_back(*map);
  }

  if (Error error = planGrid(contract, output, multiprocessors, plan))
    return std::move(error);
  plan.isResident = contract.grid.pieces > 1 &&
                    plan.grid[0] <= uint64_t(multiprocessors) * blocksAtOnce;
  llvm::copy(contract.block, plan.block.begin());
  llvm::copy(contract.cluster, plan.cluster.begin());
  plan.sharedMemory = contract.sharedMemory;
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
                      {"grid", json::Array(plan.grid)},
                      {"block", json::Array(plan.block)},
                      {"cluster", json::Array(plan.cluster)},
                      {"shared_memory", int64_t(plan.sharedMemory)},
                      {"parameters", std::move(parameters)}};
  if (plan.partialBytes)
    object["workspace"] = json::Object{{"partials", int64_t(plan.partialBytes)},
                                       {"counters", int64_t(plan.counterBytes)},
                                       {"resident", plan.isResident}};
  return object;
}
