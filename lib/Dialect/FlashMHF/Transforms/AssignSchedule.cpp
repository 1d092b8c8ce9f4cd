//===- AssignSchedule.cpp - Write a schedule on every mhffn ---------------===//
//
/// \file
/// In: mhffn with or without a schedule. Out: every mhffn has one. The rule is
/// stated in Passes.td.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"
#include "flashmhf/Schedule/Rules.h"

#include <array>

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFASSIGNSCHEDULE
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// Depths of the rings of K, U and V to try, best first.
static constexpr std::array<int64_t, 3> kStages[] = {{2, 2, 2}, {2, 1, 2}};

/// The width assumed where D is not static: the widest for which a schedule
/// exists, so that the schedule fits any narrower one.
static constexpr int64_t kWidestHead = 256;

/// The d_ff tiles to try, best first.
static SmallVector<int64_t> getTileCandidates(int64_t f) {
  constexpr int64_t tiles[] = {128, 64, 32, 16};
  SmallVector<int64_t> candidates;
  for (int64_t tile : tiles)
    if (ShapedType::isDynamic(f) || (f > 0 && f % tile == 0))
      candidates.push_back(tile);
  if (!candidates.empty())
    return candidates;
  for (int64_t tile : tiles)
    if (tile <= f)
      candidates.push_back(tile);
  if (candidates.empty())
    candidates.push_back(16);
  return candidates;
}

static ScheduleAttr chooseSchedule(MHFFNOp op) {
  OperatorFacts facts = OperatorFacts::get(op);
  if (ShapedType::isDynamic(facts.headWidth))
    facts.headWidth = kWidestHead;
  ScheduleFields schedule;
  schedule.persistent = true;
  schedule.overlap = true;
  // A consumer is fastest with all that it can have; but beside one that stores
  // f32 the producer spills at 24.
  if (facts.outputType != facts.inputType)
    schedule.registers = {40, 232};
  for (int64_t tile : getTileCandidates(facts.subWidth))
    for (const std::array<int64_t, 3> &stages : kStages) {
      schedule.dffTile = tile;
      schedule.stages.assign(stages.begin(), stages.end());
      if (!findFault(facts, schedule))
        return ScheduleAttr::get(op.getContext(), schedule);
    }
  schedule.dffTile = 16;
  schedule.stages = {1, 1, 1};
  return ScheduleAttr::get(op.getContext(), schedule);
}

namespace {
struct AssignSchedulePass
    : flashmhf::impl::FlashMHFAssignScheduleBase<AssignSchedulePass> {
  void runOnOperation() override {
    getOperation()->walk([](MHFFNOp op) {
      if (!op.getScheduleAttr())
        op.setScheduleAttr(chooseSchedule(op));
    });
  }
};
} // namespace
