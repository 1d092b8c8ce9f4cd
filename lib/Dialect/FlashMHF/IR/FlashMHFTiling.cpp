//===- FlashMHFTiling.cpp - TilingInterface of mhffn ----------------------===//
//
/// \file
/// The iteration domain of mhffn is [B, H, L, E, F]; D is never split. A tile
/// is the same operation on slices of the operands, accumulated into a slice of
/// `init`. Two tiles are refused, since no such operation exists:
/// - of heads that neither is one head nor covers whole groups of heads that
///   share a KUV-head;
/// - of E or F with an `init` narrower than the accumulation, which would round
///   once per tile.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// Positions in the iteration domain.
enum Loop { kB, kH, kL, kE, kF, kNumLoops };

/// A dimension of an operand.
struct OperandDim {
  Value operand;
  int64_t index;
};
} // namespace

/// The operand dimensions that have the extent of `loop`.
static SmallVector<OperandDim> getOperandDims(MHFFNOp op, int loop) {
  SmallVector<OperandDim> dims;
  auto add = [&](Value operand, int64_t index) {
    if (operand)
      dims.push_back({operand, index});
  };
  if (loop <= kL) {
    for (Value operand : {op.getQ(), op.getInit(), op.getR()})
      add(operand, loop);
    return dims;
  }
  for (Value operand : {op.getK(), op.getU(), op.getV()})
    add(operand, loop - kE + 1);
  if (loop == kE)
    add(op.getR(), 3);
  return dims;
}

/// The extent of `loop`: a constant if any operand tells it.
static OpFoldResult getExtent(OpBuilder &b, MHFFNOp op, int loop) {
  SmallVector<OperandDim> dims = getOperandDims(op, loop);
  for (OperandDim dim : dims) {
    auto type = cast<ShapedType>(dim.operand.getType());
    if (!type.isDynamicDim(dim.index))
      return b.getIndexAttr(type.getDimSize(dim.index));
  }
  return linalg::createFoldedDimOp(b, op.getLoc(), dims.front().operand,
                                   dims.front().index);
}

/// Whether `size` is a constant or value known as the extent of `dim`.
static bool isExtentOf(OperandDim dim, OpFoldResult size) {
  auto type = cast<ShapedType>(dim.operand.getType());
  if (std::optional<int64_t> constant = getConstantIntValue(size))
    return type.getDimSize(dim.index) == *constant;
  if (!type.isDynamicDim(dim.index))
    return false;
  if (Operation *def = cast<Value>(size).getDefiningOp();
      isa_and_nonnull<tensor::DimOp, memref::DimOp>(def))
    return def->getOperand(0) == dim.operand &&
           getConstantIntValue(def->getOperand(1)) == dim.index;
  // The dimension of a slice folds to the size that the slice was given.
  Operation *producer = dim.operand.getDefiningOp();
  if (!producer || !isa<tensor::ExtractSliceOp, memref::SubViewOp>(producer))
    return false;
  SmallVector<OpFoldResult> sizes =
      cast<OffsetSizeAndStrideOpInterface>(producer).getMixedSizes();
  return static_cast<int64_t>(sizes.size()) == type.getRank() &&
         sizes[dim.index] == size;
}

/// Whether the tile [offset, offset + size) is known to be all of `loop`.
static bool coversLoop(MHFFNOp op, int loop, OpFoldResult offset,
                       OpFoldResult size) {
  return isZeroInteger(offset) &&
         llvm::any_of(getOperandDims(op, loop),
                      [&](OperandDim dim) { return isExtentOf(dim, size); });
}

//===----------------------------------------------------------------------===//
// Slices
//===----------------------------------------------------------------------===//

namespace {
/// A tile of an operand.
struct Slice {
  SmallVector<OpFoldResult> offsets, sizes;
};
} // namespace

/// Moves `slice` of the result of `producer` to the source of `producer`, if
/// that is a plain slice of the same rank.
static Value composeWithProducer(OpBuilder &b, Location loc, Value operand,
                                 Slice &slice) {
  Operation *producer = operand.getDefiningOp();
  if (!producer || !isa<tensor::ExtractSliceOp, memref::SubViewOp>(producer))
    return operand;
  auto view = cast<OffsetSizeAndStrideOpInterface>(producer);
  Value source = producer->getOperand(0);
  if (cast<ShapedType>(source.getType()).getRank() !=
          cast<ShapedType>(operand.getType()).getRank() ||
      !view.hasUnitStride())
    return operand;
  AffineExpr sum = b.getAffineDimExpr(0) + b.getAffineDimExpr(1);
  for (auto [offset, outer] :
       llvm::zip_equal(slice.offsets, view.getMixedOffsets()))
    offset =
        affine::makeComposedFoldedAffineApply(b, loc, sum, {outer, offset});
  return source;
}

