//===- LoadAhead.cpp - Load the values of R one step ahead ----------------===//
//
/// \file
/// In: pieces whose steps load their values of R. Out: loops that carry them:
/// those of the first step are loaded in front of everything that waits, those
/// of each other step while the one before it is computed. Invariant: nothing
/// outside of a piece is loaded.
//
//===----------------------------------------------------------------------===//

#include "Trips.h"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERLOADAHEAD
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

/// What computes the operands of `load` in the body of `loop`, in order;
/// nothing if that is more than its number.
static std::optional<SmallVector<Operation *>> findAddress(scf::ForOp loop,
                                                           Operation *load) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.filter = [&](Operation *op) {
    return op->getBlock() == loop.getBody();
  };
  (void)getBackwardSlice(load, &slice, options);
  auto isOwn = [&](Value value) {
    return !llvm::is_contained(loop.getRegionIterArgs(), value);
  };
  for (Operation *op : slice)
    if (!isPure(op) || op->getNumRegions() != 0 ||
        !llvm::all_of(op->getOperands(), isOwn))
      return std::nullopt;
  if (!llvm::all_of(load->getOperands(), isOwn))
    return std::nullopt;
  return slice.takeVector();
}

/// Clones `load` with its `address` for step `number`.
static Value cloneFor(OpBuilder &b, Operation *load,
                      ArrayRef<Operation *> address, Value variable,
                      Value number) {
  IRMapping mapping;
  mapping.map(variable, number);
  for (Operation *op : address)
    b.clone(*op, mapping);
  return b.clone(*load, mapping)->getResult(0);
}

/// The first operation in front of `loop` that waits for a slot, if all that
/// `address` and `load` need from outside is computed before it; else `loop`.
static Operation *findStart(scf::ForOp loop, Operation *load,
                            ArrayRef<Operation *> address) {
  Block *block = loop->getBlock();
  auto gets = block->getOps<GetOp>();
  if (gets.empty() || !(*gets.begin())->isBeforeInBlock(loop))
    return loop;
  Operation *first = *gets.begin();
  auto isReady = [&](Value value) {
    Operation *definition = value.getDefiningOp();
    return !definition || definition->getBlock() != block ||
           definition->isBeforeInBlock(first);
  };
  SmallVector<Operation *> users(address);
  users.push_back(load);
  bool areReady = isReady(loop.getLowerBound());
  for (Operation *user : users)
    areReady &= llvm::all_of(user->getOperands(), isReady);
  return areReady ? first : loop;
}

static void loadAhead(Operation *load) {
  auto loop = dyn_cast<scf::ForOp>(load->getParentOp());
  // Of a loop without steps not even the first values may be there.
  if (!loop || countTrips(loop).least == 0)
    return;
  std::optional<SmallVector<Operation *>> address = findAddress(loop, load);
  if (!address)
    return;
  Location loc = load->getLoc();
  Value variable = loop.getInductionVar();
  IRRewriter rewriter(load->getContext());
  rewriter.setInsertionPoint(findStart(loop, load, *address));
  Value first =
      cloneFor(rewriter, load, *address, variable, loop.getLowerBound());

  rewriter.setInsertionPoint(load);
  Value step = loop.getStep();
  Value next = arith::AddIOp::create(rewriter, loc, variable, step);
  Value isInside = arith::CmpIOp::create(
      rewriter, loc, arith::CmpIPredicate::slt, next, loop.getUpperBound());
  next = arith::SelectOp::create(rewriter, loc, isInside, next, variable);
  Value rows = cloneFor(rewriter, load, *address, variable, next);
  rewriter.setInsertionPoint(loop);
  auto carrying = cast<scf::ForOp>(*loop.replaceWithAdditionalYields(
      rewriter, first, /*replaceInitOperandUsesInLoop=*/false,
      [&](OpBuilder &, Location, ArrayRef<BlockArgument>) {
        return SmallVector<Value>{rows};
      }));
  rewriter.replaceOp(load, carrying.getRegionIterArgs().back());
}

namespace {
struct HopperLoadAhead : hopper::impl::HopperLoadAheadBase<HopperLoadAhead> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (!schedule || schedule.getSplit() == 1)
        return;
      SmallVector<Operation *> loads;
      func.walk([&](Operation *op) {
        if (isa<LoadRowsOp, LoadColumnsOp>(op))
          loads.push_back(op);
      });
      for (Operation *load : loads)
        loadAhead(load);
    });
  }
};
} // namespace
