//===- StepCost.cpp - How long one step takes -----------------------------===//
//
/// \file
/// In: sizes and a schedule; out: what a step asks of each unit, and what of it
/// the others do not hide.
//
//===----------------------------------------------------------------------===//

#include "StepCost.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/Support/MathExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::flashmhf;

// Fitted with those of CostModel.cpp, which says to what.

/// Cycles of a step for barriers, turns and the issue of products.
static constexpr double kStepOverhead = 187;
/// The clock of steps over the chip's: 1.98 GHz on an h100-sxm that is not at
/// its power limit. 32 blocks take 9% less than its tensor cores could
/// at 1.755.
static constexpr double kBoost = 1.102;
/// What a step takes longer where the next K has no slot of its own, and where
/// only those of U or V have none.
static constexpr double kOneSlot = 1.34;
static constexpr double kOneLateSlot = 1.18;

// From a fit of 2026-11-22 to the ledger alone.

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
static constexpr double kNoTurns = 1.182;

namespace {
/// Operations on one element of S besides the products.
struct ActivationCost {
  double special; ///< MUFU
  double others;  ///< FMA pipe
};
} // namespace

double flashmhf::joinTimes(double a, double b, double exponent) {
  return std::pow(std::pow(a, exponent) + std::pow(b, exponent), 1 / exponent);
}

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

StepCost flashmhf::getStepCost(const OperatorFacts &op,
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
  cost.total = joinTimes(cost.tensor, elementwise, kJoin);
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
  cost.chain = chain;
  if (chain > cost.total) {
    cost.total = chain;
    cost.limit = "one consumer";
  }
  // A slot is filled again once the slowest consumer has read it; the others
  // are up to a turn ahead.
  double held = (sharing * consumers - 1) * products + product;
  for (const RingFacts &ring : getRings(op, schedule)) {
    if (!ring.isStreamed())
      continue;
    double cycles =
        (held + rates.memoryLatency + ring.bytes / rates.memoryBytes) /
        ring.slots;
    if (cycles > cost.total) {
      cost.total = cycles;
      cost.limit = "shared-memory rings";
    }
  }
  cost.total += kStepOverhead;
  if (getRingSlots("K", schedule) == 1)
    cost.total *= kOneSlot;
  else if (getRingSlots("U", schedule) == 1 || getRingSlots("V", schedule) == 1)
    cost.total *= kOneLateSlot;
  cost.total /= kBoost;
  cost.chain /= kBoost;
  return cost;
}
