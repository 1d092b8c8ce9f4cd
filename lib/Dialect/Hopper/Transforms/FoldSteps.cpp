//===- FoldSteps.cpp - Take away loops of one step ------------------------===//
//
/// \file
/// In: consumers whose loops have been pipelined. Out: no loop of one step, and
/// no product that is added to zeros. LLVM would take such loops away too, but
/// leaves the zeros, and ptxas lets no product run while registers of another
/// are set (notes C7517, C7519).
//
//===----------------------------------------------------------------------===//

#include "Trips.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/IR/Matchers.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERFOLDSTEPS
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Replaces `loop` by its body, of which it runs one.
static void inlineStep(IRRewriter &rewriter, scf::ForOp loop) {
  SmallVector<Value> arguments = {loop.getLowerBound()};
  llvm::append_range(arguments, loop.getInitArgs());
  Operation *yield = loop.getBody()->getTerminator();
  rewriter.inlineBlockBefore(loop.getBody(), loop, arguments);
  rewriter.replaceOp(loop, yield->getOperands());
  rewriter.eraseOp(yield);
}

namespace {
struct HopperFoldSteps : hopper::impl::HopperFoldStepsBase<HopperFoldSteps> {
  void runOnOperation() override {
    getOperation()->walk([&](WarpgroupsOp op) {
      SmallVector<scf::ForOp> loops;
      op.getConsumer().walk([&](scf::ForOp loop) { loops.push_back(loop); });
      IRRewriter rewriter(&getContext());
      for (scf::ForOp loop : loops)
        if (Trips trips = countTrips(loop); trips.isExact && trips.least == 1)
          inlineStep(rewriter, loop);
      op.getConsumer().walk([](WgmmaOp product) {
        if (product.getAcc() &&
            matchPattern(product.getAcc(), m_AnyZeroFloat())) {
          product.getAccMutable().clear();
          product.getAccumulatesMutable().clear();
        }
      });
    });
  }
};
} // namespace
