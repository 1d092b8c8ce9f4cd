//===- FlashMHFCanonicalization.cpp - Folds of mhffn ----------------------===//
//
/// \file
/// What can be said of an mhffn without looking at its neighbours' intentions:
/// an empty sum is its init, a router of ones is no router, and a memref cast
/// that forgets a size is of no use. Tensor casts are folded by upstream, for
/// any destination-style operation.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::flashmhf;

/// Whether `value` is a float constant, scalar or splat, of 1.
static bool isOne(Value value) {
  FloatAttr scalar;
  if (matchPattern(value, m_Constant(&scalar)))
    return scalar.getValue().isExactlyValue(1.0);
  SplatElementsAttr splat;
  return matchPattern(value, m_Constant(&splat)) &&
         isa<FloatType>(splat.getElementType()) &&
         splat.getSplatValue<APFloat>().isExactlyValue(1.0);
}

namespace {
/// mhffn ... router(ones) -> mhffn ...
struct DropRouterOfOnes : OpRewritePattern<MHFFNOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MHFFNOp op,
                                PatternRewriter &rewriter) const override {
    if (!op.getR() || !isa<TensorType>(op.getR().getType()))
      return rewriter.notifyMatchFailure(op, "no router, or one in memory");
    auto fill = op.getR().getDefiningOp<linalg::FillOp>();
    if (!isOne(fill ? fill.getInputs()[0] : op.getR()))
      return rewriter.notifyMatchFailure(op, "the router is not known as 1");
    rewriter.modifyOpInPlace(op, [&] { op.getRMutable().clear(); });
    return success();
  }
};

/// mhffn ... outs(%init) with a size of 0 -> %init
struct ForwardInitOfEmptySum : OpRewritePattern<MHFFNOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(MHFFNOp op,
                                PatternRewriter &rewriter) const override {
    if (!replaceIfEmpty(rewriter, op))
      return rewriter.notifyMatchFailure(op, "no size is 0");
    return success();
  }
};
} // namespace

void MHFFNOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                          MLIRContext *context) {
  patterns.add<DropRouterOfOnes, ForwardInitOfEmptySum>(context);
}

LogicalResult MHFFNOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &) {
  return memref::foldMemRefCast(*this);
}
