//===- PushOps.cpp - Operations of pieces that push their sums ------------===//
//
/// \file
/// Verifiers of inboxes and of what is done with them.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "mlir/IR/OpImplementation.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

void InboxOp::getAsmResultNames(
    function_ref<void(Value, StringRef)> setNameFn) {
  setNameFn(getInbox(), "inbox");
}

/// Whole rows of `tensor` are sent.
static LogicalResult verifyColumns(Operation *op, InboxType inbox,
                                   MemRefType tensor) {
  if (tensor.getDimSize(3) != inbox.getColumns())
    return op->emitOpError("needs an inbox of rows like those of the tensor: ")
           << inbox << " and " << tensor;
  return success();
}

/// What is sent are rows, or shares.
static LogicalResult verifyKind(Operation *op, InboxType inbox, bool shares) {
  if (inbox.getShares() != shares)
    return op->emitOpError("needs an inbox of ")
           << (shares ? "shares" : "rows") << ", has " << inbox;
  return success();
}

LogicalResult ExpectOp::verify() {
  if (failed(verifyInConsumerIfAny(*this)))
    return failure();
  return verifyKind(*this, getInbox().getType(), /*shares=*/false);
}

LogicalResult AwaitClusterOp::verify() { return verifyInConsumerIfAny(*this); }

LogicalResult PushOp::verify() {
  if (failed(verifyInConsumerIfAny(*this)))
    return failure();
  InboxType inbox = getInbox().getType();
  auto like = cast<MemRefType>(getLike().getType());
  VectorType value = getValue().getType();
  if (failed(verifyKind(*this, inbox, /*shares=*/false)) ||
      failed(verifyColumns(*this, inbox, like)))
    return failure();
  if (getTransposed() && failed(verifyTransposed(*this, value, like)))
    return failure();
  if (!getTransposed() && value.getDimSize(1) != inbox.getColumns())
    return emitOpError("sends ") << value << ", but the rows of its inbox have "
                                 << inbox.getColumns() << " columns";
  int64_t rows = value.getDimSize(getTransposed() ? 1 : 0);
  if (!like.isDynamicDim(2))
    rows = std::min(rows, like.getDimSize(2));
  if (llvm::divideCeil(rows, inbox.getPieces()) > uint64_t(inbox.getRows()))
    return emitOpError("deals ") << rows << " rows out to " << inbox.getPieces()
                                 << " pieces, but their inboxes have room for "
                                 << inbox.getRows() << " each";
  return success();
}

LogicalResult SumPushedOp::verify() {
  if (failed(verifyInConsumerIfAny(*this)) ||
      failed(verifyKind(*this, getInbox().getType(), /*shares=*/false)))
    return failure();
  return verifyColumns(*this, getInbox().getType(),
                       cast<MemRefType>(getDest().getType()));
}

/// The tile whose shares `inbox` is for is that of `value`.
static LogicalResult verifyShares(Operation *op, InboxType inbox,
                                  VectorType value) {
  if (failed(verifyInConsumerIfAny(op)) ||
      failed(verifyKind(op, inbox, /*shares=*/true)))
    return failure();
  if (value.getDimSize(0) != inbox.getRows() ||
      value.getDimSize(1) != inbox.getColumns())
    return op->emitOpError("has ")
           << value << ", but its inbox is for shares of " << inbox.getRows()
           << "x" << inbox.getColumns();
  return success();
}

LogicalResult PushSharesOp::verify() {
  return verifyShares(*this, getInbox().getType(), getValue().getType());
}

LogicalResult SumPushedSharesOp::verify() {
  InboxType inbox = getInbox().getType();
  if (failed(verifyShares(*this, inbox, getValue().getType())))
    return failure();
  return verifyColumns(*this, inbox, cast<MemRefType>(getDest().getType()));
}
