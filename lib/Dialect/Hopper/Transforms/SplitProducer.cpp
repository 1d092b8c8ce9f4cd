//===- SplitProducer.cpp - Several threads that fetch ---------------------===//
//
/// \file
/// In: a producer that one thread runs. Out: where the schedule has two
/// producers, a hopper.thread for the puts of each block of the loop nest, so
/// that waiting for the slot of one operand holds up no other. So it is where a
/// thread for Q is to wait for the kernel in front. Invariant: each ring has
/// all its puts in one thread, in the same order.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/ADT/MapVector.h"
#include "llvm/ADT/PointerIntPair.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERSPLITPRODUCER
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Erases loops that do nothing and what is not used.
static void prune(Block &block) {
  for (Operation &op : llvm::make_early_inc_range(llvm::reverse(block))) {
    if (auto loop = dyn_cast<scf::ForOp>(op)) {
      prune(*loop.getBody());
      if (loop.getBody()->without_terminator().empty() && loop.use_empty())
        loop.erase();
    } else if (isOpTriviallyDead(&op)) {
      op.erase();
    }
  }
}

/// `isEarly`: weights and Q are two threads even in one block.
static LogicalResult split(WarpgroupsOp op, bool isEarly) {
  Block &body = op.getProducer().front();
  using Group = llvm::PointerIntPair<Block *, 1, bool>;
  llvm::MapVector<Group, DenseSet<Operation *>> groups;
  DenseMap<Value, Group> homes;
  WalkResult result = body.walk([&](PutOp put) {
    Group group(put->getBlock(), isEarly && put.fetchesWeights());
    groups[group].insert(put);
    if (homes.try_emplace(put.getRing(), group).first->second == group)
      return WalkResult::advance();
    put.emitOpError("is in another loop than an earlier put into its ring; "
                    "one thread must do both");
    return WalkResult::interrupt();
  });
  if (result.wasInterrupted())
    return failure();
  if (groups.size() < 2)
    return success();

  auto whole = llvm::map_to_vector(body.without_terminator(),
                                   [](Operation &inner) { return &inner; });
  OpBuilder b = OpBuilder::atBlockTerminator(&body);
  for (auto &[group, puts] : groups) {
    // Of a branch that a whole warp takes ptxas knows that it is uniform: it
    // then has registers enough for the addresses of a cluster's transfers.
    bool isWarp = llvm::any_of(puts, [](Operation *put) {
      return cast<PutOp>(put).getRing().getType().getCluster() > 1;
    });
    auto thread = ThreadOp::create(b, op.getLoc(), isWarp);
    OpBuilder::InsertionGuard guard(b);
    b.createBlock(&thread.getBody());
    IRMapping mapping;
    for (Operation *inner : whole)
      b.clone(*inner, mapping);
    for (auto &[other, others] : groups)
      if (other != group)
        for (Operation *put : others)
          mapping.lookup(put)->erase();
    prune(thread.getBody().front());
  }
  for (Operation *inner : llvm::reverse(whole))
    inner->erase();
  return success();
}

namespace {
struct HopperSplitProducer
    : hopper::impl::HopperSplitProducerBase<HopperSplitProducer> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (!schedule)
        return;
      bool isEarly = schedule.getProgrammatic();
      if (schedule.getProducers() < 2 && !isEarly)
        return;
      func.walk([&](WarpgroupsOp op) {
        if (failed(split(op, isEarly)))
          signalPassFailure();
      });
    });
  }
};
} // namespace
