//===- StartEarly.cpp - Begin before the kernel in front has ended --------===//
//
/// \file
/// In: roles of a kernel with a programmatic schedule, whose producer has a
/// thread for the weights and one for all else (hopper-split-producer). Out:
/// the same, which let the next kernel begin, and of which all but the thread
/// of the weights first wait for the kernel in front. Invariant: in front of
/// that wait nothing but weights is read, and nothing is written.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERSTARTEARLY
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Only those threads wait that fetch what an earlier kernel may have written.
/// The others run ahead until their rings are full, which empty when consumers
/// have got Q. `region`: what one thread runs.
static LogicalResult startThread(Region &region) {
  PutOp early, late;
  region.walk([&](PutOp put) { (put.fetchesWeights() ? early : late) = put; });
  if (early && late)
    return late.emitOpError("is in one thread with weights, which must not "
                            "wait for the kernel in front; run "
                            "hopper-split-producer first");
  if (late) {
    OpBuilder b = OpBuilder::atBlockBegin(&region.front());
    WaitPredecessorOp::create(b, region.getLoc());
  }
  return success();
}

static LogicalResult startEarly(gpu::GPUFuncOp func) {
  flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
  if (!schedule || !schedule.getProgrammatic())
    return success();
  SmallVector<WarpgroupsOp> ops;
  func.walk([&](WarpgroupsOp op) { ops.push_back(op); });
  if (ops.size() != 1)
    return func.emitOpError("has a programmatic schedule, but not one "
                            "hopper.warpgroups; run hopper-warp-specialize "
                            "first");
  WarpgroupsOp op = ops.front();
  SmallVector<Region *> threads;
  for (auto thread : op.getProducer().getOps<ThreadOp>())
    threads.push_back(&thread.getBody());
  if (threads.empty())
    threads.push_back(&op.getProducer());
  for (Region *thread : threads)
    if (failed(startThread(*thread)))
      return failure();
  // Consumers load R and store the output. All of a block's pass here, whatever
  // tiles it has: a kernel that has ended vouches for those in front of it.
  OpBuilder b = OpBuilder::atBlockBegin(&op.getConsumer().front());
  WaitPredecessorOp::create(b, func.getLoc());
  b.setInsertionPointToStart(&func.getBody().front());
  LaunchDependentsOp::create(b, func.getLoc());
  return success();
}

namespace {
struct HopperStartEarly : hopper::impl::HopperStartEarlyBase<HopperStartEarly> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(startEarly(func)))
        signalPassFailure();
    });
  }
};
} // namespace
