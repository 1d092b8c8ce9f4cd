//===- StreamK.cpp - Tiles that blocks share ------------------------------===//
//
/// \file
/// Items of work, and the partial sums that blocks leave for others. Blocks
/// start in the order of their numbers, so that whoever waits for a block of a
/// lower number waits for one that runs or has ended.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/StreamK.h"

#include "Warpgroup.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

void SharedParts::abandon() {
  std::lock_guard<std::mutex> lock(mutex);
  isAbandoned = true;
  left.notify_all();
}

/// Of the cluster of block `block`, by the hopper.work_range or
/// hopper.work_item `i`.
static StreamWork getClusterWork(const Instruction &i, int64_t tiles,
                                 int64_t blocks, int64_t block,
                                 bool isResident) {
  int64_t cluster = i.tiles[0];
  return computeWork(tiles / cluster, i.target, blocks / cluster,
                     block / cluster, isResident);
}

std::optional<int64_t> emulation::findSharer(const Grid &grid, int64_t tiles) {
  auto isRange = [](const Instruction &i) {
    return i.opcode == Opcode::WorkRange;
  };
  const Launch &launch = grid.launch;
  auto range = llvm::find_if(launch.kernel.consumer.code, isRange);
  if (!launch.streamK || range == launch.kernel.consumer.code.end())
    return std::nullopt;
  std::optional<int64_t> found;
  for (int64_t block = 0; block < grid.blocks; block += launch.cluster) {
    StreamWork work = getClusterWork(*range, tiles, grid.blocks, block,
                                     grid.workspace->isResident);
    if (work.givers == 0)
      continue;
    if (work.begins)
      return block;
    if (!found)
      found = block;
  }
  return found;
}

/// Of the block's cluster; nothing where that is another than the launch's.
std::optional<StreamWork> Warpgroup::getWork(const Instruction &i,
                                             int64_t tiles, bool isResident) {
  int64_t cluster = i.tiles[0];
  if (cluster != machine.grid.launch.cluster) {
    fault(i, llvm::formatv("is of clusters of {0}, but {1} of the launch's "
                           "blocks form one",
                           cluster, machine.grid.launch.cluster));
    return std::nullopt;
  }
  return getClusterWork(i, tiles, machine.grid.blocks, block.number,
                        isResident);
}

bool Warpgroup::executeWorkRange(const Instruction &i) {
  std::optional<StreamWork> work =
      getWork(i, scalars[i.operands[0]], scalars[i.operands[1]] != 0);
  if (!work)
    return false;
  scalars[i.result] = work->whole;
  scalars[i.result + 1] = work->whole + work->begins + work->ends;
  return true;
}

bool Warpgroup::executeWorkItem(const Instruction &i) {
  int64_t item = scalars[i.operands[0]], whole = scalars[i.operands[1]];
  std::optional<StreamWork> found =
      getWork(i, scalars[i.operands[2]], scalars[i.operands[3]] != 0);
  if (!found)
    return false;
  const StreamWork &work = *found;
  if (whole != work.whole)
    return fault(i, llvm::formatv("takes {0} of its tiles for whole, but {1} "
                                  "are",
                                  whole, work.whole));
  auto set = [&](int64_t tile, int64_t first, int64_t last, int64_t givers) {
    scalars[i.result] = tile * i.tiles[0] + block.number % i.tiles[0];
    scalars[i.result + 1] = first;
    scalars[i.result + 2] = last;
    scalars[i.result + 3] = givers;
    return true;
  };
  int64_t clusters = machine.grid.blocks / i.tiles[0];
  if (item >= 0 && item < whole)
    return set(block.number / i.tiles[0] + item * clusters, 0, i.target, 0);
  int64_t taken = whole * clusters;
  if (item == whole && work.begins)
    return set(taken + work.begun, work.beginFirst, work.beginLast, 0);
  if (item == whole + work.begins && work.ends)
    return set(taken + work.ended, work.endFirst, i.target, work.givers);
  // A loop may ask for what is behind its last item.
  if (item == whole + work.begins + work.ends)
    return set(0, 0, i.target, 0);
  return fault(i, llvm::formatv("has no item {0} of work", item));
}

bool Warpgroup::executeLeavePart(const Instruction &i) {
  if (scalars[i.operands[4]] == 0)
    return true;
  if (!checkPredecessor(i, "leaves a partial sum"))
    return false;
  const FloatRegister &info = program.floats[i.operands[0]];
  const float *values = getFloats(i.operands[0]);
  int64_t slot = scalars[i.operands[2]];
  record({Event::Kind::Store, 0, 0, 0, double(info.getSize() * sizeof(float))});
  // Until others see it.
  recordWait(0, 0);
  SharedParts &parts = machine.grid.workspace->parts;
  std::lock_guard<std::mutex> lock(parts.mutex);
  if (slot / machine.grid.launch.kernel.consumers != block.number ||
      !parts.bySlot.try_emplace(slot, values, values + info.getSize()).second)
    return fault(i, llvm::formatv("leaves a partial sum in slot {0}, which is "
                                  "not its own or not empty",
                                  slot));
  parts.left.notify_all();
  return true;
}

bool Warpgroup::executeAddParts(const Instruction &i) {
  if (!checkPredecessor(i, "adds partial sums") || !executeCopyFloats(i))
    return false;
  const FloatRegister &info = program.floats[i.result];
  float *sum = getFloats(i.result);
  int64_t slot = scalars[i.operands[2]];
  SharedParts &parts = machine.grid.workspace->parts;
  for (int64_t n = 0; n < scalars[i.operands[3]]; ++n) {
    slot -= i.target;
    if (slot < 0)
      return fault(i, "adds a partial sum of a block below 0");
    // Whether it is there, and the sum itself.
    recordWait(0, 0);
    recordWait(double(info.getSize() * sizeof(float)), double(info.getSize()));
    if (!machine.grid.isWhole)
      continue;
    std::unique_lock<std::mutex> lock(parts.mutex);
    parts.left.wait(lock, [&] {
      return parts.isAbandoned || parts.bySlot.count(slot) != 0;
    });
    auto part = parts.bySlot.find(slot);
    // Whoever was to leave it has said why it did not.
    if (part == parts.bySlot.end()) {
      lock.unlock();
      machine.abandon();
      return false;
    }
    for (int64_t k = 0; k < info.getSize(); ++k)
      sum[k] += part->second[k];
    parts.bySlot.erase(part);
  }
  return true;
}
