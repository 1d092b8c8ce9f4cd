//===- LowerWarpgroups.cpp - Warpgroup regions to branches ----------------===//
//
/// \file
/// In: hopper.warpgroups whose regions hold no ring operations any more. Out:
/// one branch per role at the top of the kernel, with the register budgets, and
/// the launch bounds that setmaxnreg needs on the kernel.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "PTX.h"
#include "Pieces.h"
#include "Pushes.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/PatternMatch.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERLOWERWARPGROUPS
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// Moves the body of `region` in front of the terminator of `block`.
static void inlineRegion(IRRewriter &rewriter, Region &region, Block *block) {
  rewriter.eraseOp(region.front().getTerminator());
  rewriter.inlineBlockBefore(&region.front(), block->getTerminator());
}

/// Makes the branch of one role set its register budget.
static void setRegisters(IRRewriter &rewriter, Location loc, int64_t registers,
                         int64_t atLaunch) {
  if (registers == atLaunch)
    return;
  NVVM::SetMaxRegisterOp::create(rewriter, loc, registers,
                                 registers > atLaunch
                                     ? NVVM::SetMaxRegisterAction::increase
                                     : NVVM::SetMaxRegisterAction::decrease);
}

/// Turns are named barriers, one for each consumer, which that consumer syncs
/// at and the one before it arrives at.
static void lowerTurns(IRRewriter &rewriter, WarpgroupsOp op, Value consumer) {
  // Barrier 0 is that of the whole block.
  constexpr int64_t firstBarrier = 1;
  constexpr int64_t threads = 2 * kWarpgroupThreads;
  int64_t consumers = op.getConsumers();
  Location loc = op.getLoc();
  auto constant = [&](int64_t value) -> Value {
    return getI32(rewriter, loc, value);
  };
  SmallVector<TakeTurnOp> takes;
  SmallVector<PassTurnOp> passes;
  op.getConsumer().walk([&](TakeTurnOp take) { takes.push_back(take); });
  op.getConsumer().walk([&](PassTurnOp pass) { passes.push_back(pass); });
  if (takes.empty() || consumers == 1) {
    for (TakeTurnOp take : takes)
      rewriter.eraseOp(take);
    for (PassTurnOp pass : passes)
      rewriter.eraseOp(pass);
    return;
  }
  rewriter.setInsertionPointToStart(&op.getConsumer().front());
  Value own =
      arith::AddIOp::create(rewriter, loc, consumer, constant(firstBarrier));
  Value isLast = arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq,
                                       consumer, constant(consumers - 1));
  Value next = arith::SelectOp::create(
      rewriter, loc, isLast, constant(firstBarrier),
      arith::AddIOp::create(rewriter, loc, own, constant(1)));
  // The last consumer lets the first one begin.
  auto ifOp =
      scf::IfOp::create(rewriter, loc, isLast, /*withElseRegion=*/false);
  rewriter.setInsertionPointToStart(ifOp.thenBlock());
  ptx::arriveNamedBarrier(rewriter, loc, next, threads);
  for (TakeTurnOp take : takes) {
    rewriter.setInsertionPoint(take);
    ptx::syncNamedBarrier(rewriter, loc, own, threads);
    rewriter.eraseOp(take);
  }
  for (PassTurnOp pass : passes) {
    rewriter.setInsertionPoint(pass);
    ptx::arriveNamedBarrier(rewriter, loc, next, threads);
    rewriter.eraseOp(pass);
  }
}

