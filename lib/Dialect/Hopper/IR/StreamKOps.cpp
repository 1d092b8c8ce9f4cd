//===- StreamKOps.cpp - Operations of tiles that blocks share -------------===//
//
/// \file
/// Verifiers and bounds.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

using namespace mlir;
using namespace mlir::hopper;

/// So that a loop from `first` to `last` is known to have a step.
void WorkItemOp::populateBoundsForIndexValue(Value value,
                                             ValueBoundsConstraintSet &bounds) {
  if (value == getFirst()) {
    bounds.bound(value) >= 0;
  } else if (value == getLast()) {
    bounds.bound(value) >= bounds.getExpr(getFirst()) + 1;
    bounds.bound(value) <= getSteps();
  }
}

/// Every thread has a place for what it has of the tile, in 16 bytes each.
static LogicalResult verifyPart(Operation *op, VectorType value) {
  if (failed(verifyInConsumerIfAny(op)))
    return failure();
  if (value.getDimSize(0) != kWarpgroupRows ||
      value.getDimSize(1) % kColumnGroup != 0)
    return op->emitOpError("needs a sum of ")
           << kWarpgroupRows << " rows and a multiple of " << kColumnGroup
           << " columns, has " << value;
  return success();
}

LogicalResult LeavePartOp::verify() {
  return verifyPart(*this, getValue().getType());
}

LogicalResult AddPartsOp::verify() {
  return verifyPart(*this, getValue().getType());
}
