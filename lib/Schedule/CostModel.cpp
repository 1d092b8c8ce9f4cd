//===- CostModel.cpp - How long a kernel will take ------------------------===//
//
/// \file
/// In: sizes and a schedule; out: cycles of a step, waves of tiles, time. The
/// constants named k* below were fitted; each says to what. The rates of the
/// hardware are in Chip.h.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/CostModel.h"

#include "StepCost.h"

#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::flashmhf;

//===----------------------------------------------------------------------===//
// Fitted constants
//===----------------------------------------------------------------------===//

// Least squares of the logarithms of prediction over measurement, over 2500
// times: the candidates of two runs of `tune`, by methods C and P, of
// 2026-11-23 (1 to 4096 tokens, three models), the ledger, and the kernels of
// docs/performance.md, "Few tokens". Root mean square 6.5% over those of the
// runs. Those that say so: over 3600 times of runs of 2026-11-28, 6.2%, and so
// that what the model picks loses little.

/// Microseconds from the end of a kernel to the start of the next in a graph,
/// and how much of it a programmatic start hides.
static constexpr double kLaunch = 1.49;
static constexpr double kEarlyLaunch = 0.78;
/// Microseconds from there to the first step, with barriers and Q; and until
/// weights come at full rate, which a programmatic start hides.
static constexpr double kFirstStep = 1.58;
static constexpr double kRamp = 1.06;
/// Traffic of all multiprocessors together delays each by its time at this
/// rate, GB/s for 132 of them. It is power and clock as well as traffic.
static constexpr double kSharedTraffic = 30500;
/// What of a chip's rate of reading memory is left to weights, which come from
/// it once, and GB/s at which blocks that need the same ones find them in L2.
static constexpr double kMemory = 0.969;
static constexpr double kSharedReads = 37000; // 2026-11-28
/// Rate of memory of programmatic kernels with a block for at most half of the
/// multiprocessors, beside that of others: 1.3b, 1 token, in 4 pieces 28.8 us,
/// in 6 22.4.
static constexpr double kFewEarly = 0.928;
/// Bytes a cycle at which a tile's output leaves a block at its end.
static constexpr double kStoreBytes = 8.7;
/// Microseconds that the pieces of a split take to meet; bytes a cycle of their
/// partial sums for each block, which writes as many as it then reads; the same
/// where pieces push rows, and microseconds and bytes of shares. Where not all
/// blocks run at once, bytes a cycle at which one block reads all sums of a
/// tile. All but the last 2026-11-28.
static constexpr double kReduction = 1.68;
static constexpr double kReductionBytes = 22.7;
static constexpr double kPushBytes = 28.6;
static constexpr double kPushShares = 0.59;
static constexpr double kShareBytes = 65;
static constexpr double kLonelyBytes = 18;
/// What all takes longer where clusters that push do not all run at once.
static constexpr double kClusterWave = 1.12;
/// What an odd number of pieces that push takes longer, and one that is not a
/// multiple of 4: multiprocessors come in pairs. 2026-11-28.
static constexpr double kOddCluster = 1.062;
static constexpr double kSixCluster = 1.022;
/// The power of the number of tiles of tokens by which exchanged roles take
/// longer: each reads all weights again. 2026-11-28.
static constexpr double kExchangedTiles = 0.1;
/// Microseconds for which pieces in clusters of two wait for each other.
/// 2026-11-28.
static constexpr double kClusterPieces = 0.64;
/// How little the work hides the stream of operands and the other way around:
/// the exponent of the norm that joins them.
static constexpr double kJoinMemory = 4.8;

// From docs/performance.md, the forward kernel.

/// Microseconds to start a tile in a fresh block instead of a persistent one:
/// .956 against .981 (370m), .990 against 1.020 (1.3b), 16384 tokens.
static constexpr double kFreshBlock = 1.4;
/// A cluster of two is 1% slower than none (370m, 1.3b, 16384 tokens): what
/// multicast saves in traffic has not been seen to save time there.
static constexpr double kCluster = 1.01;
/// What is left exposed at the end of a tile, with a thread that fetches Q
/// ahead and where tiles are fused besides: of 16384 tokens of 370m the
/// multiprocessors were busy for 554, 547 and 543 thousand cycles.
static constexpr double kQThread = 0.5;
static constexpr double kFused = 0.15;
/// What it gains programmatic kernels to ask for first tiles first, where
/// blocks share weights: 1.3b, 370m and 128m at 512 tokens, 128m at 1024: 1 to
/// 6%.
static constexpr double kPaced = 0.98;

