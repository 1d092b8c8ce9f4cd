//===- Decompose.cpp - Replace mhffn by linalg operations -----------------===//
//
/// \file
/// In: mhffn and project on tensors or memrefs. Out: none of them. What takes
/// their place is written by their AggregatedOpInterface.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFDECOMPOSE
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
struct DecomposePass : flashmhf::impl::FlashMHFDecomposeBase<DecomposePass> {
  void runOnOperation() override {
    SmallVector<linalg::AggregatedOpInterface> ops;
    getOperation()->walk([&](linalg::AggregatedOpInterface op) {
      if (isa<MHFFNOp, ProjectOp>(op))
        ops.push_back(op);
    });
    IRRewriter rewriter(&getContext());
    for (linalg::AggregatedOpInterface op : ops) {
      rewriter.setInsertionPoint(op);
      FailureOr<SmallVector<Value>> results = op.decomposeOperation(rewriter);
      if (failed(results))
        return signalPassFailure();
      rewriter.replaceOp(op, *results);
    }
  }
};
} // namespace
