//===- RunLaunch.cpp - The grid of an emulated launch ---------------------===//
//
/// \file
/// From a launch and tensors to blocks, each group of them on a machine, and
/// to what went wrong.
//
//===----------------------------------------------------------------------===//

#include "RunLaunch.h"

#include "Machine.h"
#include "Warpgroup.h"

#include "flashmhf/Dialect/Hopper/IR/StreamK.h"
#include "flashmhf/Dialect/Hopper/IR/TensorRules.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

#include <thread>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;
using llvm::Error;

/// Partial sums that are kept in memory.
static constexpr int64_t kMaxPartials = int64_t(1) << 32;

static Error makeArgumentError(const TensorRef &tensor, unsigned index,
                               const Twine &rule) {
  std::string name = tensor.name.empty() ? "#" + std::to_string(index)
                                         : ("'" + tensor.name + "'").str();
  return llvm::createStringError("argument " + Twine(name) + " " + rule);
}

Error emulation::checkTensor(Type type, const TensorRef &tensor,
                             unsigned index) {
  auto fail = [&](const Twine &rule) {
    return makeArgumentError(tensor, index, rule);
  };
  auto memref = dyn_cast<MemRefType>(type);
  if (!memref || !getFormat(memref.getElementType()))
    return fail(llvm::formatv("of type {0} cannot be emulated", type));
  SmallVector<int64_t> strides;
  int64_t offset;
  if (failed(memref.getStridesAndOffset(strides, offset)))
    return fail("needs a strided layout");
  size_t rank = memref.getRank();
  if (tensor.sizes.size() != rank || tensor.strides.size() != rank)
    return fail(llvm::formatv("has {0} sizes and {1} strides, expected {2}",
                              tensor.sizes.size(), tensor.strides.size(),
                              rank));
  bool isEmpty = llvm::is_contained(tensor.sizes, 0);
  for (size_t d = 0; d < rank; ++d) {
    int64_t size = memref.getDimSize(d);
    if (tensor.sizes[d] < 0 ||
        (!ShapedType::isDynamic(size) && tensor.sizes[d] != size))
      return fail(llvm::formatv("has size {0} in dimension {1}, expected {2}",
                                tensor.sizes[d], d, memref));
    bool isInner = d + 1 == rank;
    int64_t stride = isInner ? 1 : strides[d];
    if (tensor.sizes[d] > 1 && !ShapedType::isDynamic(stride) &&
        tensor.strides[d] != stride)
      return fail(llvm::formatv("has stride {0} in dimension {1}, expected {2}",
                                tensor.strides[d], d, stride));
  }
  if (!tensor.data && !isEmpty)
    return fail("has no data");
  return Error::success();
}

/// What the launcher checks before a launch.
static Error checkParameter(const ParameterInfo &info, const TensorRef &tensor,
                            unsigned index) {
  GlobalTensor global{tensor.data, getBytes(info.format), tensor.sizes,
                      tensor.strides};
  auto check = [&]() -> Error {
    if (info.isMap)
      return getTensorMapStrides(global).takeError();
    if (info.isStored && getBytes(info.format) == 2)
      return checkWideStores(global);
    return Error::success();
  };
  if (Error error = check())
    return makeArgumentError(tensor, index, llvm::toString(std::move(error)));
  return Error::success();
}

/// The first blocks of the groups that are timed. No block does more than the
/// first does, but where tiles are shared it adds nobody's partial sum.
static SmallVector<int64_t> getTimedGroups(const Grid &grid, int64_t tiles) {
  SmallVector<int64_t> groups = {0};
  if (std::optional<int64_t> sharer = findSharer(grid, tiles))
    groups.push_back(*sharer);
  return groups;
}

