//===- AssignCPUSchedule.cpp - Tile sizes for a CPU -----------------------===//
//
/// \file
/// In: mhffn, some without a schedule. Out: every mhffn has one, whose sum over
/// d_ff is not split.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "llvm/Support/MathExtras.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFASSIGNCPUSCHEDULE
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// Rows of K, U and V in a tile, for heads of width `width`.
static int64_t getRows(int64_t width) {
  constexpr int64_t maxElements = 8192, minRows = 16, maxRows = 128;
  if (ShapedType::isDynamic(width) || width == 0)
    return maxRows;
  int64_t rows = llvm::bit_floor<uint64_t>(maxElements / width);
  return std::clamp(rows, minRows, maxRows);
}

namespace {
struct AssignCPUSchedule
    : public flashmhf::impl::FlashMHFAssignCPUScheduleBase<AssignCPUSchedule> {
  void runOnOperation() override {
    getOperation()->walk([](MHFFNOp op) {
      // Tiles of tokens keep the threads busy; more pieces would only be summed
      // once more.
      if (ScheduleAttr given = op.getScheduleAttr()) {
        ScheduleFields whole = given.getFields();
        whole.split = 1;
        op.setScheduleAttr(ScheduleAttr::get(op.getContext(), whole));
        return;
      }
      ScheduleFields schedule;
      schedule.tokenTile = 64;
      schedule.dffTile = getRows(op.getHeadWidth());
      op.setScheduleAttr(ScheduleAttr::get(op.getContext(), schedule));
    });
  }
};
} // namespace
