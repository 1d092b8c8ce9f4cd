//===- PadTiles.cpp - Static sizes for tiles ------------------------------===//
//
/// \file
/// In: mhffn on tensors, tiled. Out: the same on operands that are padded with
/// zeros to static sizes of whole vectors, as far as a bound is known.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFPADTILES
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

LogicalResult flashmhf::verifyVectorBits(Operation *op, unsigned bits) {
  if (bits == 128 || bits == 256 || bits == 512)
    return success();
  return op->emitError("vector-bits must be 128, 256 or 512, got ") << bits;
}

/// Rows of K, U and V that a block of registers takes at least.
static constexpr int64_t kRowMultiple = 4;

/// The least multiple of `multiple` that dimension `dim` of `value` fits, or
/// kDynamic.
static int64_t getPaddedSize(Value value, int64_t dim, int64_t multiple) {
  int64_t size = cast<RankedTensorType>(value.getType()).getDimSize(dim);
  if (ShapedType::isDynamic(size)) {
    FailureOr<int64_t> bound = ValueBoundsConstraintSet::computeConstantBound(
        presburger::BoundType::UB, {value, dim}, /*stopCondition=*/nullptr,
        /*closedUB=*/true);
    if (failed(bound))
      return ShapedType::kDynamic;
    size = *bound;
  }
  return llvm::alignTo(size, multiple);
}

/// A tensor of `type` filled with zeros.
static Value makeZeros(OpBuilder &builder, Location loc, RankedTensorType type,
                       ArrayRef<OpFoldResult> sizes) {
  Value empty =
      tensor::EmptyOp::create(builder, loc, sizes, type.getElementType());
  Value zero = arith::ConstantOp::create(
      builder, loc, builder.getZeroAttr(type.getElementType()));
  return linalg::FillOp::create(builder, loc, zero, empty).getResult(0);
}

/// `value` at the start of a tensor of zeros; dimension i has size `padded[i]`
/// unless that is kDynamic.
static Value makePadded(OpBuilder &builder, Value value,
                        ArrayRef<int64_t> padded) {
  if (!value)
    return value;
  Location loc = value.getLoc();
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value);
  SmallVector<OpFoldResult> resultSizes = sizes;
  for (auto [i, size] : llvm::enumerate(padded))
    if (!ShapedType::isDynamic(size))
      resultSizes[i] = builder.getIndexAttr(size);
  if (resultSizes == sizes)
    return value;
  Value zeros = makeZeros(builder, loc, type, resultSizes);
  // Padding of zeros needs no copy.
  if (auto fill = value.getDefiningOp<linalg::FillOp>();
      fill && matchPattern(fill.value(), m_AnyZeroFloat()))
    return zeros;
  SmallVector<OpFoldResult> offsets(type.getRank(), builder.getIndexAttr(0)),
      strides(type.getRank(), builder.getIndexAttr(1));
  return tensor::InsertSliceOp::create(builder, loc, value, zeros, offsets,
                                       sizes, strides);
}

static void padTile(MHFFNOp op, int64_t lanes) {
  const int64_t keep = ShapedType::kDynamic;
  int64_t tokens = getPaddedSize(op.getQ(), 2, lanes);
  int64_t rows = getPaddedSize(op.getK(), 2, kRowMultiple);
  int64_t width = getPaddedSize(op.getQ(), 3, lanes);

  OpBuilder builder(op);
  Location loc = op.getLoc();
  Value q = makePadded(builder, op.getQ(), {keep, keep, tokens, width});
  Value k = makePadded(builder, op.getK(), {keep, keep, rows, width});
  Value u = makePadded(builder, op.getU(), {keep, keep, rows, width});
  Value v = makePadded(builder, op.getV(), {keep, keep, rows, width});
  Value r = makePadded(builder, op.getR(), {keep, keep, tokens, keep});
  Value init = makePadded(builder, op.getInit(), {keep, keep, tokens, width});
  if (q == op.getQ() && k == op.getK() && init == op.getInit())
    return;

  auto padded = MHFFNOp::create(builder, loc, op.getActivation(), q, k, u, v, r,
                                init, op.getScheduleAttr());
  Value result = padded.getResult();
  if (init != op.getInit()) {
    SmallVector<OpFoldResult> offsets(4, builder.getIndexAttr(0)),
        strides(4, builder.getIndexAttr(1));
    result = tensor::ExtractSliceOp::create(
        builder, loc, cast<RankedTensorType>(op.getResult().getType()), result,
        offsets, tensor::getMixedSizes(builder, loc, op.getInit()), strides);
  }
  op.getResult().replaceAllUsesWith(result);
  op.erase();
}

namespace {
struct PadTiles : public flashmhf::impl::FlashMHFPadTilesBase<PadTiles> {
  using FlashMHFPadTilesBase::FlashMHFPadTilesBase;

  void runOnOperation() override {
    if (failed(verifyVectorBits(getOperation(), vectorBits)))
      return signalPassFailure();
    SmallVector<MHFFNOp> ops;
    getOperation()->walk([&](MHFFNOp op) {
      if (op.getResult())
        ops.push_back(op);
    });
    for (MHFFNOp op : ops)
      padTile(op, vectorBits / op.getAccumulatorType().getIntOrFloatBitWidth());
  }
};
} // namespace
