//===- PlaceWaits.cpp - How much each wait leaves running -----------------===//
//
/// \file
/// In: waits in their places. Out: the same, each leaving the products issued
/// after its own in flight. Invariant: one wgmma is one group, and groups
/// complete in the order of issue.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPLACEWAITS
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Whether a region of `op` issues products; how many is not known then.
static bool issuesInside(Operation &op) {
  return op
      .walk([&](WgmmaOp inner) {
        return inner.getOperation() == &op ? WalkResult::advance()
                                           : WalkResult::interrupt();
      })
      .wasInterrupted();
}

/// The products that are issued after the awaited one and before `wait`.
static int64_t countYounger(WaitOp wait) {
  auto product = wait.getValue().getDefiningOp<WgmmaOp>();
  if (!product || product->getBlock() != wait->getBlock())
    return 0;
  int64_t younger = 0;
  for (Operation *op = product->getNextNode(); op != wait;
       op = op->getNextNode()) {
    if (isa<WgmmaOp>(op))
      ++younger;
    else if (issuesInside(*op))
      return 0;
  }
  return younger;
}

namespace {
struct HopperPlaceWaits : hopper::impl::HopperPlaceWaitsBase<HopperPlaceWaits> {
  void runOnOperation() override {
    getOperation()->walk(
        [](WaitOp wait) { wait.setPending(countYounger(wait)); });
    getOperation()->setAttr(kScheduledAttrName, UnitAttr::get(&getContext()));
  }
};
} // namespace
