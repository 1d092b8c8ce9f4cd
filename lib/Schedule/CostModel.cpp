//===- CostModel.cpp - How long a kernel will take ------------------------===//
//
/// \file
/// In: sizes and a schedule; out: cycles of a step, waves of tiles, time. The
/// constants named k* below were fitted; each says to what. The rates of the
/// hardware are in Chip.h.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/CostModel.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::flashmhf;

//===----------------------------------------------------------------------===//
// Fitted constants
//===----------------------------------------------------------------------===//

// Least squares of the logarithms of prediction over measurement, over the
// timed rows of the ledger of 2026-11-22 (default schedules) and the three
// figures for 16384 tokens in docs/performance.md: 5.4% root mean square.

/// Microseconds from a launch in a graph to the first step, with the first
/// transfers.
static constexpr double kStart = 4.08;
/// Cycles of a step for barriers, turns and the issue of products.
static constexpr double kStepOverhead = 60;
/// Bytes a cycle at which a tile's output leaves a block; nothing hides it.
static constexpr double kStoreBytes = 20.5;
/// Traffic of all multiprocessors together delays each by its time at this
/// rate, GB/s for 132 of them.
static constexpr double kSharedTraffic = 29500;
/// How little units that are about equally busy hide each other: the exponent
/// of the norm that joins their times. 3 to 4 fit D = 16 to 256 alike.
static constexpr double kJoin = 3;

// From docs/performance.md, the forward kernel.

/// Cycles that late columns cost a step: at D = 96 and 128 they gain nothing,
/// though what they hide would be 3 and 1% (128m, 370m, 16384 tokens).
static constexpr double kLateColumns = 65;
/// Part of the activation that two consumers without `overlap` do not hide from
/// each other: 370m, 16384 tokens, .845 against .956.
static constexpr double kUnhidden = 0.33;
/// Blocks that share a multiprocessor do not take turns. Consumers of one block
/// that do not lost 22 and 16% (370m, 4096 and 16384 tokens), 15 and 6% (128m).
static constexpr double kNoTurns = 1.15;
/// Microseconds to start a tile in a fresh block instead of a persistent one:
/// .956 against .981 (370m), .990 against 1.020 (1.3b), 16384 tokens.
static constexpr double kFreshBlock = 1.4;
/// A cluster of two is 1% slower than none (370m, 1.3b, 16384 tokens): what
/// multicast saves in traffic has not been seen to save time.
static constexpr double kCluster = 1.01;
/// Microseconds that the sum over the pieces of a split takes besides its
/// traffic, and GB/s of that: without and with a reduction, 1.3b in 8 pieces
/// took 27.7 and 29.3 us at 1 token, 29.3 and 32.2 at 64 (hand-written kernel).
static constexpr double kReduction = 1.6;
static constexpr double kPartialTraffic = 6400;
/// The same where pieces push: 0.8 to 1.2 us less at one token (370m, 128m).
/// The rows that are sent, per second: 370m in 8 pieces takes 13.2 us at 1
/// token and 14.8 at 64.
static constexpr double kPush = 0.6;
static constexpr double kPushTraffic = 1300;
/// What all takes longer where clusters do not all run at once: 370m in 16
/// pieces took 15.8 us, in 8 12.3.
static constexpr double kClusterWave = 1.3;
/// What is left exposed at the end of a tile, with a thread that fetches Q
/// ahead and where tiles are fused besides: of 16384 tokens of 370m the
/// multiprocessors were busy for 554, 547 and 543 thousand cycles.
static constexpr double kQThread = 0.5;
static constexpr double kFused = 0.15;
/// `rotate` cost 0 to 6% below 65536 tokens and gained 1% there, within noise.
static constexpr double kRotate = 1.02;

/// Cycles of a transfer's latency on a busy chip, against the 600 of an idle
/// one: D = 256, whose ring of U has one slot, takes 3475 cycles a step.
static constexpr double kLoadedLatency = 1000;

//===----------------------------------------------------------------------===//
// One step
//===----------------------------------------------------------------------===//

namespace {
/// Operations on one element of S besides the products.
struct ActivationCost {
  double special; ///< MUFU
  double others;  ///< FMA pipe
};

/// Cycles of one step.
struct StepCost {
  double tensor = 0;  ///< All consumers.
  double special = 0; ///< All consumers.
  double total = 0;
  StringRef limit;
};
} // namespace