Error emulation::runLaunch(const Launch &launch, ArrayRef<TensorRef> tensors,
                           const EmulateOptions &options) {
  SmallVector<TensorRef> parameters;
  for (unsigned argument : launch.arguments)
    parameters.push_back(tensors[argument]);
  int64_t cluster = launch.cluster;
  auto [batches, heads, rows] =
      countTiles(tensors[launch.over].sizes, launch.tiles, cluster);
  int64_t tiles = batches * heads * rows, blocks = tiles;
  Workspace workspace;
  if (launch.hasMeetings()) {
    workspace.counters.resize(blocks * launch.kernel.consumers);
    int64_t elements = launch.pieces;
    for (int64_t size : tensors[launch.over].sizes)
      elements *= size;
    if (elements > kMaxPartials)
      return llvm::createStringError(llvm::formatv(
          "cannot emulate {0} partial sums, only {1}", elements, kMaxPartials));
    workspace.partials.assign(elements,
                              llvm::bit_cast<float>(Workspace::kUnwritten));
    workspace.isResident =
        blocks * launch.pieces <= options.multiprocessors / cluster * cluster;
  }
  blocks *= launch.pieces;
  cluster = launch.getGroup();
  if (launch.persistent)
    blocks = std::min(
        blocks, flashmhf::countClusteredBlocks(options.multiprocessors, cluster,
                                               /*together=*/1));
  if (launch.streamK) {
    blocks =
        std::min<int64_t>(blocks, llvm::alignDown(kMaxStreamBlocks, cluster));
    workspace.isResident = blocks <= options.multiprocessors;
  }
  if (blocks == 0)
    return Error::success();
  for (auto [argument, info, tensor] :
       llvm::zip_equal(launch.arguments, launch.kernel.parameters, parameters))
    if (Error error = checkParameter(info, tensor, argument))
      return error;

  Grid grid{launch,           parameters, blocks,
            options.maxSteps, &workspace, !options.timelineOnly};
  SmallVector<int64_t> timed, groups;
  if (options.timeline)
    timed = getTimedGroups(grid, tiles);
  if (options.timelineOnly)
    groups = timed;
  else
    for (int64_t first = 0; first < blocks; first += cluster)
      groups.push_back(first);
  // What is timed is to run on the machine that records it.
  unsigned workers = options.timeline ? 1 : options.threads;
  if (workers == 0)
    workers =
        llvm::divideCeil(std::max(std::thread::hardware_concurrency(), 1u),
                         launch.kernel.consumers * cluster);
  workers = std::min<int64_t>(workers, groups.size());
  std::atomic<size_t> next = 0;
  std::atomic<bool> failed = false;
  std::vector<std::unique_ptr<Machine>> machines;
  machines.reserve(workers);
  for (unsigned i = 0; i < workers; ++i)
    machines.push_back(std::make_unique<Machine>(grid));
  std::optional<Timeline> longest;
  auto work = [&](Machine &machine) {
    for (size_t i = next++; i < groups.size() && !failed; i = next++) {
      bool isTimed = llvm::is_contained(timed, groups[i]);
      if (isTimed)
        machine.record();
      if (!machine.runGroup(groups[i])) {
        failed = true;
        workspace.parts.abandon();
      }
      if (!isTimed || failed)
        continue;
      Timeline timeline =
          predict(launch.kernel, machine.takeRecords(), options.costs);
      timeline.block = groups[i];
      if (!longest || timeline.cycles > longest->cycles)
        longest = std::move(timeline);
    }
  };
  std::vector<std::thread> threads;
  for (auto &machine : llvm::drop_begin(machines))
    threads.emplace_back([&work, &machine = *machine] { work(machine); });
  work(*machines.front());
  for (std::thread &thread : threads)
    thread.join();
  if (longest && !failed) {
    *options.timeline = std::move(*longest);
    options.timeline->blocks = blocks;
    options.timeline->cluster =
        launch.push ? launch.getGroup() : launch.cluster;
    for (auto [tensor, parameter] :
         llvm::zip_equal(parameters, launch.kernel.parameters))
      options.timeline->bytes +=
          double(llvm::product_of(tensor.sizes)) * getBytes(parameter.format);
  }
  Error first = Error::success();
  for (auto &machine : machines) {
    Error error = machine->takeError();
    if (!error)
      continue;
    if (!first)
      first = std::move(error);
    else
      llvm::consumeError(std::move(error));
  }
  if (!first && grid.isWhole && !workspace.parts.bySlot.empty())
    return llvm::make_error<EmulationFault>(
        launch.kernel.location,
        llvm::formatv("nobody has added the partial sum in slot "
                      "{0}",
                      workspace.parts.bySlot.begin()->first));
  return first;
}
