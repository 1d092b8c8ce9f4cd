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
#include "WorkCount.h"

#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::flashmhf;

//===----------------------------------------------------------------------===//
// Fitted constants
//===----------------------------------------------------------------------===//

// Least squares of the logarithms of prediction over measurement, and so that
// what the model picks loses little, over 14500 times: the candidates of runs
// of `tune`, in rounds and by methods C and P (1 to 16384 tokens, three
// models), of 2026-11-28 on an h100-sxm (not by P) and of 2026-11-29 on an
// h200, beside the ledger of that day. Root mean square 5.8%.

/// Microseconds from the end of a kernel to the start of the next in a graph,
/// and what a programmatic start hides: it, and a part of what follows.
static constexpr double kLaunch = 0.9;
static constexpr double kEarlyLaunch = 1.2;
/// Microseconds from there to the first step, with barriers and Q, and of the
/// time in which memory brings all blocks their first tiles the part that the
/// step waits besides; and until weights come at full rate, which a
/// programmatic start hides.
static constexpr double kFirstStep = 2.31;
static constexpr double kFill = 0.827;
static constexpr double kRamp = 0.356;
/// The last step has nothing to overlap with but what other consumers still do:
/// the part of a consumer's share of a step that is taken off its time.
static constexpr double kOthers = 0.447;
/// Traffic of all multiprocessors together delays each by its time at this
/// rate, GB/s for 132 of them. It is power and clock as well as traffic.
static constexpr double kSharedTraffic = 27700;
/// What of a chip's rate of reading memory is left to weights, which come from
/// it once, and GB/s at which blocks that need the same ones find them in L2.
static constexpr double kMemory = 0.9583;
static constexpr double kSharedReads = 24000;
/// Rate of memory of programmatic kernels with a block for at most half of the
/// multiprocessors, beside that of others: 1.3b, 1 token, in 4 pieces 28.8 us,
/// in 6 22.4.
static constexpr double kFewEarly = 0.88;
/// Microseconds to start a tile in a fresh block instead of a persistent one.
static constexpr double kFreshBlock = 1.25;
/// Microseconds that blocks lose which share tiles: two ends for one, and a
/// partial sum that goes to memory and back.
static constexpr double kStream = 6;
/// Bytes a cycle at which a tile's output leaves a block at its end.
static constexpr double kStoreBytes = 29.5;
/// Microseconds that the pieces of a split take to meet; bytes a cycle of a
/// tile's partial sums, for each doubling of the pieces; bytes of rows where
/// pieces push these, and microseconds and bytes of shares. Where not all
/// blocks run at once, bytes a cycle at which one block reads all sums of a
/// tile.
static constexpr double kReduction = 1.05;
static constexpr double kReductionBytes = 88.9;
static constexpr double kPushBytes = 13;
static constexpr double kPushShares = 0.39;
static constexpr double kShareBytes = 175;
static constexpr double kLonelyBytes = 14.4;
/// What all takes longer where clusters that push do not all run at once.
static constexpr double kClusterWave = 1.189;
/// What 6, 10 or 14 pieces that push take of the time of others, but where
/// programmatic ones share their weights.
static constexpr double kSixCluster = 0.966;
/// The power of the number of tiles of tokens by which exchanged roles take
/// longer: each reads all weights again.
static constexpr double kExchangedTiles = 0.0624;
/// Microseconds for which the two consumers of pieces in clusters of two wait
/// for those of the other block.
static constexpr double kClusterPieces = 0.18;
/// What exchanged roles take longer with rings of two slots.
static constexpr double kShallow = 1.02;
/// Multiprocessors come in pairs, with one way to memory. Where some pairs have
/// two blocks and others one, those that are alone get ahead of the others, the
/// more, the more their rings ask for at once: all wait by kUneven of the time
/// that memory takes for what is beyond kRoom bytes. 96 blocks of 1.3b, 64
/// tokens, take 28.9 us with rings of 13.8 MB in all, 26.8 with 6.9. Not where
/// two consumers are longer at work than their tiles on the way, and not
/// programmatic kernels: those that come next fill the pairs.
static constexpr double kUneven = 1.07;
static constexpr double kRoom = 9.3e6;
/// How little the work hides the stream of operands and the other way around:
/// the exponent of the norm that joins them.
static constexpr double kJoinMemory = 4.46;

// From docs/performance.md, the forward kernel.

/// A cluster of two beside none, whole sums, each at the clock that its own
/// power leaves it (1000 to 65536 tokens, D = 96 to 192): multicast halves what
/// is read from L2, which is power, and blocks wait for one another. Where
/// there is a ring of one slot (D = 256 with U) the latter is more; three
/// consumers (D = 64) read less per product; a chip that is not full has power
/// to spare; and of programmatic kernels of one tile to a block each starts as
/// the one before ends, where it needs both multiprocessors of a pair.
static constexpr double kCluster = 0.984;
static constexpr double kClusterShallow = 1.048;
static constexpr double kClusterThree = 1.02;
static constexpr double kClusterIdle = 1.07;
static constexpr double kClusterEarly = 1.02;
static constexpr double kFullChip = 0.75;
/// What is left exposed at the end of a tile, with a thread that fetches Q
/// ahead and where tiles are fused besides: of 16384 tokens of 370m the
/// multiprocessors were busy for 554, 547 and 543 thousand cycles.
static constexpr double kQThread = 0.5;
static constexpr double kFused = 0.15;
/// What it costs to ask for first tiles first where kernels are not
/// programmatic, and with exchanged roles where rings hold all steps of a
/// piece, so that nothing is asked for late (128m, 1 to 16 tokens, by P).
/// Chip.h has what it gains elsewhere.
static constexpr double kPaced = 1.032;
static constexpr double kPacedWhole = 1.01;

