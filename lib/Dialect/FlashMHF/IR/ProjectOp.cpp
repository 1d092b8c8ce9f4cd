//===- ProjectOp.cpp - Projections of a layer -----------------------------===//
//
/// \file
/// flashmhf.project: its rules, its folds, and what it means as linalg.
//
//===----------------------------------------------------------------------===//

#include "Destination.h"

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/PatternMatch.h"

using namespace mlir;
using namespace mlir::flashmhf;

void ProjectOp::build(OpBuilder &builder, OperationState &state, Value x,
                      Value w, Value init, ScheduleAttr schedule) {
  Type result = isa<TensorType>(init.getType()) ? init.getType() : Type();
  build(builder, state, result, x, w, init, schedule);
}

LogicalResult
ProjectOp::reifyResultShapes(OpBuilder &b,
                             ReifiedRankedShapedTypeDims &shapes) {
  return reifyInitShape(b, *this, shapes);
}

void ProjectOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addMemoryEffects(*this, effects);
}

LogicalResult ProjectOp::verify() {
  if (failed(verifyDestination(*this, {{"x", getX()}, {"w", getW()}})))
    return failure();
  Type input = getInputType(), weights = getElementTypeOrSelf(getW().getType());
  if (weights != input)
    return emitOpError("element type of 'w' must be ")
           << input << ", like that of 'x', got " << weights;
  if (failed(verifyOutputType(*this, input, getAccumulatorType())))
    return failure();
  NamedSize b{'B', getBatches(), "x"}, g{'G', getGroups(), "x"},
      l{'L', getTokens(), "x"}, k{'K', getDepth(), "x"},
      h{'H', getHeads(), "w"}, n{'N', getColumns(), "w"};
  return success(
      succeeded(verifySizes(*this, "w", getW(), {h, g, n, k})) &&
      succeeded(verifySizes(*this, "init", getInit(), {b, h, l, n})));
}

namespace {
/// project ... outs(%init) with a size of 0 -> %init
struct ForwardInitOfEmptySum : OpRewritePattern<ProjectOp> {
  using OpRewritePattern::OpRewritePattern;

  LogicalResult matchAndRewrite(ProjectOp op,
                                PatternRewriter &rewriter) const override {
    if (!replaceIfEmpty(rewriter, op))
      return rewriter.notifyMatchFailure(op, "no size is 0");
    return success();
  }
};
} // namespace

void ProjectOp::getCanonicalizationPatterns(RewritePatternSet &patterns,
                                            MLIRContext *context) {
  patterns.add<ForwardInitOfEmptySum>(context);
}

LogicalResult ProjectOp::fold(FoldAdaptor, SmallVectorImpl<OpFoldResult> &) {
  return memref::foldMemRefCast(*this);
}

/// O += X W^T in the type of `out`, over (b, h, l, n, g, k).
static Value createContraction(OpBuilder &b, ProjectOp op, Value out) {
  Location loc = op.getLoc();
  MLIRContext *context = b.getContext();
  AffineExpr batch, head, row, column, group, depth;
  bindDims(context, batch, head, row, column, group, depth);
  SmallVector<AffineMap> maps = {
      AffineMap::get(6, 0, {batch, group, row, depth}, context),
      AffineMap::get(6, 0, {head, group, column, depth}, context),
      AffineMap::get(6, 0, {batch, head, row, column}, context)};
  SmallVector<utils::IteratorType> loops(4, utils::IteratorType::parallel);
  loops.append(2, utils::IteratorType::reduction);
  SmallVector<Type> results;
  if (isa<TensorType>(out.getType()))
    results.push_back(out.getType());
  auto generic = linalg::GenericOp::create(
      b, loc, results, ValueRange{op.getX(), op.getW()}, out, maps, loops,
      [](OpBuilder &b, Location loc, ValueRange args) {
        Value x = args[0], y = args[1];
        if (x.getType() != args[2].getType()) {
          x = arith::ExtFOp::create(b, loc, args[2].getType(), x);
          y = arith::ExtFOp::create(b, loc, args[2].getType(), y);
        }
        Value product = arith::MulFOp::create(b, loc, x, y);
        Value sum = arith::AddFOp::create(b, loc, args[2], product);
        linalg::YieldOp::create(b, loc, sum);
      });
  return results.empty() ? out : generic.getResult(0);
}

FailureOr<SmallVector<Value>> ProjectOp::decomposeOperation(OpBuilder &b) {
  bool onTensors = isa<TensorType>(getInit().getType());
  Value out;
  if (getElementTypeOrSelf(getInit().getType()) == getAccumulatorType()) {
    out = createContraction(b, *this, getInit());
  } else {
    SmallVector<OpFoldResult> sizes;
    for (int64_t dim = 0; dim < 4; ++dim)
      sizes.push_back(linalg::createFoldedDimOp(b, getLoc(), getInit(), dim));
    Value zero = createZeroFill(
        b, getLoc(),
        createBuffer(b, getLoc(), onTensors, sizes, getAccumulatorType()));
    out = createAccumulatorStore(b, getLoc(), createContraction(b, *this, zero),
                                 getInit(),
                                 /*accumulate=*/true);
  }
  SmallVector<Value> results;
  if (onTensors)
    results.push_back(out);
  return results;
}