static void lowerWarpgroups(IRRewriter &rewriter, WarpgroupsOp op,
                            gpu::GPUFuncOp func) {
  Location loc = op.getLoc();
  int64_t consumers = op.getConsumers();
  int64_t blockThreads = (consumers + 1) * kWarpgroupThreads;
  int64_t blocks = countBlocksByRegisters(consumers, op.getRegisters());
  int64_t atLaunch = getLaunchRegisters(blockThreads, blocks);

  rewriter.setInsertionPoint(op);
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(rewriter, loc, value);
  };
  Value thread = gpu::ThreadIdOp::create(rewriter, loc, gpu::Dimension::x);
  auto i32 = rewriter.getI32Type();
  auto i32Constant = [&](int64_t value) -> Value {
    return getI32(rewriter, loc, value);
  };
  // Threads are numbered `size` at a time. A shuffle tells ptxas that all lanes
  // of a warp agree.
  auto getGroup = [&](int64_t size) -> Value {
    Value group = arith::DivUIOp::create(rewriter, loc, thread, index(size));
    return NVVM::ShflOp::create(
        rewriter, loc, i32, i32Constant(-1),
        arith::IndexCastOp::create(rewriter, loc, i32, group), i32Constant(0),
        i32Constant(31), NVVM::ShflKind::idx, UnitAttr());
  };
  Value uniform = getGroup(kWarpgroupThreads);
  Value isProducer = arith::CmpIOp::create(
      rewriter, loc, arith::CmpIPredicate::eq, uniform, i32Constant(consumers));

  op.getConsumer().walk([&](ConsumerIndexOp consumer) {
    OpBuilder::InsertionGuard guard(rewriter);
    rewriter.setInsertionPoint(consumer);
    rewriter.replaceOpWithNewOp<arith::IndexCastUIOp>(
        consumer, rewriter.getIndexType(), uniform);
  });

  lowerTurns(rewriter, op, uniform);
  SmallVector<ArrivalsOp> arrivals;
  SmallVector<MeetOp> meets;
  op.getConsumer().walk([&](ArrivalsOp inner) { arrivals.push_back(inner); });
  op.getConsumer().walk([&](MeetOp meet) { meets.push_back(meet); });
  for (ArrivalsOp inner : arrivals)
    lowerArrivals(rewriter, inner, consumers, uniform);
  for (MeetOp meet : meets)
    lowerMeet(rewriter, meet, consumers, uniform);
  rewriter.setInsertionPoint(op);
  auto ifOp = scf::IfOp::create(rewriter, loc, isProducer,
                                /*withElseRegion=*/true);
  rewriter.setInsertionPointToStart(ifOp.thenBlock());
  setRegisters(rewriter, loc, op.getRegisters()[0], atLaunch);
  // The block that thread `number` of the producer executes.
  auto enterThread = [&](int64_t number) {
    Value isIt =
        arith::CmpIOp::create(rewriter, loc, arith::CmpIPredicate::eq, thread,
                              index(consumers * kWarpgroupThreads + number));
    return scf::IfOp::create(rewriter, loc, isIt, /*withElseRegion=*/false)
        .thenBlock();
  };
  auto threads = llvm::to_vector(op.getProducer().getOps<ThreadOp>());
  if (threads.empty())
    inlineRegion(rewriter, op.getProducer(), enterThread(0));
  Value warp = threads.empty() ? Value() : getGroup(kWarpThreads);
  for (auto [i, inner] : llvm::enumerate(threads)) {
    OpBuilder::InsertionGuard guard(rewriter);
    Value isWarp = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::eq, warp,
        i32Constant((consumers * kWarpgroupThreads) / kWarpThreads + i));
    auto warpIf =
        scf::IfOp::create(rewriter, loc, isWarp, /*withElseRegion=*/false);
    rewriter.setInsertionPointToStart(warpIf.thenBlock());
    Block *block =
        inner.getWarp() ? warpIf.thenBlock() : enterThread(kWarpThreads * i);
    rewriter.inlineBlockBefore(&inner.getBody().front(),
                               block->getTerminator());
  }

  rewriter.setInsertionPoint(ifOp.thenBlock()->getTerminator());
  endUnlessAwaited(rewriter, func);
  rewriter.setInsertionPointToStart(ifOp.elseBlock());
  setRegisters(rewriter, loc, op.getRegisters()[1], atLaunch);
  inlineRegion(rewriter, op.getConsumer(), ifOp.elseBlock());
  rewriter.eraseOp(op);

  if (blocks > 1)
    func->setAttr(kLaunchRegistersAttrName,
                  rewriter.getI32IntegerAttr(atLaunch));
  func.setKnownBlockSizeAttr(rewriter.getDenseI32ArrayAttr(
      {static_cast<int32_t>(blockThreads), 1, 1}));
}

static LogicalResult lowerWarpgroups(gpu::GPUFuncOp func) {
  SmallVector<WarpgroupsOp> ops;
  func.walk([&](WarpgroupsOp op) { ops.push_back(op); });
  if (ops.empty())
    return success();
  if (ops.size() > 1)
    return ops[1].emitOpError("is the second of its kernel; the launch gives "
                              "each warpgroup one role");
  IRRewriter rewriter(func.getContext());
  lowerWarpgroups(rewriter, ops.front(), func);
  return success();
}

namespace {
struct HopperLowerWarpgroups
    : hopper::impl::HopperLowerWarpgroupsBase<HopperLowerWarpgroups> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(lowerWarpgroups(func)))
        signalPassFailure();
    });
  }
};
} // namespace
