//===- StartEarly.cpp - Begin before the kernel in front has ended --------===//
//
/// \file
/// In: roles of a kernel with a programmatic schedule. Out: the same, which let
/// the next kernel begin, fetch as many weights as the rings hold, and only
/// then wait for the kernel in front of them. Invariant: in front of that wait
/// nothing but weights is read, and nothing is written.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERSTARTEARLY
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Finds the puts of the one producer that must wait, and the one loop over the
/// weights behind them; null where it has one step, whose tiles find room.
static FailureOr<scf::ForOp> findLoop(WarpgroupsOp op,
                                      SmallVectorImpl<PutOp> &late) {
  scf::ForOp loop;
  DenseMap<Value, int64_t> tiles;
  for (Operation &inner : op.getProducer().front().without_terminator()) {
    auto put = dyn_cast<PutOp>(inner);
    auto candidate = dyn_cast<scf::ForOp>(inner);
    if (put && !loop && !put.fetchesWeights())
      late.push_back(put);
    else if (put && !loop &&
             ++tiles[put.getRing()] <= put.getRing().getType().getSlots())
      continue;
    else if (candidate && !loop && tiles.empty())
      loop = candidate;
    else if (!isPure(&inner))
      return inner.emitOpError("is in the way of a programmatic start; the "
                               "producer may fetch Q and then loop over the "
                               "weights");
  }
  return loop;
}

/// Makes the one producer fill the rings of the weights before it waits. What
/// its steps fetch besides follows the wait.
static LogicalResult startProducer(WarpgroupsOp op) {
  SmallVector<PutOp> late;
  FailureOr<scf::ForOp> loop = findLoop(op, late);
  if (failed(loop))
    return failure();
  if (!*loop) {
    Operation *end = op.getProducer().front().getTerminator();
    OpBuilder b(end);
    WaitPredecessorOp::create(b, op.getLoc());
    for (PutOp put : late)
      put->moveBefore(end);
    return success();
  }
  int64_t slots = kMaxSlots;
  PutOp other;
  loop->walk([&](PutOp put) {
    if (put.fetchesWeights())
      slots = std::min(slots, put.getRing().getType().getSlots());
    else
      other = put;
  });
  auto isInStep = [&](PutOp put) { return put->getParentOp() == *loop; };
  SmallVector<PutOp> puts;
  loop->walk([&](PutOp put) { puts.push_back(put); });
  if (other && (slots == kMaxSlots || !llvm::all_of(puts, isInStep)))
    return other.emitOpError("is in the loop over the weights, but may depend "
                             "on the kernel in front; only a step may fetch "
                             "both");

  // The first tiles find their slots empty: nobody waits for a consumer that
  // waits for Q.
  OpBuilder b(*loop);
  Location loc = loop->getLoc();
  Value ahead = arith::MulIOp::create(
      b, loc, loop->getStep(), arith::ConstantIndexOp::create(b, loc, slots));
  Value end = arith::MinSIOp::create(
      b, loc, arith::AddIOp::create(b, loc, loop->getLowerBound(), ahead),
      loop->getUpperBound());
  // The first steps, of which only some puts are left.
  auto clone = [&](bool weights) {
    auto first = cast<scf::ForOp>(b.clone(*loop->getOperation()));
    first.getUpperBoundMutable().assign(end);
    first.walk([&](PutOp put) {
      if (put.fetchesWeights() != weights)
        put.erase();
    });
  };
  clone(/*weights=*/true);
  WaitPredecessorOp::create(b, loc);
  for (PutOp put : late)
    put->moveBefore(*loop);
  if (other)
    clone(/*weights=*/false);
  loop->getLowerBoundMutable().assign(end);
  return success();
}

/// Of several threads only those wait that fetch what an earlier kernel may
/// have written. The others run ahead until their rings are full, which empty
/// when consumers have got Q.
static LogicalResult startThread(ThreadOp thread) {
  PutOp early, late;
  thread.walk([&](PutOp put) { (put.fetchesWeights() ? early : late) = put; });
  if (early && late)
    return late.emitOpError("is in one thread with weights, which must not "
                            "wait for the kernel in front");
  if (late) {
    OpBuilder b = OpBuilder::atBlockBegin(&thread.getBody().front());
    WaitPredecessorOp::create(b, thread.getLoc());
  }
  return success();
}

static LogicalResult startEarly(gpu::GPUFuncOp func) {
  auto schedule =
      func->getAttrOfType<flashmhf::ScheduleAttr>(kScheduleAttrName);
  if (!schedule || !schedule.getProgrammatic())
    return success();
  SmallVector<WarpgroupsOp> ops;
  func.walk([&](WarpgroupsOp op) { ops.push_back(op); });
  if (ops.size() != 1)
    return func.emitOpError("has a programmatic schedule, but not one "
                            "hopper.warpgroups; run hopper-warp-specialize "
                            "first");
  WarpgroupsOp op = ops.front();
  auto threads = llvm::to_vector(op.getProducer().getOps<ThreadOp>());
  if (threads.empty() && failed(startProducer(op)))
    return failure();
  for (ThreadOp thread : threads)
    if (failed(startThread(thread)))
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
