//===- Candidates.cpp - Schedules that are worth a look -------------------===//
//
/// \file
/// In: sizes; out: legal schedules with their predicted times. A new key of the
/// schedule takes part by a loop in `getCandidates` and a term in the model.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/Choice.h"

#include "flashmhf/Dialect/FlashMHF/IR/Split.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/Support/MathExtras.h"
#include <array>

using namespace mlir;
using namespace mlir::flashmhf;

/// Time of special functions over that of products from which on three
/// consumers are worth a try: 0.67 at D = 64, where they gain.
static constexpr double kMuchActivation = 0.6;

/// Head widths up to which pieces, too, try to shorten the activation.
static constexpr int64_t kNarrow = 64;
/// The widest head whose partial sums blocks leave for each other, and those in
/// clusters.
static constexpr int64_t kWidestShared = 224;
static constexpr int64_t kWidestSharedInClusters = 160;
/// The widest head whose Q consumers hold in a cluster; beyond, they spill.
static constexpr int64_t kWidestHeldInClusters = 192;

/// Tiles of d_ff, best first: powers of two, and where F is known the smallest
/// tile for each number of steps that F may take.
static SmallVector<int64_t> getDffTiles(int64_t f) {
  SmallVector<int64_t> tiles;
  auto add = [&](int64_t tile) {
    if (!llvm::is_contained(tiles, tile))
      tiles.push_back(tile);
  };
  if (ShapedType::isDynamic(f))
    return {128, 64, 32, 16};
  if (f < 1)
    return {kProductStep};
  for (int64_t tile : {128, 64, 256, 32, 16})
    if (tile <= f && f % tile == 0)
      add(tile);
  int64_t fewest = llvm::divideCeil(f, kMaxTile);
  for (int64_t count = fewest; count < fewest + 8; ++count) {
    int64_t tile = llvm::alignTo(llvm::divideCeil(f, count), kProductStep);
    if (tile <= f && tile <= kMaxTile)
      add(tile);
  }
  // All of F need not be whole instructions.
  if (f <= kMaxTile)
    add(f);
  return tiles;
}

/// Depths of the rings of K, U and V, best first. Without U its depth is that
/// of K.
static SmallVector<std::array<int64_t, 3>> getStages(bool hasUp) {
  SmallVector<std::array<int64_t, 3>> stages = {{3, 3, 3}, {3, 2, 3}, {2, 2, 2},
                                                {2, 1, 2}, {3, 2, 2}, {4, 4, 4},
                                                {1, 1, 2}, {1, 1, 1}};
  if (!hasUp)
    llvm::erase_if(stages, [](const std::array<int64_t, 3> &depth) {
      return depth[1] != depth[0];
    });
  return stages;
}

/// Registers of the producer and a consumer. A consumer is fastest with all
/// that it can have; but beside one that stores f32 the producer spills at 24.
static SmallVector<std::array<int64_t, 2>>
getRegisterSplits(const OperatorFacts &op) {
  if (op.outputType != op.inputType)
    return {{40, 232}};
  return {{24, 240}, {40, 232}};
}

/// Whether the producer of pieces has the registers to wait for a cluster at
/// its end: with 24 it spills, unless its rings are of one depth and it counts
/// their slots together.
static bool canWait(const ScheduleFields &schedule) {
  return schedule.registers[0] >= 40 ||
         (!schedule.push && llvm::all_equal(schedule.stages));
}

/// The same for one consumer, where two blocks are to share a multiprocessor.
static std::array<int64_t, 2> getSharedRegisters(const OperatorFacts &op) {
  if (op.outputType != op.inputType)
    return {40, 216};
  return {24, 232};
}

/// Numbers of pieces to split d_ff into, besides 1: the smallest for each
/// number of steps of a piece, as long as all blocks run at once. With more of
/// them one block of a tile would sum alone.
///
/// Pieces that push are a cluster: as many as all run at once of these.
static SmallVector<int64_t> getSplits(const OperatorFacts &op,
                                      const ScheduleFields &schedule,
                                      const Chip &chip) {
  SmallVector<int64_t> splits;
  for (int64_t size :
       {op.batches, op.heads, op.tokens, op.subNetworks, op.subWidth})
    if (ShapedType::isDynamic(size) || size < 1)
      return splits;
  OperatorFacts bounded = assumeSizes(op);
  int64_t rowTiles = llvm::alignTo(
      llvm::divideCeil(bounded.tokens, schedule.tokenTile), schedule.cluster);
  int64_t tiles = bounded.batches * bounded.heads * rowTiles;
  int64_t steps = countDffTiles(op.subNetworks, op.subWidth, schedule.dffTile);
  int64_t slots = chip.multiprocessors / schedule.cluster * schedule.cluster *
                  countBlocksAtOnce(op, schedule);
  int64_t most = std::min(slots / tiles, steps);
  if (schedule.push) {
    most = std::min(hopper::kMaxCluster, steps);
    int64_t together = countBlocksAtOnce(op, schedule);
    while (most > 1 &&
           countClustersAtOnce(chip.multiprocessors, most, together) < tiles)
      --most;
  }
  for (int64_t split = most; split > 1; --split)
    if (llvm::divideCeil(steps, split) != llvm::divideCeil(steps, split - 1))
      splits.push_back(split);
  return splits;
}

