//===- WorkCount.cpp - Tiles, blocks and waves ----------------------------===//

#include "WorkCount.h"

#include "flashmhf/Dialect/Hopper/IR/StreamK.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::flashmhf;

void flashmhf::countWork(Prediction &result, const OperatorFacts &op,
                         const ScheduleFields &schedule, int64_t tile,
                         const Chip &chip) {
  int64_t rowTiles = llvm::alignTo(
      llvm::divideCeil(op.tokens, schedule.tokenTile), schedule.cluster);
  // Pieces of a split are blocks of their own, the longest decides.
  result.tiles = op.batches * op.heads * rowTiles * schedule.split;
  result.steps = llvm::divideCeil(
      op.subNetworks * llvm::divideCeil(op.subWidth, tile), schedule.split);
  if (result.tiles == 0 || result.steps == 0)
    return;
  // Of a persistent kernel there is a block for each multiprocessor.
  int64_t together = schedule.persistent ? 1 : countBlocksAtOnce(op, schedule);
  int64_t size = schedule.push ? schedule.split : schedule.cluster;
  int64_t slots = countClusteredBlocks(chip.multiprocessors, size, together);
  result.blocks = std::min(result.tiles, slots);
  result.waves = llvm::divideCeil(result.tiles, slots);
  result.occupancy = double(result.tiles) /
                     double(result.waves * chip.multiprocessors * together);
  if (schedule.streamK)
    result.sharers =
        schedule.cluster *
        hopper::countSharers(result.tiles % result.blocks / schedule.cluster,
                             result.steps, result.blocks / schedule.cluster,
                             /*isResident=*/true);
}

double flashmhf::countBusySteps(const Prediction &counts) {
  double all = double(counts.waves * counts.steps);
  if (counts.sharers == 0)
    return all;
  int64_t left = counts.tiles % counts.blocks;
  return all - double(counts.steps) +
         double(left * counts.steps) / double(counts.sharers);
}