/// As HopperToNVVM computes them: silu and sigmoid are one tanh.
static ActivationCost getActivationCost(Activation activation) {
  switch (activation) {
  case Activation::Silu:
  case Activation::Sigmoid:
    return {1, 2}; // 1 where Q is halved.
  case Activation::Gelu:
    return {1, 6};
  case Activation::Relu:
    return {0, 1};
  case Activation::Relu2:
    return {0, 2};
  case Activation::Identity:
    return {0, 0};
  }
  llvm_unreachable("unknown activation");
}

/// Cycles of one m64nNk16 wgmma, with A in shared memory or in registers: what
/// the tensor cores compute, or what they read, N rows of B of 32 bytes and 64
/// of A.
static double getProductCycles(int64_t n, bool sharedA) {
  const MultiprocessorRates &rates = kHopperRates;
  double rows = hopper::kWarpgroupRows;
  double compute = 2 * rows * double(n) * kProductStep / rates.tensorFlops;
  double read = (double(n) + (sharedA ? rows : 0)) * 2 * kProductStep;
  return std::max(compute, read / rates.sharedBytes);
}

static double join(double a, double b) {
  return std::pow(std::pow(a, kJoin) + std::pow(b, kJoin), 1 / kJoin);
}

/// `sharing`: blocks that share a multiprocessor.
static StepCost getStepCost(const OperatorFacts &op,
                            const ScheduleFields &schedule, int64_t rows,
                            bool overlaps, int64_t sharing) {
  const MultiprocessorRates &rates = kHopperRates;
  double consumers = schedule.consumers;
  // Of one consumer: a product with K or U, and all of them. With exchanged
  // roles tokens are the columns, and O has one instruction for each 64 columns
  // of V.
  int64_t columns = schedule.exchange ? schedule.tokenTile : rows;
  double product =
      op.headWidth / double(kProductStep) * getProductCycles(columns, true);
  double sum =
      schedule.exchange
          ? double(llvm::divideCeil(op.headWidth, hopper::kWarpgroupRows)) *
                getProductCycles(columns, /*sharedA=*/true)
          : getProductCycles(op.headWidth, /*sharedA=*/false);
  double products =
      op.getProducts() * product + rows / double(kProductStep) * sum;
  // Elementwise: the activation and the gate of the router while the product
  // with U runs; times T, and the rounding, when it is done.
  double elements = double(hopper::kWarpgroupRows) * columns;
  ActivationCost each = getActivationCost(op.activation);
  double special = elements * each.special / rates.specialOps;
  bool scalesSums = schedule.scaleSums && op.hasRouter;
  double others = each.others + (op.hasRouter && !scalesSums) - schedule.halveQ;
  double early = special + elements * others / rates.floatOps;
  if (scalesSums)
    early += double(hopper::kWarpgroupRows) * op.headWidth / rates.floatOps /
             double(llvm::divideCeil(op.subWidth, schedule.dffTile));
  double late = elements * (op.hasUp + 0.5) / rates.floatOps;
  // What runs under the tanh of late columns.
  double hidden = 0;
  if (schedule.lateColumns > 0 && op.hasUp)
    hidden = std::min(late, special * schedule.lateColumns / columns);

  StepCost cost;
  cost.tensor = sharing * consumers * products;
  cost.special = sharing * consumers * special;
  double elementwise = sharing * consumers * (early + late - hidden);
  // What one consumer does one after another.
  double chain = products + late - hidden +
                 (op.hasUp ? std::max(early - product, 0.) : early);
  cost.total = join(cost.tensor, elementwise);
  if (schedule.lateColumns > 0)
    cost.total += kLateColumns;
  if (!overlaps) {
    // A V waits for the activation, and the next step for A V.
    chain = products + late + early;
    cost.total += (sharing * consumers > 1 ? kUnhidden : 1) * elementwise;
  }
  if (sharing > 1)
    cost.total *= kNoTurns;
  cost.limit = cost.tensor >= elementwise ? "tensor cores" : "activation";
  if (chain > cost.total) {
    cost.total = chain;
    cost.limit = "one consumer";
  }
  // A slot is filled again once the slowest consumer has read it; the others
  // are up to a turn ahead.
  double held = (sharing * consumers - 1) * products + product;
  for (const RingFacts &ring : getRings(op, schedule)) {
    if (ring.name == "Q" || ring.isLocal)
      continue;
    double cycles =
        (held + kLoadedLatency + ring.bytes / rates.memoryBytes) / ring.slots;
    if (cycles > cost.total) {
      cost.total = cycles;
      cost.limit = "shared-memory rings";
    }
  }
  cost.total += kStepOverhead;
  return cost;
}

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