/// `rotate` cost 0 to 6% below 65536 tokens and gained 1% there, within noise.
static constexpr double kRotate = 1.02;

//===----------------------------------------------------------------------===//
// The kernel
//===----------------------------------------------------------------------===//

OperatorFacts flashmhf::assumeSizes(OperatorFacts op) {
  auto assume = [](int64_t &size, int64_t value) {
    // A bound keeps the sums of the model from overflowing.
    size =
        ShapedType::isDynamic(size) ? value : std::min<int64_t>(size, 1 << 18);
  };
  assume(op.batches, ShapedType::isDynamic(op.tokens) ? 1 : 8);
  assume(op.tokens, 65536);
  assume(op.heads, 8);
  assume(op.groups, op.heads);
  assume(op.subNetworks, 8);
  assume(op.subWidth, 256);
  assume(op.headWidth, kMaxTile);
  return op;
}

static int64_t getBytes(Type type) {
  return llvm::divideCeil(type.getIntOrFloatBitWidth(), 8);
}

/// What takes place once all steps are done, in cycles: the rows of a tile, of
/// which there are `rows`, are stored, or summed over the pieces.
static double getEndCycles(const OperatorFacts &op,
                           const ScheduleFields &schedule, const Chip &chip,
                           const Prediction &counts, int64_t rows,
                           int64_t sharing) {
  double elements = double(rows) * op.headWidth;
  if (schedule.split == 1)
    return elements * getBytes(op.outputType) / kStoreBytes;
  double partials = elements * sizeof(float);
  if (schedule.push && schedule.exchange)
    return partials / kPushBytes;
  if (schedule.push) {
    // Of a whole tile, whatever rows it has.
    double sent = double(schedule.tokenTile) * op.headWidth * sizeof(float) *
                  double(schedule.split - 1) / double(schedule.split);
    return kPushShares * chip.clockGHz * 1e3 + sent * sharing / kShareBytes;
  }
  double cycles =
      kReduction * chip.clockGHz * 1e3 + partials * sharing / kReductionBytes;
  // Blocks that do not all run at once cannot meet: one sums for a tile.
  if (counts.waves > 1)
    cycles += double(schedule.split) * partials / kLonelyBytes;
  return cycles;
}

/// Microseconds to stream the weights, and what else goes to and from device
/// memory, with the L2 traffic of blocks that read the same.
static double getMemoryTime(const OperatorFacts &op,
                            const ScheduleFields &schedule, const Chip &chip,
                            const Prediction &counts) {
  double inputBytes = getBytes(op.inputType);
  double outputBytes = getBytes(op.outputType);
  double weights = op.groups * double(op.subNetworks) * op.subWidth *
                   op.headWidth * (op.getProducts() + 1) * inputBytes;
  double rest = double(op.batches) * op.heads * op.tokens *
                (op.headWidth * (inputBytes + outputBytes) +
                 (op.hasRouter ? 4. * op.subNetworks : 0.));
  double rate = chip.memoryGBs * kMemory;
  if (schedule.programmatic && 2 * counts.blocks <= chip.multiprocessors)
    rate *= kFewEarly;
  double stream = (weights + rest) / (rate * 1e3);
  // Of whole sums, traffic delays the steps.
  if (schedule.split == 1)
    return stream;
  double again = std::max(counts.l2Bytes - weights, 0.);
  double shared = kSharedReads * chip.multiprocessors / 132;
  return stream + again / (shared * 1e3);
}

/// Sets what is counted: tiles, steps, blocks and waves of them.
static void countWork(Prediction &result, const OperatorFacts &op,
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
  int64_t slots =
      std::max<int64_t>(chip.multiprocessors / schedule.cluster, 1) *
      schedule.cluster * together;
  if (schedule.push)
    slots = std::max<int64_t>(
                countClustersAtOnce(chip, schedule.split, together), 1) *
            schedule.split;
  result.blocks = std::min(result.tiles, slots);
  result.waves = llvm::divideCeil(result.tiles, slots);
  result.occupancy = double(result.tiles) /
                     double(result.waves * chip.multiprocessors * together);
}

