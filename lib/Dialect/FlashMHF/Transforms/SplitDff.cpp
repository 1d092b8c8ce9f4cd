//===- SplitDff.cpp - Deal the sum over d_ff out to pieces ----------------===//
//
/// \file
/// In: mhffn, some with a schedule that splits their sum. Out: of those, an
/// scf.forall over pieces and tiles of tokens that writes a partial sum for
/// each piece to a workspace, and one over tiles of tokens that adds these up.
/// Invariant: partial sums are of the accumulation type, are added in the order
/// of the pieces, and the result is rounded once.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/IR/Split.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFSPLITDFF
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// Splits one mhffn.
class DffSplit {
public:
  DffSplit(RewriterBase &rewriter, MHFFNOp op)
      : b(rewriter), op(op), loc(op.getLoc()), schedule(op.getScheduleAttr()),
        onTensors(isa<TensorType>(op.getInit().getType())) {}

  LogicalResult run();

private:
  LogicalResult countTiles();
  /// The loops [0, sizes[i]) by steps[i] that write `out`, with the insertion
  /// point in the body.
  scf::ForallOp createForall(ArrayRef<OpFoldResult> sizes,
                             ArrayRef<int64_t> steps, Value out);
  /// Ends the body: `tile` goes to `out` at `offsets`.
  void endForall(scf::ForallOp forall, Value tile,
                 ArrayRef<OpFoldResult> offsets, ArrayRef<OpFoldResult> sizes);
  /// A tile of `source`, without its first dimension if `dropsFirst`.
  Value slice(Value source, ArrayRef<OpFoldResult> offsets,
              ArrayRef<OpFoldResult> sizes, bool dropsFirst);
  /// The rows of the tile of tokens that starts at `first`.
  OpFoldResult getRows(Value first);
  OpFoldResult apply(AffineExpr expr, Value value) {
    return affine::makeComposedFoldedAffineApply(b, loc, expr, {value});
  }
  Value toValue(OpFoldResult value) {
    return getValueOrCreateConstantIndexOp(b, loc, value);
  }

  FailureOr<Value> createPieces();
  /// Sums the tiles of `piece` of `tile`, one of tokens, into `acc`.
  FailureOr<Value> sumPiece(MHFFNOp tile, Value piece, Value acc);
  Value createSum(Value partials, Value init, bool accumulate);

  RewriterBase &b;
  MHFFNOp op;
  Location loc;
  ScheduleAttr schedule;
  bool onTensors;
  SmallVector<OpFoldResult> sizes; ///< B, H, L, E, F.
  OpFoldResult width;              ///< D
  int64_t tokenTile = 0, dffTile = 0;
  int64_t tiles = 0, tilesOfSubNetwork = 0; ///< Along d_ff.
};
} // namespace

LogicalResult DffSplit::countTiles() {
  int64_t e = op.getSubNetworks(), f = op.getSubWidth();
  int64_t split = schedule.getSplit();
  if (ShapedType::isDynamic(e) || ShapedType::isDynamic(f))
    return op.emitOpError("needs static E and F to be split into ")
           << split << " pieces";
  dffTile = std::min(schedule.getDffTile(), f);
  tiles = countDffTiles(e, f, dffTile);
  tilesOfSubNetwork = tiles / e;
  if (split > tiles)
    return op.emitOpError("cannot be split into ")
           << split << " pieces: E = " << e << " sub-networks of F = " << f
           << " have " << tiles << " tiles of dff_tile = " << dffTile;
  tokenTile = schedule.getTokenTile();
  if (int64_t tokens = op.getTokens(); !ShapedType::isDynamic(tokens))
    tokenTile = std::min(tokenTile, tokens);
  return success();
}

scf::ForallOp DffSplit::createForall(ArrayRef<OpFoldResult> extents,
                                     ArrayRef<int64_t> steps, Value out) {
  SmallVector<OpFoldResult> lower(extents.size(), b.getIndexAttr(0));
  SmallVector<OpFoldResult> by;
  for (int64_t step : steps)
    by.push_back(b.getIndexAttr(step));
  SmallVector<Value> outs;
  if (onTensors)
    outs.push_back(out);
  auto forall =
      scf::ForallOp::create(b, loc, lower, extents, by, outs, std::nullopt);
  b.setInsertionPoint(forall.getTerminator());
  return forall;
}

