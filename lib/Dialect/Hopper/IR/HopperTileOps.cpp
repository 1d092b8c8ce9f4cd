//===- HopperTileOps.cpp - Operations on tiles in registers ---------------===//
//
/// \file
/// Verifiers of products, and of what is done with their results.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;

LogicalResult hopper::verifyIndices(Operation *op, ValueRange indices) {
  if (indices.size() != 4)
    return op->emitOpError("needs 4 indices, one for each of batch, head, row "
                           "and column, has ")
           << indices.size();
  return success();
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

int64_t WgmmaOp::getDepth() {
  SlotType b = getB().getType();
  return getTransposeB() ? b.getColumns() : b.getRows();
}

LogicalResult WgmmaOp::verify() {
  InflightType type = getResult().getType();
  VectorType result = type.getResult();
  if (result.getRank() != 2 || !result.getElementType().isF32())
    return emitOpError("needs a result of rank 2 in f32, has ") << result;
  int64_t m = result.getDimSize(0), n = result.getDimSize(1);
  if (m % kWarpgroupRows != 0)
    return emitOpError("needs a result of whole warpgroup tiles of ")
           << kWarpgroupRows << " rows, has " << m;
  if (n % 8 != 0 || n > 256)
    return emitOpError("needs 8 to 256 result columns, a multiple of 8, has ")
           << n;

  SlotType b = getB().getType();
  int64_t depth = getDepth();
  int64_t bn = getTransposeB() ? b.getRows() : b.getColumns();
  if (bn != n)
    return emitOpError("needs as many result columns as B gives: ")
           << n << " and " << bn;
  if (depth % 16 != 0)
    return emitOpError(
               "needs an inner dimension that is a multiple of 16, has ")
           << depth;

  int64_t aDepth;
  Type aElement;
  if (auto slot = dyn_cast<SlotType>(getA().getType())) {
    aDepth = getTransposeA() ? slot.getRows() : slot.getColumns();
    aElement = slot.getElementType();
    if (getTransposeA() && getRow())
      return emitOpError("takes no first row of a transposed A");
    if (int64_t whole = llvm::alignTo(slot.getColumns(), kWarpgroupRows);
        getTransposeA() && m != whole)
      return emitOpError("needs as many result rows as A has columns, in whole "
                         "warpgroup tiles: ")
             << m << " and " << whole;
    if (!getTransposeA() && m > slot.getRows())
      return emitOpError("needs no more result rows than A has: ")
             << m << " and " << slot.getRows();
    if (type.getOperand())
      return emitOpError("reads no register operand, but its result says ")
             << type.getOperand();
  } else {
    auto vector = cast<VectorType>(getA().getType());
    aDepth = vector.getDimSize(1);
    aElement = vector.getElementType();
    if (vector.getDimSize(0) != m)
      return emitOpError("needs as many result rows as A has: ")
             << m << " and " << vector.getDimSize(0);
    if (type.getOperand() != vector)
      return emitOpError("reads ")
             << vector << " until its wait; its result must say so";
    if (getTransposeA())
      return emitOpError("transposes an A in shared memory only, not ")
             << vector;
    if (getRow())
      return emitOpError("takes a first row only for an A in shared memory");
  }
  if (aDepth != depth)
    return emitOpError("needs the same inner dimension in A and B: ")
           << aDepth << " and " << depth;
  if (aElement != b.getElementType() || aElement.isF32())
    return emitOpError("needs A and B of the same 16-bit type: ")
           << aElement << " and " << b.getElementType();
  if (getAcc() && getAcc().getType() != result)
    return emitOpError("needs an accumulator like its result: ")
           << getAcc().getType() << " and " << result;
  if (getAccumulates() && !getAcc())
    return emitOpError("has a condition for an accumulator, but none");
  return success();
}

//===----------------------------------------------------------------------===//
// Rows and fragments
//===----------------------------------------------------------------------===//

LogicalResult LoadRowsOp::verify() {
  return verifyIndices(*this, getIndices());
}

static LogicalResult verifyRows(Operation *op, VectorType tile,
                                VectorType factors) {
  int64_t m = tile.getDimSize(0), rows = factors.getDimSize(0);
  if (m != rows)
    return op->emitOpError("needs one factor for each row: ")
           << rows << " factors, " << m << " rows";
  return success();
}

LogicalResult RowScaleOp::verify() {
  return verifyRows(*this, getValue().getType(), getRows().getType());
}

LogicalResult AddScaledOp::verify() {
  return verifyRows(*this, getValue().getType(), getRows().getType());
}

LogicalResult LoadColumnsOp::verify() {
  return verifyIndices(*this, getIndices());
}

LogicalResult ColumnScaleOp::verify() {
  int64_t n = getValue().getType().getDimSize(1);
  int64_t columns = getColumns().getType().getDimSize(1);
  if (n != columns)
    return emitOpError("needs one factor for each column: ")
           << columns << " factors, " << n << " columns";
  return success();
}

LogicalResult hopper::verifyTransposed(Operation *op, VectorType tile,
                                       MemRefType tensor) {
  int64_t width = tensor.getDimSize(3), rows = tile.getDimSize(0);
  if (ShapedType::isDynamic(width) ||
      rows != static_cast<int64_t>(llvm::alignTo(width, kWarpgroupRows)))
    return op->emitOpError("needs a transposed tile with a row for each "
                           "column, in whole warpgroup tiles of ")
           << kWarpgroupRows << ": " << tile << " and " << tensor;
  return success();
}

LogicalResult LoadOp::verify() {
  if (failed(verifyIndices(*this, getIndices())))
    return failure();
  if (getTransposed() &&
      failed(verifyTransposed(*this, getValue().getType(),
                              cast<MemRefType>(getSource().getType()))))
    return failure();
  if (getValue().getType().getElementType() !=
      getSource().getType().getElementType())
    return emitOpError("needs the element type of its source: ")
           << getValue().getType().getElementType() << " and "
           << getSource().getType().getElementType();
  return success();
}

LogicalResult StoreOp::verify() {
  if (failed(verifyIndices(*this, getIndices())))
    return failure();
  if (getTransposed() &&
      failed(verifyTransposed(*this, getValue().getType(),
                              cast<MemRefType>(getDest().getType()))))
    return failure();
  if (getValue().getType().getElementType() !=
      getDest().getType().getElementType())
    return emitOpError("needs the element type of its destination: ")
           << getValue().getType().getElementType() << " and "
           << getDest().getType().getElementType();
  return success();
}

//===----------------------------------------------------------------------===//
// Pieces of a sum
//===----------------------------------------------------------------------===//

/// Pieces sum whole rows of a tensor, 4 elements at a time.
static LogicalResult verifyWidth(Operation *op, MemRefType tensor) {
  int64_t width = tensor.getDimSize(3);
  if (ShapedType::isDynamic(width) || width % 4 != 0)
    return op->emitOpError("needs rows of a static multiple of 4 elements, has "
                           "those of ")
           << tensor;
  return success();
}

/// A tile of whole rows of a tensor.
static LogicalResult verifyRowsOf(Operation *op, VectorType tile,
                                  MemRefType tensor) {
  int64_t columns = tile.getDimSize(1);
  if (columns != tensor.getDimSize(3))
    return op->emitOpError("stores ") << columns << " columns, but " << tensor
                                      << " has " << tensor.getDimSize(3);
  // Lanes trade elements of two groups of columns.
  if (columns % 16 != 0)
    return op->emitOpError("needs a multiple of 16 columns, has ") << columns;
  return success();
}

LogicalResult StorePartialOp::verify() {
  auto like = cast<MemRefType>(getLike().getType());
  if (failed(verifyWidth(*this, like)))
    return failure();
  if (getTransposed() && getExcept())
    return emitOpError("is of a transposed tile, which has no shares to leave "
                       "out");
  if (getTransposed())
    return verifyTransposed(*this, getValue().getType(), like);
  return verifyRowsOf(*this, getValue().getType(), like);
}

LogicalResult ArrivalsOp::verify() { return verifyInConsumerIfAny(*this); }

LogicalResult MeetOp::verify() { return verifyInConsumerIfAny(*this); }

LogicalResult SumSharesOp::verify() {
  auto dest = cast<MemRefType>(getDest().getType());
  if (failed(verifyWidth(*this, dest)))
    return failure();
  return verifyRowsOf(*this, getValue().getType(), dest);
}

LogicalResult SumPartialsOp::verify() {
  return verifyWidth(*this, cast<MemRefType>(getDest().getType()));
}
