//===- TileTokens.cpp - Tile mhffn over batch, head and tokens ------------===//
//
/// \file
/// In: mhffn with a schedule. Out: scf.forall over batch, heads and tiles of
/// tokens around an mhffn of one head. Where the init was a fill with zero, the
/// fill is on the slice of that iteration, and what was filled is untouched
/// outside.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"
#include "mlir/Interfaces/ValueBoundsOpInterface.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFTILETOKENS
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// Moves the zero fill of the whole init to the slice that `tiled` works on.
static void fillSlice(RewriterBase &rewriter, linalg::FillOp fill,
                      scf::ForallOp loop, MHFFNOp tiled) {
  rewriter.setInsertionPoint(tiled);
  auto sliceFill = linalg::FillOp::create(rewriter, fill.getLoc(),
                                          fill.getInputs()[0], tiled.getInit());
  if (!tiled.getResult())
    return;
  rewriter.modifyOpInPlace(
      tiled, [&] { tiled.getInitMutable().set(sliceFill.getResult(0)); });
  rewriter.modifyOpInPlace(
      loop, [&] { loop.getOutputsMutable()[0].set(fill.getOutputs()[0]); });
}

/// Whether `op` is a tile of the schedule's size in an scf.forall.
static bool isTokenTile(MHFFNOp op, int64_t tile) {
  if (op.getBatches() != 1 || op.getHeads() != 1 ||
      !op->getParentOfType<scf::ForallOp>())
    return false;
  FailureOr<int64_t> tokens = ValueBoundsConstraintSet::computeConstantBound(
      presburger::BoundType::UB, {op.getQ(), 2}, /*stopCondition=*/nullptr,
      /*closedUB=*/true);
  return succeeded(tokens) && *tokens <= tile;
}

static LogicalResult tileTokens(RewriterBase &rewriter, MHFFNOp op) {
  ScheduleAttr schedule = op.getScheduleAttr();
  if (!schedule)
    return op.emitOpError("has no schedule to tile by");
  if (replaceIfEmpty(rewriter, op) || isTokenTile(op, schedule.getTokenTile()))
    return success();
  linalg::FillOp fill = getZeroFillOfInit(op);

  int64_t tile = schedule.getTokenTile(), tokens = op.getTokens();
  if (!ShapedType::isDynamic(tokens))
    tile = std::min(tile, tokens);
  SmallVector<OpFoldResult> sizes;
  for (int64_t size : {int64_t(1), int64_t(1), tile, int64_t(0), int64_t(0)})
    sizes.push_back(rewriter.getIndexAttr(size));
  scf::SCFTilingOptions options;
  options.setLoopType(scf::SCFTilingOptions::LoopType::ForallOp);
  options.setTileSizes(sizes);
  rewriter.setInsertionPoint(op);
  FailureOr<scf::SCFTilingResult> result = scf::tileUsingSCF(
      rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(result))
    return op.emitOpError("cannot be tiled over tokens");

  if (fill)
    fillSlice(rewriter, fill, cast<scf::ForallOp>(result->loops.front()),
              cast<MHFFNOp>(result->tiledOps.front()));
  rewriter.replaceOp(op, result->replacements);
  // On memrefs nothing sees the memory between the fill and the loop.
  if (fill && fill->use_empty())
    rewriter.eraseOp(fill);
  return success();
}

namespace {
struct TileTokensPass : flashmhf::impl::FlashMHFTileTokensBase<TileTokensPass> {
  void runOnOperation() override {
    SmallVector<MHFFNOp> ops;
    getOperation()->walk([&](MHFFNOp op) { ops.push_back(op); });
    IRRewriter rewriter(&getContext());
    for (MHFFNOp op : ops)
      if (failed(tileTokens(rewriter, op)))
        return signalPassFailure();
  }
};
} // namespace
