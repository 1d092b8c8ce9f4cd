//===- AssignSchedule.cpp - Write a schedule on every mhffn ---------------===//
//
/// \file
/// In: mhffn with or without a schedule. Out: every mhffn has one. The rule is
/// stated in Passes.td; the budgets are those of one Hopper thread block.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include <array>

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFASSIGNSCHEDULE
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// Shared memory of a thread block, less barriers and the alignment of the
/// first tile.
static constexpr int64_t kSharedMemory = 227 * 1024 - 1280;
/// f32 accumulators per consumer thread that leave room for addresses and the
/// packed A operand within 240 registers.
static constexpr int64_t kAccumulators = 192;
static constexpr int64_t kTokenTile = 128;
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

static bool fits(MHFFNOp op, int64_t d, int64_t tile,
                 ArrayRef<int64_t> stages) {
  int64_t products = op.getU() ? 2 : 1;
  if ((d + products * tile) / 2 > kAccumulators)
    return false;
  int64_t slots = stages[0] + stages[2] + (op.getU() ? stages[1] : 0);
  int64_t bytes =
      llvm::divideCeil(op.getInputType().getIntOrFloatBitWidth(), 8);
  return (kTokenTile + slots * tile) * d * bytes <= kSharedMemory;
}

static ScheduleAttr chooseSchedule(MHFFNOp op) {
  ScheduleAttr base = ScheduleAttr::getDefault(op.getContext());
  // A consumer is fastest with all that it can have; but beside one that stores
  // f32 the producer spills at 24.
  bool storesWide =
      getElementTypeOrSelf(op.getInit().getType()) != op.getInputType();
  SmallVector<int64_t> registers(base.getRegisters());
  if (storesWide)
    registers = {40, 232};
  auto make = [&](int64_t tile, ArrayRef<int64_t> stages) {
    return ScheduleAttr::get(op.getContext(), kTokenTile, tile, stages,
                             base.getConsumers(), registers, base.getCluster(),
                             /*persistent=*/true,
                             /*overlap=*/true, /*rotate=*/false);
  };
  int64_t d = op.getHeadWidth();
  if (ShapedType::isDynamic(d))
    d = kWidestHead;
  for (int64_t tile : getTileCandidates(op.getSubWidth()))
    for (const std::array<int64_t, 3> &stages : kStages)
      if (fits(op, d, tile, stages))
        return make(tile, stages);
  return make(16, {1, 1, 1});
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