static Operation *createSlice(OpBuilder &b, Location loc, Value operand,
                              const Slice &slice) {
  SmallVector<OpFoldResult> strides(slice.offsets.size(), b.getIndexAttr(1));
  if (isa<TensorType>(operand.getType()))
    return tensor::ExtractSliceOp::create(b, loc, operand, slice.offsets,
                                          slice.sizes, strides);
  return memref::SubViewOp::create(b, loc, operand, slice.offsets, slice.sizes,
                                   strides);
}

namespace {
/// A tile of heads and the KUV-heads that it uses.
struct HeadTile {
  OpFoldResult offset, size;
};
} // namespace

/// Maps a tile of heads to its KUV-heads, or says why there is none.
static FailureOr<HeadTile> getKVHeadTile(OpBuilder &b, MHFFNOp op,
                                         OpFoldResult offset,
                                         OpFoldResult size) {
  Location loc = op.getLoc();
  int64_t h = op.getHeads(), g = op.getKVHeads();
  OpFoldResult kvHeads = linalg::createFoldedDimOp(b, loc, op.getK(), 0);
  if (coversLoop(op, kH, offset, size))
    return HeadTile{b.getIndexAttr(0), kvHeads};
  if (h == g && !ShapedType::isDynamic(h))
    return HeadTile{offset, size};

  std::optional<int64_t> constant = getConstantIntValue(size);
  AffineExpr d0 = b.getAffineDimExpr(0), s0 = b.getAffineSymbolExpr(0),
             s1 = b.getAffineSymbolExpr(1);
  if (ShapedType::isDynamic(h) || ShapedType::isDynamic(g)) {
    if (constant != 1)
      return op.emitOpError("with dynamic H or G can be tiled by one head or "
                            "not at all");
    OpFoldResult shared = affine::makeComposedFoldedAffineApply(
        b, loc, s0.floorDiv(s1), {getExtent(b, op, kH), kvHeads});
    return HeadTile{affine::makeComposedFoldedAffineApply(
                        b, loc, d0.floorDiv(s0), {offset, shared}),
                    b.getIndexAttr(1)};
  }

  int64_t shared = h / g;
  std::optional<int64_t> start = getConstantIntValue(offset);
  bool wholeGroups =
      constant && *constant % shared == 0 && (!start || *start % shared == 0);
  if (constant != 1 && !wholeGroups) {
    InFlightDiagnostic diag =
        op.emitOpError("heads must be tiled by 1 or by multiples of H / G = ")
        << h << " / " << g << " = " << shared << ", got a tile of ";
    if (constant)
      diag << *constant << " heads";
    else
      diag << "dynamic size";
    if (start)
      diag << " at head " << *start;
    return diag;
  }
  return HeadTile{affine::makeComposedFoldedAffineApply(
                      b, loc, d0.floorDiv(shared), {offset}),
                  b.getIndexAttr(constant == 1 ? 1 : *constant / shared)};
}

//===----------------------------------------------------------------------===//
// TilingInterface
//===----------------------------------------------------------------------===//

SmallVector<utils::IteratorType> MHFFNOp::getLoopIteratorTypes() {
  SmallVector<utils::IteratorType> loops(kNumLoops,
                                         utils::IteratorType::parallel);
  loops[kE] = loops[kF] = utils::IteratorType::reduction;
  return loops;
}

SmallVector<Range> MHFFNOp::getIterationDomain(OpBuilder &b) {
  SmallVector<Range> domain;
  for (int loop = 0; loop < kNumLoops; ++loop)
    domain.push_back(
        {b.getIndexAttr(0), getExtent(b, *this, loop), b.getIndexAttr(1)});
  return domain;
}

