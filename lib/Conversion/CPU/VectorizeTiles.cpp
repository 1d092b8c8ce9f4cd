//===- VectorizeTiles.cpp - Register blocks of contractions ---------------===//
//
/// \file
/// In: contractions and elementwise linalg ops on tensors of static shape. Out:
/// loops over blocks of registers; in a block, vectors only. Ops whose shape
/// is not static or does not fill whole vectors are left alone.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Linalg/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Transforms/TileUsingInterface.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Dialect/Vector/Transforms/LoweringPatterns.h"
#include "mlir/Dialect/Vector/Transforms/VectorRewritePatterns.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFVECTORIZETILES
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// Rows and columns of the block of accumulators that is kept in registers.
struct RegisterBlock {
  int64_t rows, columns;

  /// The block for a matrix of this shape, or none if vectors of `bits` bits do
  /// not fit it.
  static std::optional<RegisterBlock> get(RankedTensorType type, int64_t bits);
};
} // namespace

std::optional<RegisterBlock> RegisterBlock::get(RankedTensorType type,
                                                int64_t bits) {
  if (!type || type.getRank() != 2 || !type.hasStaticShape())
    return std::nullopt;
  if (!type.getElementType().isF32() && !type.getElementType().isF64())
    return std::nullopt;
  int64_t lanes = bits / type.getElementTypeBitWidth();
  int64_t rows = type.getDimSize(0), vectors = type.getDimSize(1) / lanes;
  if (rows == 0 || vectors == 0 || type.getDimSize(1) % lanes != 0)
    return std::nullopt;
  // Half of the registers accumulate (32 of 512 bits, else 16): enough of them
  // to cover the latency of a fused multiply-add, few enough to spill none.
  // Wide before high, since a row costs a broadcast at every step.
  int64_t budget = bits >= 512 ? 16 : 8;
  int64_t across = bits >= 512 ? 4 : 2;
  // Powers of two: others are legalised with shuffles at every step.
  while (vectors % across != 0)
    across /= 2;
  int64_t down = budget / across;
  while (rows % down != 0)
    down /= 2;
  return RegisterBlock{down, across * lanes};
}

/// One that sums something: fusion cannot cut an empty sum into tiles.
static bool isContraction(Operation *op) {
  return isa_and_nonnull<linalg::MatmulOp, linalg::ContractOp>(op) &&
         !llvm::is_contained(cast<linalg::LinalgOp>(op).getStaticLoopRanges(),
                             0);
}

static RankedTensorType getResultType(linalg::LinalgOp op) {
  if (!op.hasPureTensorSemantics() || op->getNumResults() != 1)
    return {};
  return dyn_cast<RankedTensorType>(op->getResult(0).getType());
}