Prediction flashmhf::predict(const OperatorFacts &facts,
                             const ScheduleFields &schedule, const Chip &chip) {
  OperatorFacts op = assumeSizes(facts);
  int64_t tile = std::min(schedule.dffTile, std::max<int64_t>(op.subWidth, 1));
  int64_t rows = getStepRows(tile, schedule);
  double cyclesPerMicrosecond = chip.clockGHz * 1e3;

  Prediction result;
  result.sharedMemory = getSharedMemory(op, schedule);
  result.accumulators = getAccumulators(op, rows, schedule);
  countWork(result, op, schedule, tile, chip);
  if (result.tiles == 0 || result.steps == 0)
    return result;
  // Clusters are packed.
  int64_t sharing = schedule.push
                        ? countBlocksAtOnce(op, schedule)
                        : llvm::divideCeil(result.blocks, chip.multiprocessors);
  double allSteps = double(result.tiles / schedule.split) * op.subNetworks *
                    llvm::divideCeil(op.subWidth, tile);
  double weightBytes = (op.getProducts() + 1) * double(rows) * op.headWidth *
                       getBytes(op.inputType);
  result.l2Bytes = allSteps * weightBytes / schedule.cluster;

  // One step has nothing to overlap with.
  StepCost step = getStepCost(op, schedule, rows,
                              schedule.overlap && result.steps > 1, sharing);
  double traffic = kSharedTraffic * chip.multiprocessors / 132;
  result.tensorCycles = step.tensor;
  result.specialCycles = step.special;
  result.memoryCycles =
      weightBytes * result.blocks / (traffic * 1e3) * cyclesPerMicrosecond;
  result.stepCycles =
      std::max(step.total + result.memoryCycles,
               weightBytes * sharing / kHopperRates.memoryBytes);

  double end = getEndCycles(op, schedule, chip, result,
                            std::min(op.tokens, schedule.tokenTile), sharing) /
               cyclesPerMicrosecond;
  double busy = double(result.waves * result.steps) * result.stepCycles /
                cyclesPerMicrosecond;
  // The last step overlaps with nothing.
  double first = kFirstStep + step.chain / cyclesPerMicrosecond;
  double boundary = schedule.persistent ? 0 : kFreshBlock;
  if (schedule.split == 1)
    boundary += end * (schedule.fuseTiles       ? kFused
                       : schedule.producers > 1 ? kQThread
                                                : 1);
  busy += (result.waves - 1) * boundary;

  double launch = kLaunch, ramp = kRamp;
  if (schedule.programmatic) {
    launch -= kEarlyLaunch;
    ramp = 0;
  }
  double memory = getMemoryTime(op, schedule, chip, result);
  result.launchMicroseconds = launch + first + end;
  result.memoryMicroseconds = launch + ramp + memory;

  // Streaming the operands and working on them hide each other, but not at both
  // ends.
  result.microseconds =
      launch + joinTimes(first + busy, ramp + memory, kJoinMemory) + end;
  result.limit = ramp + memory > first + busy ? "device memory" : step.limit;
  if (result.launchMicroseconds > result.microseconds / 2)
    result.limit = "launch";
  double flops = allSteps * schedule.tokenTile * 2 * (op.getProducts() + 1) *
                 rows * op.headWidth;
  result.powerMicroseconds =
      launch + kFirstStep + flops / (chip.sustainedTFlops * 1e6);
  if (result.powerMicroseconds > result.microseconds) {
    result.microseconds = result.powerMicroseconds;
    result.limit = "power";
  }
  if (schedule.push && result.waves > 1)
    result.microseconds *= kClusterWave;
  if (schedule.push && schedule.split % 2 != 0)
    result.microseconds *= kOddCluster;
  else if (schedule.push && schedule.split % 4 == 2 && schedule.split > 2)
    result.microseconds *= kSixCluster;
  if (schedule.exchange)
    result.microseconds *=
        std::pow(double(result.tiles) / double(op.groups * schedule.split),
                 kExchangedTiles);
  if (schedule.cluster > 1 && schedule.split > 1)
    result.microseconds += kClusterPieces;
  else if (schedule.cluster > 1)
    result.microseconds *= kCluster;
  if (schedule.rotate)
    result.microseconds *= kRotate;
  if (schedule.paced) {
    bool sharesWeights =
        result.tiles > op.groups * schedule.split * schedule.cluster;
    result.microseconds *=
        schedule.programmatic && sharesWeights ? kPaced : 2 - kPaced;
  }
  return result;
}