void DffSplit::endForall(scf::ForallOp forall, Value tile,
                         ArrayRef<OpFoldResult> offsets,
                         ArrayRef<OpFoldResult> extents) {
  if (onTensors) {
    SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
    b.setInsertionPointToStart(forall.getTerminator().getBody());
    tensor::ParallelInsertSliceOp::create(
        b, loc, tile, forall.getRegionOutArgs()[0], offsets, extents, strides);
  }
  b.setInsertionPointAfter(forall);
}

Value DffSplit::slice(Value source, ArrayRef<OpFoldResult> offsets,
                      ArrayRef<OpFoldResult> extents, bool dropsFirst) {
  SmallVector<OpFoldResult> strides(offsets.size(), b.getIndexAttr(1));
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamic;
  dispatchIndexOpFoldResults(extents.drop_front(dropsFirst), dynamic, shape);
  if (auto type = dyn_cast<RankedTensorType>(source.getType()))
    return tensor::ExtractSliceOp::create(
        b, loc, RankedTensorType::get(shape, type.getElementType()), source,
        offsets, extents, strides);
  auto type = memref::SubViewOp::inferRankReducedResultType(
      shape, cast<MemRefType>(source.getType()), offsets, extents, strides);
  return memref::SubViewOp::create(b, loc, type, source, offsets, extents,
                                   strides);
}

OpFoldResult DffSplit::getRows(Value first) {
  std::optional<int64_t> tokens = getConstantIntValue(sizes[2]);
  if (tokens && *tokens % tokenTile == 0)
    return b.getIndexAttr(tokenTile);
  AffineExpr d0 = b.getAffineDimExpr(0), s0 = b.getAffineSymbolExpr(0);
  auto map = AffineMap::get(1, 1, {s0 - d0, b.getAffineConstantExpr(tokenTile)},
                            b.getContext());
  return affine::makeComposedFoldedAffineMin(b, loc, map, {first, sizes[2]});
}

FailureOr<Value> DffSplit::sumPiece(MHFFNOp tile, Value piece, Value acc) {
  int64_t split = schedule.getSplit();
  AffineExpr d0 = b.getAffineDimExpr(0);
  Value lower = toValue(apply((d0 * tiles).floorDiv(split), piece));
  Value upper = toValue(apply(((d0 + 1) * tiles).floorDiv(split), piece));
  Value one = arith::ConstantIndexOp::create(b, loc, 1);
  auto loop = scf::ForOp::create(b, loc, lower, upper, one,
                                 onTensors ? ValueRange(acc) : ValueRange());
  b.setInsertionPointToStart(loop.getBody());
  Value number = loop.getInductionVar();

  auto wide =
      MHFFNOp::create(b, loc, tile.getActivation(), tile.getQ(), tile.getK(),
                      tile.getU(), tile.getV(), tile.getR(),
                      onTensors ? loop.getRegionIterArg(0) : acc, schedule);
  wide->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  SmallVector<OpFoldResult> offsets, extents;
  for (Range range : wide.getIterationDomain(b)) {
    offsets.push_back(range.offset);
    extents.push_back(range.size);
  }
  offsets[3] = apply(d0.floorDiv(tilesOfSubNetwork), number);
  extents[3] = b.getIndexAttr(1);
  offsets[4] = apply((d0 % tilesOfSubNetwork) * dffTile, number);
  extents[4] = b.getIndexAttr(dffTile);
  if (int64_t f = op.getSubWidth(); f % dffTile != 0) {
    auto map = AffineMap::get(1, 0, {b.getAffineConstantExpr(dffTile), f - d0},
                              b.getContext());
    extents[4] = affine::makeComposedFoldedAffineMin(b, loc, map, {offsets[4]});
  }
  FailureOr<TilingResult> tiled =
      wide.getTiledImplementation(b, offsets, extents);
  if (failed(tiled))
    return failure();
  if (onTensors)
    scf::YieldOp::create(b, loc, tiled->tiledValues);
  b.eraseOp(wide);
  b.setInsertionPointAfter(loop);
  return onTensors ? loop.getResult(0) : acc;
}