/// Tiles `op`, elementwise, to blocks and fuses its contractions, with the
/// fills that they accumulate into, into a tile.
static LogicalResult tileAndFuse(RewriterBase &rewriter, linalg::LinalgOp op,
                                 RegisterBlock block) {
  scf::SCFTileAndFuseOptions options;
  options.tilingOptions.setTileSizes({rewriter.getIndexAttr(block.rows),
                                      rewriter.getIndexAttr(block.columns)});
  // Columns outside: the operand that all rows share stays in the cache.
  options.tilingOptions.setInterchange({1, 0});
  options.setFusionControlFn(
      [](tensor::ExtractSliceOp, OpResult producer,
         bool) -> std::optional<scf::SCFTileAndFuseOptions::ControlFnResult> {
        if (isContraction(producer.getOwner()) ||
            isa<linalg::FillOp>(producer.getOwner()))
          return scf::SCFTileAndFuseOptions::ControlFnResult{};
        return std::nullopt;
      });
  rewriter.setInsertionPoint(op);
  FailureOr<scf::SCFTileAndFuseResult> tiled =
      scf::tileConsumerAndFuseProducersUsingSCF(
          rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return op.emitOpError("could not be tiled for registers");
  for (auto [from, to] : tiled->replacements)
    rewriter.replaceAllUsesWith(from, to);
  return success();
}

/// Tiles a contraction over (rows, columns, reduction) to blocks, with steps of
/// one along the reduction inside.
static FailureOr<linalg::LinalgOp> tileContraction(RewriterBase &rewriter,
                                                   linalg::LinalgOp op,
                                                   RegisterBlock block) {
  scf::SCFTilingOptions options;
  options.setTileSizes({rewriter.getIndexAttr(block.rows),
                        rewriter.getIndexAttr(block.columns),
                        rewriter.getIndexAttr(1)});
  options.setInterchange({1, 0, 2});
  rewriter.setInsertionPoint(op);
  FailureOr<scf::SCFTilingResult> tiled = scf::tileUsingSCF(
      rewriter, cast<TilingInterface>(op.getOperation()), options);
  if (failed(tiled))
    return op.emitOpError("could not be tiled for registers");
  rewriter.replaceOp(op, tiled->replacements);
  return cast<linalg::LinalgOp>(tiled->tiledOps.front());
}

namespace {
struct VectorizeTiles
    : public flashmhf::impl::FlashMHFVectorizeTilesBase<VectorizeTiles> {
  using FlashMHFVectorizeTilesBase::FlashMHFVectorizeTilesBase;

  void runOnOperation() override;

private:
  LogicalResult formBlocks(IRRewriter &rewriter,
                           SmallVectorImpl<Operation *> &blocks);
};
} // namespace

/// Collects in `blocks` the ops that are now as large as a block.
LogicalResult VectorizeTiles::formBlocks(IRRewriter &rewriter,
                                         SmallVectorImpl<Operation *> &blocks) {
  SmallVector<std::pair<linalg::LinalgOp, RegisterBlock>> consumers;
  getOperation().walk([&](linalg::GenericOp op) {
    bool readsContraction = llvm::any_of(op.getInputs(), [](Value value) {
      return isContraction(value.getDefiningOp());
    });
    if (!readsContraction || op.getNumParallelLoops() != op.getNumLoops())
      return;
    if (auto block = RegisterBlock::get(getResultType(op), vectorBits))
      consumers.push_back({op, *block});
  });
  for (auto [op, block] : consumers)
    if (failed(tileAndFuse(rewriter, op, block)))
      return failure();
  // Producers that are computed in the tiles now.
  (void)runRegionDCE(rewriter, getOperation()->getRegions());

  SmallVector<std::pair<linalg::LinalgOp, RegisterBlock>> contractions;
  getOperation().walk([&](linalg::LinalgOp op) {
    auto block = RegisterBlock::get(getResultType(op), vectorBits);
    if (!block)
      return;
    if (isContraction(op) && op.getNumLoops() == 3)
      contractions.push_back({op, *block});
    else if (op->getParentOfType<scf::ForOp>() &&
             block->rows * block->columns == getResultType(op).getNumElements())
      blocks.push_back(op);
  });
  for (auto [op, block] : contractions) {
    FailureOr<linalg::LinalgOp> step = tileContraction(rewriter, op, block);
    if (failed(step))
      return failure();
    blocks.push_back(*step);
  }
  return success();
}

void VectorizeTiles::runOnOperation() {
  if (failed(verifyVectorBits(getOperation(), vectorBits)))
    return signalPassFailure();
  IRRewriter rewriter(&getContext());
  SmallVector<Operation *> blocks;
  if (failed(formBlocks(rewriter, blocks)))
    return signalPassFailure();
  for (Operation *op : blocks) {
    rewriter.setInsertionPoint(op);
    FailureOr<linalg::VectorizationResult> result = linalg::vectorize(
        rewriter, op, /*inputVectorSizes=*/{}, /*inputScalableVecDims=*/{},
        /*vectorizeNDExtract=*/false, /*flatten1DDepthwiseConv=*/false,
        /*assumeDynamicDimsMatchVecSizes=*/false,
        /*createNamedContraction=*/isContraction(op));
    if (failed(result)) {
      op->emitOpError("could not be vectorised");
      return signalPassFailure();
    }
    rewriter.replaceOp(op, result->replacements);
  }

  RewritePatternSet patterns(&getContext());
  vector::populateVectorContractLoweringPatterns(
      patterns, vector::VectorContractLowering::OuterProduct,
      /*benefit=*/1, /*disableOuterProductLowering=*/true);
  vector::populateVectorTransferPermutationMapLoweringPatterns(patterns);
  vector::TransferReadOp::getCanonicalizationPatterns(patterns, &getContext());
  vector::TransferWriteOp::getCanonicalizationPatterns(patterns, &getContext());
  if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
    signalPassFailure();
}