Prediction flashmhf::predict(const OperatorFacts &facts,
                             const ScheduleFields &schedule, const Chip &chip) {
  OperatorFacts op = assumeSizes(facts);
  int64_t tile = std::min(schedule.dffTile, std::max<int64_t>(op.subWidth, 1));
  int64_t rows = getStepRows(tile, schedule);
  double inputBytes = getBytes(op.inputType);
  double outputBytes = getBytes(op.outputType);
  double cyclesPerMicrosecond = chip.clockGHz * 1e3;

  Prediction result;
  result.sharedMemory = getSharedMemory(op, schedule);
  result.accumulators = getAccumulators(op, rows, schedule);
  int64_t rowTiles = llvm::alignTo(
      llvm::divideCeil(op.tokens, schedule.tokenTile), schedule.cluster);
  result.tiles = op.batches * op.heads * rowTiles;
  result.steps = op.subNetworks * llvm::divideCeil(op.subWidth, tile);
  int64_t tiles = result.tiles, steps = result.steps;
  // Pieces of a split are blocks of their own, the longest decides.
  result.tiles *= schedule.split;
  result.steps = llvm::divideCeil(steps, schedule.split);
  if (result.tiles == 0 || result.steps == 0)
    return result;
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
  int64_t sharing = llvm::divideCeil(result.blocks, chip.multiprocessors);

  // One step has nothing to overlap with.
  StepCost step = getStepCost(op, schedule, rows,
                              schedule.overlap && result.steps > 1, sharing);
  double weightBytes =
      (op.getProducts() + 1) * double(rows) * op.headWidth * inputBytes;
  double traffic = kSharedTraffic * chip.multiprocessors / 132;
  result.tensorCycles = step.tensor;
  result.specialCycles = step.special;
  result.memoryCycles =
      weightBytes * result.blocks / (traffic * 1e3) * cyclesPerMicrosecond;
  result.stepCycles = step.total + result.memoryCycles;

  double storeCycles =
      schedule.tokenTile * op.headWidth * outputBytes / kStoreBytes;
  double exposed = schedule.fuseTiles       ? kFused
                   : schedule.producers > 1 ? kQThread
                                            : 1;
  double tileMicroseconds =
      (result.steps * result.stepCycles + exposed * storeCycles) /
      cyclesPerMicrosecond;
  double busy = result.waves * tileMicroseconds;
  if (!schedule.persistent)
    busy += (result.waves - 1) * kFreshBlock;
  double reduction = 0;
  if (schedule.push) {
    reduction = kPush + 4. * double(schedule.split) * op.batches * op.heads *
                            op.tokens * op.headWidth / (kPushTraffic * 1e3);
  } else if (schedule.split > 1) {
    // Written once and read once, in f32.
    double partials = 8. * double(schedule.split) * op.batches * op.heads *
                      op.tokens * op.headWidth;
    reduction = kReduction + partials / (kPartialTraffic * 1e3);
    // Blocks that do not all run at once cannot meet: one sums for a tile.
    if (result.waves > 1)
      reduction += 4. * double(schedule.split) * schedule.tokenTile *
                   op.headWidth / kHopperRates.memoryBytes /
                   cyclesPerMicrosecond;
  }
  result.launchMicroseconds =
      kStart + storeCycles / cyclesPerMicrosecond + reduction;

  double allSteps = double(tiles) * steps;
  double flops = allSteps * schedule.tokenTile * 2 * (op.getProducts() + 1) *
                 rows * op.headWidth;
  result.powerMicroseconds = kStart + flops / (chip.sustainedTFlops * 1e6);
  result.l2Bytes = allSteps * weightBytes / schedule.cluster;
  double operandBytes = op.groups * double(op.subNetworks) * op.subWidth *
                            op.headWidth * (op.getProducts() + 1) * inputBytes +
                        double(op.batches) * op.heads * op.tokens *
                            (op.headWidth * (inputBytes + outputBytes) +
                             (op.hasRouter ? 4. * op.subNetworks : 0.));
  double memory = operandBytes / (chip.memoryGBs * 1e3);
  result.memoryMicroseconds = kStart + memory;

  // Streaming the operands and working on them hide each other, but not at both
  // ends.
  result.microseconds = kStart + join(busy, memory) + reduction;
  result.limit = memory > busy ? "device memory" : step.limit;
  if (result.launchMicroseconds > result.microseconds / 2)
    result.limit = "launch";
  if (result.powerMicroseconds > result.microseconds) {
    result.microseconds = result.powerMicroseconds;
    result.limit = "power";
  }
  if (schedule.push && result.waves > 1)
    result.microseconds *= kClusterWave;
  if (schedule.cluster > 1)
    result.microseconds *= kCluster;
  if (schedule.rotate)
    result.microseconds *= kRotate;
  return result;
}
