//===- HoldQ.cpp - Keep Q in registers ------------------------------------===//
//
/// \file
/// In: consumers whose products read Q from its slot. Out, with `hold_q`: they
/// read it to registers when they have it, and give its slot back.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERHOLDQ
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Whether `use` is that of the A operand of a product as it lies in its slot.
static bool isOperandA(OpOperand &use) {
  auto product = dyn_cast<WgmmaOp>(use.getOwner());
  return product && use.getOperandNumber() == 0 && !product.getTransposeA() &&
         !product.getRow();
}

static void hold(GetOp get) {
  Value slot = get.getSlot();
  SmallVector<WgmmaOp> products;
  ReleaseOp release;
  Operation *last = get;
  for (OpOperand &use : slot.getUses()) {
    Operation *user = use.getOwner();
    if (isOperandA(use))
      products.push_back(cast<WgmmaOp>(user));
    else if (isa<ScaleOp>(user) && user->getBlock() == get->getBlock())
      last = user;
    else if (auto op = dyn_cast<ReleaseOp>(user); op && !release)
      release = op;
    else
      return;
  }
  SlotType type = get.getSlot().getType();
  if (products.empty() || !release || type.getRows() != kWarpgroupRows)
    return;
  OpBuilder b(get->getContext());
  b.setInsertionPointAfter(last);
  auto vector = VectorType::get({type.getRows(), type.getColumns()},
                                type.getElementType());
  Value q = ReadOp::create(b, get.getLoc(), vector, slot);
  release->moveAfter(q.getDefiningOp());
  for (WgmmaOp product : products) {
    product.getAMutable().assign(q);
    product.getResult().setType(
        InflightType::get(b.getContext(), product.getResultVector(), vector));
  }
}

namespace {
struct HopperHoldQ : hopper::impl::HopperHoldQBase<HopperHoldQ> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (!schedule || !schedule.getHoldQ())
        return;
      SmallVector<GetOp> gets;
      func.walk([&](GetOp op) { gets.push_back(op); });
      for (GetOp get : gets)
        hold(get);
    });
  }
};
} // namespace
