//===- ApproximateMath.cpp - exp and tanh of vectors as polynomials -------===//
//
/// \file
/// In: math on vectors. Out: arith and math.fma for exp and tanh of f32.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Math/Transforms/Passes.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "mlir/Transforms/GreedyPatternRewriteDriver.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFAPPROXIMATEMATH
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
struct ApproximateMath
    : public flashmhf::impl::FlashMHFApproximateMathBase<ApproximateMath> {
  void runOnOperation() override {
    RewritePatternSet patterns(&getContext());
    populateMathPolynomialApproximationPatterns(patterns, [](StringRef name) {
      return name == math::ExpOp::getOperationName() ||
             name == math::TanhOp::getOperationName();
    });
    if (failed(applyPatternsGreedily(getOperation(), std::move(patterns))))
      signalPassFailure();
  }
};
} // namespace