/// In f16 A without R overflows sooner, where R is below 1.
static bool canScaleSums(const OperatorFacts &op) {
  return op.hasRouter && op.inputType.isBF16();
}

std::vector<Candidate> flashmhf::getCandidates(const OperatorFacts &op,
                                               const Chip &chip,
                                               bool programmatic) {
  std::vector<Candidate> candidates;
  if (findOperandFault(op))
    return candidates;
  auto add = [&](ScheduleFields schedule) {
    schedule.programmatic = programmatic;
    // Beside three consumers it made D = 64 4% slower.
    schedule.holdQ =
        schedule.consumers <= 2 &&
        (schedule.cluster == 1 || op.headWidth <= kWidestHeldInClusters) &&
        canHoldQ(op, schedule);
    // Without fused tiles it spills, and beside the sums of wider heads.
    int64_t widest =
        schedule.cluster > 1 ? kWidestSharedInClusters : kWidestShared;
    schedule.streamK = schedule.fuseTiles && !schedule.rotate &&
                       !schedule.scaleSums && op.headWidth <= widest;
    if (findFault(op, schedule))
      return;
    Prediction prediction = predict(op, schedule, chip);
    // Kernels of any number of tokens decide for themselves.
    if (schedule.streamK && !op.hasAnyTokens &&
        ShapedType::isStatic(op.tokens) && ShapedType::isStatic(op.batches)) {
      schedule.streamK = false;
      Prediction whole = predict(op, schedule, chip);
      schedule.streamK = prediction.sharers > 0 &&
                         prediction.microseconds < whole.microseconds;
      if (!schedule.streamK)
        prediction = whole;
    }
    candidates.push_back({schedule, prediction});
  };
  // All ways to shorten the activation: 10% at D = 64, nothing from 96 on.
  auto addActivations = [&](ScheduleFields schedule) {
    // Half of the columns late, or with three consumers three quarters.
    int64_t late =
        llvm::alignDown(schedule.dffTile * (schedule.consumers > 2 ? 3 : 2) / 4,
                        hopper::kColumnGroup);
    for (auto [scalesSums, lateColumns] :
         {std::pair<bool, int64_t>(true, late), {true, 0}, {false, late}}) {
      schedule.scaleSums = scalesSums;
      schedule.lateColumns = lateColumns;
      if ((scalesSums ? canScaleSums(op) : lateColumns > 0) &&
          (lateColumns == 0 || op.hasUp))
        add(schedule);
    }
  };
  // All ways to go from one tile to the next.
  auto addBoundaries = [&](ScheduleFields schedule) {
    bool canFuse = schedule.persistent && schedule.overlap;
    for (auto [producers, fuse, halve] :
         // Halving Q gained 8% at D = 64, 3% at D = 96 and 256, and nothing at
         // D = 128, where it is first for the instructions it saves.
         {std::tuple(2, canFuse, true), std::tuple(2, canFuse, false),
          std::tuple(2, false, false), std::tuple(1, false, false)}) {
      schedule.producers = producers;
      schedule.fuseTiles = fuse;
      schedule.halveQ = halve;
      if (halve ? !canHalveQ(op.activation) || !canFuse
                : !fuse && canFuse && schedule.rotate)
        continue;
      add(schedule);
      if (fuse && schedule.cluster == 1 && !schedule.rotate)
        addActivations(schedule);
    }
  };
  // All ways to share the sum of a tile.
  auto addPieces = [&](ScheduleFields schedule) {
    schedule.overlap = true;
    for (int64_t split : getSplits(op, schedule, chip)) {
      schedule.split = split;
      for (bool halve : {false, true}) {
        schedule.halveQ = halve;
        if (halve && !canHalveQ(op.activation))
          continue;
        // Gains where kernels begin early only.
        for (bool paced : {false, true}) {
          schedule.paced = paced;
          if (!paced || programmatic)
            add(schedule);
        }
      }
      schedule.paced = false;
      // As whole sums do, of which alone the gain was measured.
      schedule.halveQ = canHalveQ(op.activation);
      if (!schedule.exchange && schedule.cluster == 1 &&
          op.headWidth <= kNarrow)
        addActivations(schedule);
    }
  };
  auto addAllPieces = [&](ScheduleFields schedule) {
    // Blocks of pieces are not persistent.
    schedule.persistent = schedule.rotate = false;
    for (int64_t cluster : {1, 2}) {
      schedule.cluster = cluster;
      if (cluster == 1 || canWait(schedule))
        addPieces(schedule);
    }
  };
  auto addPushes = [&](ScheduleFields schedule) {
    schedule.push = true;
    if (canWait(schedule))
      addPieces(schedule);
  };
  // All ways to run blocks of one size.
  auto addRuns = [&](ScheduleFields schedule) {
    for (int64_t cluster : {1, 2}) {
      schedule.cluster = cluster;
      for (auto [persistent, overlap, rotate] : {std::array{true, true, false},
                                                 {false, true, false},
                                                 {true, true, true},
                                                 {true, false, false},
                                                 {false, false, false}}) {
        schedule.persistent = persistent;
        schedule.overlap = overlap;
        schedule.rotate = rotate;
        addBoundaries(schedule);
      }
    }
    addAllPieces(schedule);
    schedule.cluster = 1;
    addPushes(schedule);
  };
  // Few tokens: weights are the rows of the products.
  auto addExchanged = [&] {
    ScheduleFields schedule;
    schedule.exchange = true;
    schedule.consumers = 1;
    schedule.dffTile = hopper::kWarpgroupRows;
    if (ShapedType::isStatic(op.subWidth))
      schedule.dffTile =
          std::clamp<int64_t>(op.subWidth, 1, hopper::kWarpgroupRows);
    for (int64_t tokens : {8, 16, 32}) {
      schedule.tokenTile = tokens;
      for (const auto &stages : {std::array<int64_t, 3>{4, 4, 4}, {2, 2, 2}}) {
        schedule.stages.assign(stages.begin(), stages.end());
        for (const auto &registers : getRegisterSplits(op)) {
          schedule.registers.assign(registers.begin(), registers.end());
          if (findFault(op, schedule))
            continue;
          addPieces(schedule);
          addPushes(schedule);
        }
      }
    }
  };
  // Three consumers, where the activation is much of a step: +5% at D = 64.
  auto addThreeConsumers = [&] {
    ScheduleFields schedule;
    schedule.consumers = 3;
    schedule.tokenTile = 3 * hopper::kWarpgroupRows;
    schedule.registers = {24, 160};
    schedule.dffTile = 64;
    schedule.producers = 2;
    schedule.persistent = schedule.overlap = schedule.fuseTiles = true;
    schedule.halveQ = canHalveQ(op.activation);
    // Beside consumers that store f32 the producer spills at 24.
    if (!op.hasUp || !canScaleSums(op) || op.outputType != op.inputType ||
        (ShapedType::isStatic(op.subWidth) && op.subWidth < schedule.dffTile) ||
        findFault(op, schedule))
      return;
    Prediction step = predict(op, schedule, chip);
    if (step.specialCycles < kMuchActivation * step.tensorCycles)
      return;
    for (const auto &stages : {std::array<int64_t, 3>{4, 4, 4}, {2, 2, 2}}) {
      schedule.stages.assign(stages.begin(), stages.end());
      addActivations(schedule);
    }
  };
  ScheduleFields schedule;
  for (int64_t consumers : {2, 1}) {
    schedule.consumers = consumers;
    schedule.tokenTile = consumers * hopper::kWarpgroupRows;
    for (int64_t tile : getDffTiles(op.subWidth)) {
      schedule.dffTile = tile;
      for (const auto &stages : getStages(op.hasUp)) {
        schedule.stages.assign(stages.begin(), stages.end());
        for (const auto &registers : getRegisterSplits(op)) {
          schedule.registers.assign(registers.begin(), registers.end());
          // All that follow need as much shared memory and more registers.
          if (!findFault(op, schedule))
            addRuns(schedule);
        }
        // Pieces that push gain nothing where they share: of 268 that were
        // timed, 1 to 1024 tokens of three models, none was the best.
        auto shared = getSharedRegisters(op);
        schedule.registers.assign(shared.begin(), shared.end());
        if (consumers == 1 && countBlocksAtOnce(op, schedule) > 1)
          addAllPieces(schedule);
      }
    }
  }
  addThreeConsumers();
  addExchanged();
  return candidates;
}
