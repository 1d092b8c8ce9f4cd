//===- TileDff.cpp - Tile mhffn along E and F -----------------------------===//
//
/// \file
/// In: mhffn with a schedule. Out: two loops around an mhffn of one sub-network
/// and at most `dff_tile` of its width, which sums into an accumulator of the
/// accumulation type, and one store of that into the init. Invariant: the
/// result is rounded once, however many tiles there are.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFTILEDFF
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// Positions in the iteration domain.
enum { kE = 3, kF = 4 };

/// Whether `init` is memory that this pass, or the user in its way, made to sum
/// into: a fresh zero, or what a loop carries.
static bool isAccumulator(Value init) {
  if (auto arg = dyn_cast<BlockArgument>(init))
    return isa<scf::ForOp>(arg.getOwner()->getParentOp());
  if (auto fill = init.getDefiningOp<linalg::FillOp>())
    return fill.getOutputs()[0].getDefiningOp<tensor::EmptyOp>() != nullptr;
  if (auto view = init.getDefiningOp<memref::SubViewOp>())
    init = view.getSource(); // A tile of the workspace of flashmhf-split-dff.
  return init.getDefiningOp<memref::AllocOp>() != nullptr;
}

/// Whether `op` is a tile of the schedule's size in an accumulator.
static bool isDffTile(MHFFNOp op, int64_t tile) {
  if (op.getSubNetworks() != 1 || !isAccumulator(op.getInit()) ||
      getElementTypeOrSelf(op.getInit().getType()) != op.getAccumulatorType())
    return false;
  FailureOr<int64_t> width = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {op.getK(), 2}, /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  return succeeded(width) && *width <= tile;
}

/// Creates the loop [0, extent) by `step`, carrying `acc` on tensors, with the
/// insertion point in its body.
static scf::ForOp createLoop(OpBuilder &b, Location loc, OpFoldResult extent,
                             int64_t step, Value acc) {
  SmallVector<Value> carried;
  if (isa<TensorType>(acc.getType()))
    carried.push_back(acc);
  Value lower = arith::ConstantIndexOp::create(b, loc, 0);
  Value upper = getValueOrCreateConstantIndexOp(b, loc, extent);
  Value by = arith::ConstantIndexOp::create(b, loc, step);
  auto loop = scf::ForOp::create(b, loc, lower, upper, by, carried);
  b.setInsertionPointToStart(loop.getBody());
  return loop;
}

static Value carriedIn(scf::ForOp loop, Value acc) {
  return loop.getNumRegionIterArgs() ? Value(loop.getRegionIterArg(0)) : acc;
}

/// Ends the body of `loop`; where it carries nothing the builder of the loop
/// has done so.
static void yield(OpBuilder &b, scf::ForOp loop, ValueRange values) {
  if (!values.empty())
    scf::YieldOp::create(b, loop.getLoc(), values);
  b.setInsertionPointAfter(loop);
}

/// Sums `op` into `acc`, tile by tile.
static FailureOr<Value> accumulateTiles(RewriterBase &rewriter, MHFFNOp op,
                                        Value acc, int64_t tile) {
  Location loc = op.getLoc();
  // The same operation on a wide init is what is tiled; it never stays.
  auto wide = MHFFNOp::create(rewriter, loc, op.getActivation(), op.getQ(),
                              op.getK(), op.getU(), op.getV(), op.getR(), acc,
                              op.getScheduleAttr());
  wide->setDiscardableAttrs(op->getDiscardableAttrDictionary());
  SmallVector<OpFoldResult> offsets, sizes;
  for (Range range : wide.getIterationDomain(rewriter)) {
    offsets.push_back(range.offset);
    sizes.push_back(range.size);
  }
  OpFoldResult width = sizes[kF];
  std::optional<int64_t> constantWidth = getConstantIntValue(width);
  if (constantWidth)
    tile = std::min(tile, *constantWidth);

  scf::ForOp outer = createLoop(rewriter, loc, sizes[kE], 1, acc);
  scf::ForOp inner =
      createLoop(rewriter, loc, width, tile, carriedIn(outer, acc));
  rewriter.modifyOpInPlace(
      wide, [&] { wide.getInitMutable().set(carriedIn(inner, acc)); });
  offsets[kE] = outer.getInductionVar();
  sizes[kE] = rewriter.getIndexAttr(1);
  offsets[kF] = inner.getInductionVar();
  sizes[kF] = rewriter.getIndexAttr(tile);
  if (!constantWidth || *constantWidth % tile != 0) {
    AffineExpr d0 = rewriter.getAffineDimExpr(0);
    AffineExpr s0 = rewriter.getAffineSymbolExpr(0);
    auto map =
        AffineMap::get(1, 1, {rewriter.getAffineConstantExpr(tile), s0 - d0},
                       rewriter.getContext());
    sizes[kF] = affine::makeComposedFoldedAffineMin(rewriter, loc, map,
                                                    {offsets[kF], width});
  }
  FailureOr<TilingResult> tiled =
      wide.getTiledImplementation(rewriter, offsets, sizes);
  if (failed(tiled))
    return failure();
  yield(rewriter, inner, tiled->tiledValues);
  yield(rewriter, outer, inner.getResults());
  rewriter.eraseOp(wide);
  return outer.getNumResults() ? outer.getResult(0) : acc;
}

static LogicalResult tileDff(RewriterBase &rewriter, MHFFNOp op) {
  ScheduleAttr schedule = op.getScheduleAttr();
  if (!schedule)
    return op.emitOpError("has no schedule to tile by");
  if (replaceIfEmpty(rewriter, op))
    return success();
  if (isDffTile(op, schedule.getDffTile()))
    return success();

  Location loc = op.getLoc();
  linalg::FillOp fill = getZeroFillOfInit(op);
  Value init = fill ? fill.getOutputs()[0] : op.getInit();
  rewriter.setInsertionPoint(op);
  SmallVector<OpFoldResult> sizes;
  for (int64_t dim = 0; dim < 4; ++dim)
    sizes.push_back(linalg::createFoldedDimOp(rewriter, loc, init, dim));
  Value acc = createZeroFill(rewriter, loc,
                             createBuffer(rewriter, loc,
                                          isa<TensorType>(init.getType()),
                                          sizes, op.getAccumulatorType()));
  FailureOr<Value> sum =
      accumulateTiles(rewriter, op, acc, schedule.getDffTile());
  if (failed(sum))
    return failure();
  Value stored = createAccumulatorStore(rewriter, loc, *sum, init,
                                        /*accumulate=*/!fill);
  if (op.getResult())
    rewriter.replaceOp(op, stored);
  else
    rewriter.eraseOp(op);
  if (fill && fill->use_empty())
    rewriter.eraseOp(fill);
  return success();
}

namespace {
struct TileDffPass : flashmhf::impl::FlashMHFTileDffBase<TileDffPass> {
  void runOnOperation() override {
    SmallVector<MHFFNOp> ops;
    getOperation()->walk([&](MHFFNOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (MHFFNOp op : ops)
      if (failed(tileDff(rewriter, op)))
        return signalPassFailure();
  }
};
} // namespace