FailureOr<TilingResult>
MHFFNOp::getTiledImplementation(OpBuilder &b, ArrayRef<OpFoldResult> offsets,
                                ArrayRef<OpFoldResult> sizes) {
  Location loc = getLoc();
  SmallVector<bool> covers;
  for (int loop = 0; loop < kNumLoops; ++loop)
    covers.push_back(coversLoop(*this, loop, offsets[loop], sizes[loop]));
  Type output = getElementTypeOrSelf(getInit().getType());
  if ((!covers[kE] || !covers[kF]) && output != getAccumulatorType())
    return emitOpError("tiled along E or F needs an 'init' of the accumulation "
                       "type ")
           << getAccumulatorType() << ", got " << output
           << ": it would be rounded once per tile";
  FailureOr<HeadTile> kvHeads = getKVHeadTile(b, *this, offsets[kH], sizes[kH]);
  if (failed(kvHeads))
    return failure();

  OpFoldResult zero = b.getIndexAttr(0);
  OpFoldResult headWidth = linalg::createFoldedDimOp(b, loc, getQ(), 3);
  Slice tokens{{offsets[kB], offsets[kH], offsets[kL], zero},
               {sizes[kB], sizes[kH], sizes[kL], headWidth}};
  Slice weights{{kvHeads->offset, offsets[kE], offsets[kF], zero},
                {kvHeads->size, sizes[kE], sizes[kF], headWidth}};
  Slice router{{offsets[kB], offsets[kH], offsets[kL], offsets[kE]},
               {sizes[kB], sizes[kH], sizes[kL], sizes[kE]}};
  bool wholeTokens = covers[kB] && covers[kH] && covers[kL];
  bool wholeWeights = covers[kH] && covers[kE] && covers[kF];
  bool wholeRouter = wholeTokens && covers[kE];

  TilingResult result;
  auto tile = [&](Value operand, Slice slice, bool whole,
                  bool isInit = false) -> Value {
    if (!operand || whole)
      return operand;
    // A slice of `init` stays what it is: it must be inserted where it came
    // from.
    if (!isInit)
      operand = composeWithProducer(b, loc, operand, slice);
    Operation *op = createSlice(b, loc, operand, slice);
    result.generatedSlices.push_back(op);
    return op->getResult(0);
  };
  Value q = tile(getQ(), tokens, wholeTokens);
  Value k = tile(getK(), weights, wholeWeights);
  Value u = tile(getU(), weights, wholeWeights);
  Value v = tile(getV(), weights, wholeWeights);
  Value r = tile(getR(), router, wholeRouter);
  Value init = tile(getInit(), tokens, wholeTokens, /*isInit=*/true);
  auto tiled = MHFFNOp::create(b, loc, getActivation(), q, k, u, v, r, init,
                               getScheduleAttr());
  tiled->setDiscardableAttrs((*this)->getDiscardableAttrDictionary());
  result.tiledOps.push_back(tiled);
  llvm::append_range(result.tiledValues, tiled->getResults());
  return result;
}

LogicalResult MHFFNOp::getResultTilePosition(
    OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes, SmallVector<OpFoldResult> &resultOffsets,
    SmallVector<OpFoldResult> &resultSizes) {
  resultOffsets.assign(offsets.begin(), offsets.begin() + kE);
  resultOffsets.push_back(b.getIndexAttr(0));
  resultSizes.assign(sizes.begin(), sizes.begin() + kE);
  resultSizes.push_back(linalg::createFoldedDimOp(b, getLoc(), getInit(), 3));
  return success();
}

LogicalResult MHFFNOp::getIterationDomainTileFromResultTile(
    OpBuilder &b, unsigned, ArrayRef<OpFoldResult> offsets,
    ArrayRef<OpFoldResult> sizes,
    SmallVectorImpl<OpFoldResult> &iterDomainOffsets,
    SmallVectorImpl<OpFoldResult> &iterDomainSizes) {
  // D is a result dimension that no loop runs over.
  int64_t d = getHeadWidth();
  if (!isZeroInteger(offsets[3]) || ShapedType::isDynamic(d) ||
      getConstantIntValue(sizes[3]) != d)
    return failure();
  iterDomainOffsets.assign(offsets.begin(), offsets.begin() + kE);
  iterDomainSizes.assign(sizes.begin(), sizes.begin() + kE);
  for (int loop : {kE, kF}) {
    iterDomainOffsets.push_back(b.getIndexAttr(0));
    iterDomainSizes.push_back(getExtent(b, *this, loop));
  }
  return success();
}

FailureOr<TilingResult>
MHFFNOp::generateResultTileValue(OpBuilder &b, unsigned resultNumber,
                                 ArrayRef<OpFoldResult> offsets,
                                 ArrayRef<OpFoldResult> sizes) {
  SmallVector<OpFoldResult> domainOffsets, domainSizes;
  if (failed(getIterationDomainTileFromResultTile(
          b, resultNumber, offsets, sizes, domainOffsets, domainSizes)))
    return failure();
  return getTiledImplementation(b, domainOffsets, domainSizes);
}
