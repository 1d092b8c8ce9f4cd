//===- KernelOps.cpp - What a kernel does with tiles ----------------------===//
//
/// \file
/// Transfers of tiles and accesses to global memory, at places of whole
/// tensors.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Schedule/Rules.h"

using namespace mlir;
using namespace mlir::hopper;

LogicalResult KernelBuilder::put(StringRef name, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  int64_t rows = name == "Q" ? shape.tokenTile : shape.dffTile;
  PutOp::create(b, op.getLoc(), getParameter(place->tensor, getMap(name)),
                place->offsets, getRing(name, {rows, shape.headWidth}),
                /*evict_first=*/split && name != "Q");
  return success();
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