/// The partial sums, [P, B, H, L, D].
FailureOr<Value> DffSplit::createPieces() {
  OpFoldResult split = b.getIndexAttr(schedule.getSplit());
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  Value partials = createBuffer(b, loc, onTensors,
                                {split, sizes[0], sizes[1], sizes[2], width},
                                op.getAccumulatorType());
  scf::ForallOp forall = createForall({split, sizes[0], sizes[1], sizes[2]},
                                      {1, 1, 1, tokenTile}, partials);
  SmallVector<OpFoldResult> at =
      getAsOpFoldResult(ValueRange(forall.getInductionVars()));
  OpFoldResult rows = getRows(forall.getInductionVar(3));
  FailureOr<TilingResult> tokens =
      op.getTiledImplementation(b, {at[1], at[2], at[3], zero, zero},
                                {one, one, rows, sizes[3], sizes[4]});
  if (failed(tokens))
    return failure();
  auto tile = cast<MHFFNOp>(tokens->tiledOps.front());
  b.setInsertionPointAfter(tile);

  SmallVector<OpFoldResult> offsets(at), extents = {one, one, one, rows, width};
  offsets.push_back(zero);
  Value out = onTensors ? Value(forall.getRegionOutArgs()[0]) : partials;
  Value acc =
      createZeroFill(b, loc, slice(out, offsets, extents, /*dropsFirst=*/true));
  FailureOr<Value> sum = sumPiece(tile, forall.getInductionVar(0), acc);
  if (failed(sum))
    return failure();
  Operation *unused = tile.getInit().getDefiningOp();
  b.eraseOp(tile);
  if (unused && unused->use_empty())
    b.eraseOp(unused);
  endForall(forall, *sum, offsets, extents);
  return onTensors ? forall.getResult(0) : partials;
}

/// Adds the partial sums up into `init`.
Value DffSplit::createSum(Value partials, Value init, bool accumulate) {
  OpFoldResult zero = b.getIndexAttr(0), one = b.getIndexAttr(1);
  scf::ForallOp forall =
      createForall({sizes[0], sizes[1], sizes[2]}, {1, 1, tokenTile}, init);
  SmallVector<OpFoldResult> at =
      getAsOpFoldResult(ValueRange(forall.getInductionVars()));
  OpFoldResult rows = getRows(forall.getInductionVar(2));
  Value pieces = slice(
      partials, {zero, at[0], at[1], at[2], zero},
      {b.getIndexAttr(schedule.getSplit()), one, one, rows, width}, false);
  SmallVector<OpFoldResult> extents = {one, one, rows, width};
  Value acc = createZeroFill(
      b, loc,
      createBuffer(b, loc, onTensors, extents, op.getAccumulatorType()));
  AffineMap identity = b.getMultiDimIdentityMap(5);
  SmallVector<utils::IteratorType> loops(5, utils::IteratorType::parallel);
  loops[0] = utils::IteratorType::reduction;
  auto sum = linalg::GenericOp::create(
      b, loc, onTensors ? TypeRange(acc.getType()) : TypeRange(), pieces, acc,
      {identity, identity.getMinorSubMap(4)}, loops,
      [](OpBuilder &b, Location loc, ValueRange args) {
        Value added = arith::AddFOp::create(b, loc, args[1], args[0]);
        linalg::YieldOp::create(b, loc, added);
      });
  if (onTensors)
    acc = sum.getResult(0);
  SmallVector<OpFoldResult> offsets(at);
  offsets.push_back(zero);
  Value out = onTensors ? Value(forall.getRegionOutArgs()[0]) : init;
  Value stored = createAccumulatorStore(
      b, loc, acc, slice(out, offsets, extents, false), accumulate);
  endForall(forall, stored, offsets, extents);
  return onTensors ? forall.getResult(0) : init;
}

LogicalResult DffSplit::run() {
  if (failed(countTiles()))
    return failure();
  linalg::FillOp fill = getZeroFillOfInit(op);
  Value init = fill ? fill.getOutputs()[0] : op.getInit();
  b.setInsertionPoint(op);
  for (Range range : op.getIterationDomain(b))
    sizes.push_back(range.size);
  width = linalg::createFoldedDimOp(b, loc, init, 3);
  FailureOr<Value> partials = createPieces();
  if (failed(partials))
    return failure();
  Value sum = createSum(*partials, init, /*accumulate=*/!fill);
  if (op.getResult())
    b.replaceOp(op, sum);
  else
    b.eraseOp(op);
  if (fill && fill->use_empty())
    b.eraseOp(fill);
  return success();
}

namespace {
struct SplitDffPass : flashmhf::impl::FlashMHFSplitDffBase<SplitDffPass> {
  void runOnOperation() override {
    SmallVector<MHFFNOp> ops;
    getOperation()->walk([&](MHFFNOp op) {
      // Inside of a loop is what this pass, or another tiling, left.
      ScheduleAttr schedule = op.getScheduleAttr();
      if (schedule && schedule.getSplit() > 1 &&
          !op->getParentOfType<scf::ForallOp>())
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (MHFFNOp op : ops)
      if (!replaceIfEmpty(rewriter, op) && failed(DffSplit(rewriter, op).run()))
        return signalPassFailure();
  }
};
} // namespace
