//===- LowerTiles.cpp - Tile numbers to index arithmetic ------------------===//
//
/// \file
/// In: tile_count, tile_coordinates, work_range and work_item. Out: arith on
/// the sizes of the tensor and of the grid.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Work.h"
#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERLOWERTILES
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

// Grids have fewer than 2^31 blocks, so numbers of tiles fit 32 bits; 64-bit
// division would take more registers than a producer has.

/// Number of tiles along dimension `dim` of what `op` goes over, i32.
template <typename OpTy>
static Value getTilesAlong(OpBuilder &b, OpTy op, int64_t dim) {
  Location loc = op.getLoc();
  Value over = op.getOver();
  // Whole clusters of rows, each of one tile for every block.
  int64_t cluster = dim == 2 ? op.getCluster() : 1;
  int64_t tile = op.getTiles()[dim] * cluster;
  Value size = arith::IndexCastOp::create(
      b, loc, b.getI32Type(), memref::DimOp::create(b, loc, over, dim));
  if (tile == 1)
    return size;
  Value last = arith::AddIOp::create(b, loc, size, getI32(b, loc, tile - 1));
  Value tiles = arith::DivUIOp::create(b, loc, last, getI32(b, loc, tile));
  return cluster == 1
             ? tiles
             : arith::MulIOp::create(b, loc, tiles, getI32(b, loc, cluster))
                   .getResult();
}

namespace {
struct ProductOfTileCount : OpRewritePattern<TileCountOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TileCountOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value count = getI32(rewriter, loc, 1);
    for (int64_t dim : {0, 1, 2})
      count = arith::MulIOp::create(rewriter, loc, count,
                                    getTilesAlong(rewriter, op, dim));
    rewriter.replaceOpWithNewOp<arith::IndexCastUIOp>(
        op, rewriter.getIndexType(), count);
    return success();
  }
};

struct QuotientsOfTileCoordinates : OpRewritePattern<TileCoordinatesOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(TileCoordinatesOp op,
                                PatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value rest = arith::IndexCastOp::create(
        rewriter, loc, rewriter.getI32Type(), op.getTile());
    Value at[3];
    // Rows fastest, then the batch; what remains is the head.
    for (int64_t dim : {2, 0}) {
      Value along = getTilesAlong(rewriter, op, dim);
      at[dim] = arith::RemUIOp::create(rewriter, loc, rest, along);
      rest = arith::DivUIOp::create(rewriter, loc, rest, along);
    }
    at[1] = rest;
    for (int64_t dim : {0, 1, 2}) {
      at[dim] = arith::MulIOp::create(
          rewriter, loc, at[dim], getI32(rewriter, loc, op.getTiles()[dim]));
      at[dim] = arith::IndexCastUIOp::create(rewriter, loc,
                                             rewriter.getIndexType(), at[dim]);
    }
    rewriter.replaceOp(op, {at[0], at[1], at[2]});
    return success();
  }
};

struct HopperLowerTiles : hopper::impl::HopperLowerTilesBase<HopperLowerTiles> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    patterns.add<ProductOfTileCount, QuotientsOfTileCoordinates>(&getContext());
    populateWorkPatterns(patterns);
    FrozenRewritePatternSet frozen(std::move(patterns));
    // Blocks are none of its business, and to look at all takes time.
    GreedyRewriteConfig config;
    config.setRegionSimplificationLevel(GreedySimplifyRegionLevel::Disabled);
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(applyPatternsGreedily(func, frozen, config)))
        signalPassFailure();
    });
  }
};
} // namespace
