//===- KernelOps.cpp - What a kernel does with tiles ----------------------===//
//
/// \file
/// Transfers of tiles and accesses to global memory, at places of whole
/// tensors.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Schedule/Rules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::hopper;

LogicalResult KernelBuilder::put(StringRef name, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  int64_t rows = name == "Q" ? shape.tokenTile : shape.dffTile;
  PutOp::create(b, op.getLoc(), getParameter(place->tensor, getMap(name)),
                place->offsets, getRing(name, {rows, shape.headWidth}),
                /*evict_first=*/name != "Q" && readsWeightsOnce());
  return success();
}

bool KernelBuilder::readsWeightsOnce() {
  if (!split)
    return false;
  auto q = cast<MemRefType>(getTensor(forall, op.getQ()).getType());
  auto k = cast<MemRefType>(getTensor(forall, op.getK()).getType());
  flashmhf::ScheduleFields schedule = op.getScheduleAttr().getFields();
  int64_t batches = q.getDimSize(0), tokens = q.getDimSize(2);
  // Where any number may come, small tiles are for few.
  bool isOneTile = ShapedType::isDynamic(tokens)
                       ? schedule.tokenTile <= kWarpgroupRows
                       : tokens <= schedule.tokenTile * schedule.cluster;
  return isOneTile && (batches == 1 || ShapedType::isDynamic(batches)) &&
         q.getDimSize(1) == k.getDimSize(0);
}

Value KernelBuilder::get(StringRef name) {
  auto ring = cast<TypedValue<RingType>>(rings.lookup(name));
  return GetOp::create(b, op.getLoc(),
                       SlotType::get(b.getContext(), ring.getType().getShape(),
                                     ring.getType().getElementType(),
                                     ring.getType().getCluster()),
                       ring);
}

Value KernelBuilder::exchange(Value vector) {
  auto type = cast<VectorType>(vector.getType());
  Value &ring = rings["A"];
  SmallVector<int64_t> tile = {type.getDimSize(1), type.getDimSize(0)};
  if (!ring) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(ringsEnd);
    ring = RingOp::create(
        b, op.getLoc(),
        RingType::get(b.getContext(), flashmhf::kExchangedSlots, tile,
                      type.getElementType(), /*cluster=*/1, /*parts=*/1,
                      /*local=*/true),
        "A", IntegerAttr(), IntegerAttr());
  }
  Value slot = get("A");
  WriteOp::create(b, op.getLoc(), vector, slot);
  return slot;
}

FailureOr<Value> KernelBuilder::fetch(StringRef name, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  Operation *loop = hoist(place->offsets);
  if (failed(put(name, operand)))
    return failure();
  Value slot = get(name);
  if (!loop) {
    unreleased = slot;
    return slot;
  }
  b.setInsertionPointAfter(loop);
  ReleaseOp::create(b, op.getLoc(), slot);
  return slot;
}

void KernelBuilder::releaseFetched() {
  if (unreleased)
    ReleaseOp::create(b, op.getLoc(), unreleased);
  unreleased = Value();
}

Value KernelBuilder::createLoadOfR(Value tensor, ValueRange offsets) {
  auto type = VectorType::get(shape.getTokenShape(), b.getF32Type());
  if (shape.isExchanged)
    return LoadColumnsOp::create(b, op.getLoc(), type, tensor, offsets);
  return LoadRowsOp::create(b, op.getLoc(), type, tensor, offsets);
}

FailureOr<Value> KernelBuilder::loadRows(Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  return createLoadOfR(getParameter(place->tensor), place->offsets);
}

FailureOr<StepPlace> KernelBuilder::getStepPlace(Value k) {
  FailureOr<Place> place = locate(k);
  if (failed(place))
    return failure();
  Location loc = op.getLoc();
  Value column = place->offsets[2];
  int64_t width = cast<MemRefType>(place->tensor.getType()).getDimSize(2);
  auto compare = [&](arith::CmpIPredicate predicate, Value lhs, Value rhs) {
    return b.createOrFold<arith::CmpIOp>(loc, predicate, lhs, rhs);
  };
  StepPlace step;
  step.continues = compare(arith::CmpIPredicate::ne, column, getIndex(0));
  step.ends = compare(arith::CmpIPredicate::sge, column,
                      getIndex(width - shape.dffTile));
  auto inner = dyn_cast<scf::ForOp>(b.getInsertionBlock()->getParentOp());
  if (inner && column == inner.getInductionVar() &&
      isConstantIntValue(inner.getUpperBound(), width))
    return step;
  // The loops may end inside of a sub-network: those of a piece do.
  Value last = arith::ConstantIntOp::create(b, loc, 1, /*width=*/1);
  for (auto loop = inner; loop;
       loop = dyn_cast<scf::ForOp>(loop->getParentOp())) {
    Value end =
        arith::SubIOp::create(b, loc, loop.getUpperBound(), loop.getStep());
    Value isLast =
        compare(arith::CmpIPredicate::sge, loop.getInductionVar(), end);
    last = b.createOrFold<arith::AndIOp>(loc, last, isLast);
  }
  step.ends = b.createOrFold<arith::OrIOp>(loc, step.ends, last);
  return step;
}

FailureOr<Value> KernelBuilder::load(Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  Value tensor = getParameter(place->tensor);
  auto type =
      VectorType::get(shape.getOutputShape(),
                      cast<MemRefType>(tensor.getType()).getElementType());
  return LoadOp::create(b, op.getLoc(), type, tensor, place->offsets,
                        shape.isExchanged)
      .getValue();
}

LogicalResult KernelBuilder::store(Value vector, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  Value tensor = getParameter(place->tensor);
  StoreOp::create(b, op.getLoc(), vector, tensor, place->offsets,
                  shape.isExchanged);
  return success();
}
