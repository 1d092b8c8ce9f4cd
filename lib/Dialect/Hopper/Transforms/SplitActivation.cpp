//===- SplitActivation.cpp - Leave a part of the activation for later -----===//
//
/// \file
/// In: steps that compute the activation of all columns and multiply it with
/// the product with U. Out, with `late_columns`: steps that compute the
/// activation of the last columns behind the wait for that product, beside the
/// multiplication. Invariant: each element is computed by the same operations.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERSPLITACTIVATION
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

namespace {
/// Some columns of tiles of one shape.
struct Columns {
  VectorType whole;
  int64_t first, count;

  /// Those of `value`, which is computed again for them as far as that takes
  /// element-wise operations in `block` only.
  Value take(OpBuilder &b, Value value, Block *block, IRMapping &mapping);
};
} // namespace

Value Columns::take(OpBuilder &b, Value value, Block *block,
                    IRMapping &mapping) {
  auto type = dyn_cast<VectorType>(value.getType());
  if (!type || type.getShape() != whole.getShape())
    return value;
  if (Value known = mapping.lookupOrNull(value))
    return known;
  auto part =
      VectorType::get({type.getDimSize(0), count}, type.getElementType());
  Operation *definition = value.getDefiningOp();
  if (auto constant = dyn_cast_or_null<arith::ConstantOp>(definition);
      constant && isa<SplatElementsAttr>(constant.getValue())) {
    auto splat = cast<SplatElementsAttr>(constant.getValue());
    Value copy =
        arith::ConstantOp::create(b, value.getLoc(), splat.resizeSplat(part));
    mapping.map(value, copy);
    return copy;
  }
  if (!definition || definition->getBlock() != block || !isPure(definition) ||
      definition->getNumResults() != 1 || definition->getNumRegions() != 0) {
    Value copy = vector::ExtractStridedSliceOp::create(
        b, value.getLoc(), value, {0, first}, {part.getDimSize(0), count},
        {1, 1});
    mapping.map(value, copy);
    return copy;
  }
  IRMapping operands;
  for (Value operand : definition->getOperands())
    operands.map(operand, take(b, operand, block, mapping));
  Operation *copy = b.clone(*definition, operands);
  copy->getResult(0).setType(part);
  mapping.map(value, copy->getResult(0));
  return copy->getResult(0);
}

/// Splits the activation in front of `wait`, for the product with U, and the
/// multiplication `gate` of both: `late` columns are left for later.
static void split(WaitOp wait, arith::MulFOp gate, Value activation,
                  int64_t late) {
  auto type = cast<VectorType>(gate.getType());
  int64_t early = type.getDimSize(1) - late;
  OpBuilder b(wait);
  Location loc = gate.getLoc();
  Block *block = gate->getBlock();
  Columns both[] = {{type, 0, early}, {type, early, late}};
  // What uses the special functions comes first, to run beside all else.
  SmallVector<Value> parts;
  for (Columns &columns : both) {
    IRMapping mapping;
    Value part = columns.take(b, activation, block, mapping);
    if (columns.first == 0)
      part = AnchorOp::create(b, loc, part.getType(), part);
    parts.push_back(part);
    b.setInsertionPoint(gate);
  }
  Value joined = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  for (auto [columns, part] : llvm::zip(both, parts)) {
    IRMapping mapping;
    Value product = arith::MulFOp::create(
        b, loc, part, columns.take(b, wait.getResult(), block, mapping));
    joined = vector::InsertStridedSliceOp::create(
        b, loc, product, joined, ArrayRef<int64_t>{0, columns.first},
        ArrayRef<int64_t>{1, 1});
  }
  gate.replaceAllUsesWith(joined);
  gate.erase();
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(*block)))
    if (isOpTriviallyDead(&op))
      op.erase();
}

namespace {
struct HopperSplitActivation
    : hopper::impl::HopperSplitActivationBase<HopperSplitActivation> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (!schedule || schedule.getLateColumns() == 0)
        return;
      int64_t late = schedule.getLateColumns();
      SmallVector<arith::MulFOp> gates;
      func.walk([&](arith::MulFOp op) { gates.push_back(op); });
      for (arith::MulFOp gate : gates) {
        auto wait = gate.getRhs().getDefiningOp<WaitOp>();
        auto type = dyn_cast<VectorType>(gate.getType());
        if (wait && wait->getBlock() == gate->getBlock() && type &&
            type.getRank() == 2 && type.getDimSize(1) > late &&
            wait.getResult().hasOneUse())
          split(wait, gate, gate.getLhs(), late);
      }
    });
  }
};
} // namespace