/// Q in registers: what of a step's time is left, and microseconds for the
/// reads in front of the first.
static constexpr double kHeldQ = 0.973;
static constexpr double kHeldStart = 0.172;

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
      kReduction * chip.clockGHz * 1e3 +
      std::log2(double(schedule.split)) * partials * sharing / kReductionBytes;
  // Blocks that do not all run at once cannot meet: one sums for a tile.
  if (counts.waves > 1)
    cycles += double(schedule.split) * partials / kLonelyBytes;
  return cycles;
}

/// Blocks at once no two of which read the same weights.
static double countReaders(const OperatorFacts &op,
                           const ScheduleFields &schedule,
                           const Prediction &counts) {
  return double(std::min<int64_t>(counts.blocks, op.groups * schedule.split));
}

/// Whether the rings hold all steps of a piece, so that its weights are asked
/// for without waiting for a slot.
static bool holdsAllSteps(const ScheduleFields &schedule,
                          const Prediction &counts) {
  return schedule.split > 1 &&
         llvm::all_of(schedule.stages,
                      [&](int64_t slots) { return slots >= counts.steps; });
}

/// Microseconds until first tiles are there, beyond the time of the first byte.
static double getFillTime(const OperatorFacts &op,
                          const ScheduleFields &schedule, const Chip &chip,
                          const Prediction &counts, double stepBytes) {
  // Asked for before the kernel in front ends.
  if (schedule.programmatic && schedule.push && holdsAllSteps(schedule, counts))
    return 0;
  return kFill * stepBytes * countReaders(op, schedule, counts) /
         (chip.memoryGBs * 1e3);
}

/// Whether blocks of several tiles of tokens read the same weights.
static bool sharesWeights(const OperatorFacts &op,
                          const ScheduleFields &schedule,
                          const Prediction &counts) {
  return counts.tiles > op.groups * schedule.split * schedule.cluster;
}

/// The time of a kernel that is `paced` over that of one that is not.
static double getPacing(const OperatorFacts &op, const ScheduleFields &schedule,
                        const Chip &chip, const Prediction &counts) {
  if (!schedule.programmatic)
    return kPaced;
  if (sharesWeights(op, schedule, counts))
    return chip.pacedShared;
  if (schedule.exchange && holdsAllSteps(schedule, counts))
    return kPacedWhole;
  return chip.pacedAlone;
}

/// Microseconds that blocks lose to those that are alone in a pair of
/// multiprocessors.
static double getUnevenTime(const OperatorFacts &op,
                            const ScheduleFields &schedule, const Chip &chip,
                            const Prediction &counts) {
  double pairs = double(chip.multiprocessors) / 2;
  double blocks = double(counts.blocks);
  // A few pairs do not matter.
  constexpr double few = 0.15;
  double uneven = std::min(blocks - pairs, 2 * pairs - blocks) / (pairs / 2);
  uneven = (uneven - few) / (1 - few);
  if (schedule.programmatic || schedule.consumers > 1 || uneven <= 0)
    return 0;
  double bytes = 0;
  for (const RingFacts &ring : getRings(op, schedule))
    if (ring.isStreamed())
      bytes += double(ring.slots * ring.bytes);
  return uneven * kUneven * std::max(bytes * blocks - kRoom, 0.) /
         (chip.memoryGBs * 1e3);
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
  return stream + again / (shared * 1e3) +
         getUnevenTime(op, schedule, chip, counts);
}

/// The time of a kernel of whole sums in clusters over that of one in none.
static double getClusterFactor(const ScheduleFields &schedule, const Chip &chip,
                               const Prediction &counts) {
  if (llvm::is_contained(schedule.stages, 1))
    return kClusterShallow;
  if (schedule.consumers > 2)
    return kClusterThree;
  if (double(counts.blocks) < kFullChip * double(chip.multiprocessors))
    return kClusterIdle;
  return schedule.programmatic && counts.waves == 1 ? kClusterEarly : kCluster;
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
  if (schedule.holdQ)
    step.total *= kHeldQ;
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
  double busy =
      countBusySteps(result) * result.stepCycles / cyclesPerMicrosecond;
  double others = kOthers * step.total / double(sharing * schedule.consumers);
  double left = std::max(step.chain - others, 0.);
  double first =
      kFirstStep + getFillTime(op, schedule, chip, result, weightBytes) +
      left / cyclesPerMicrosecond + (schedule.holdQ ? kHeldStart : 0);
  double boundary = schedule.persistent ? 0 : kFreshBlock;
  if (schedule.split == 1)
    boundary += end * (schedule.fuseTiles       ? kFused
                       : schedule.producers > 1 ? kQThread
                                                : 1);
  busy += (result.waves - 1) * boundary;
  if (result.sharers > 0)
    busy += kStream;

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
  if (schedule.push && schedule.split % 4 == 2 && schedule.split > 2 &&
      !(schedule.programmatic && sharesWeights(op, schedule, result)))
    result.microseconds *= kSixCluster;
  if (schedule.exchange)
    result.microseconds *=
        std::pow(double(result.tiles) / double(op.groups * schedule.split),
                 kExchangedTiles);
  if (schedule.exchange && schedule.stages[0] == 2)
    result.microseconds *= kShallow;
  if (schedule.cluster > 1 && schedule.split == 1)
    result.microseconds *= getClusterFactor(schedule, chip, result);
  else if (schedule.cluster > 1 && schedule.consumers > 1)
    result.microseconds += kClusterPieces;
  if (schedule.rotate)
    result.microseconds *= kRotate;
  if (schedule.paced)
    result.microseconds *= getPacing(op, schedule, chip, result);
  return result;
}
