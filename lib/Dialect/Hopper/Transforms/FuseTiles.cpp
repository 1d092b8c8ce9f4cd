//===- FuseTiles.cpp - End a tile under the products of the next ----------===//
//
/// \file
/// In: a persistent consumer whose tiles are, one after another: products of
/// the first step (the head), the pipelined loop, the last sum and the store of
/// the output (the tail). Out: the head of the first tile, then a loop that
/// ends each tile while the head of the next one runs, then the last tail.
/// Relies on hopper.launch: every block has a tile.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/IRMapping.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERFUSETILES
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

namespace {
/// The loop over tiles, taken apart.
class TileLoop {
public:
  /// Recognises the body of `loop`; null where it is not pipelined.
  static std::unique_ptr<TileLoop> match(scf::ForOp loop);

  void fuse();

private:
  TileLoop(scf::ForOp loop) : loop(loop) {}

  bool isInHead(Operation *op) {
    return op->getBlock() == loop.getBody() && op->isBeforeInBlock(steps);
  }
  bool isRepeatable(Value value);
  void collectCarried();
  static bool isCloned(Operation *op, const IRMapping &mapping) {
    return op->getNumResults() && mapping.contains(op->getResult(0));
  }
  Operation *clone(OpBuilder &b, Operation *op, IRMapping &mapping);
  void cloneAll(OpBuilder &b, ArrayRef<Operation *> ops, IRMapping &mapping);
  SmallVector<Value> mapAll(ArrayRef<Value> values, IRMapping &mapping);
  void buildSteps(OpBuilder &b, Location loc, ValueRange arguments);
  void buildBoundary(OpBuilder &b, Location loc, ValueRange arguments);

  scf::ForOp loop;
  scf::ForOp steps; ///< The pipelined loop over the steps of d_ff.
  /// In front of `steps`, and behind it; a release of what the head has got
  /// belongs to the steps.
  SmallVector<Operation *> head, tail, releases;
  SmallVector<WgmmaOp> products; ///< Of the head.
  TakeTurnOp take;
  PassTurnOp pass;
  WgmmaOp sum; ///< Of the tail.
  WaitOp sumWait;
  /// What the head leaves to the steps and what the steps leave to the tail.
  SmallVector<Value> fromHead, fromSteps;
};
} // namespace

std::unique_ptr<TileLoop> TileLoop::match(scf::ForOp loop) {
  std::unique_ptr<TileLoop> tiles(new TileLoop(loop));
  if (!loop.getRegionIterArgs().empty())
    return nullptr;
  for (Operation &op : loop.getBody()->without_terminator()) {
    if (auto inner = dyn_cast<scf::ForOp>(op)) {
      if (tiles->steps)
        return nullptr;
      tiles->steps = inner;
    } else if (op.getNumRegions() != 0) {
      return nullptr;
    } else if (!tiles->steps) {
      tiles->head.push_back(&op);
      if (auto product = dyn_cast<WgmmaOp>(op))
        tiles->products.push_back(product);
      else if (auto turn = dyn_cast<TakeTurnOp>(op))
        tiles->take = turn;
      else if (auto turn = dyn_cast<PassTurnOp>(op))
        tiles->pass = turn;
    } else if (auto release = dyn_cast<ReleaseOp>(op);
               release && release.getSlot().getDefiningOp() &&
               tiles->isInHead(release.getSlot().getDefiningOp())) {
      tiles->releases.push_back(release);
    } else {
      tiles->tail.push_back(&op);
      if (auto product = dyn_cast<WgmmaOp>(op)) {
        if (tiles->sum)
          return nullptr;
        tiles->sum = product;
      } else if (auto wait = dyn_cast<WaitOp>(op)) {
        tiles->sumWait = wait;
      } else if (isa<GetOp, TakeTurnOp, PassTurnOp>(op)) {
        return nullptr;
      }
    }
  }
  if (!tiles->steps || !tiles->sum || !tiles->sumWait ||
      tiles->sumWait.getValue() != tiles->sum.getResult() ||
      tiles->products.empty() || tiles->products.size() > 2)
    return nullptr;
  return tiles;
}

/// Whether pure operations make `value` of the tile's number.
bool TileLoop::isRepeatable(Value value) {
  Operation *definition = value.getDefiningOp();
  if (!definition || definition->getBlock() != loop.getBody())
    return !definition || !steps->isAncestor(definition);
  // An item of work has divisions in it.
  return isPure(definition) && definition->getNumRegions() == 0 &&
         !isa<WorkItemOp>(definition) &&
         llvm::all_of(definition->getOperands(),
                      [&](Value operand) { return isRepeatable(operand); });
}

void TileLoop::collectCarried() {
  llvm::SetVector<Value> head, late;
  auto note = [&](Operation *op, llvm::SetVector<Value> &used) {
    op->walk([&](Operation *inner) {
      for (Value operand : inner->getOperands()) {
        Operation *definition = operand.getDefiningOp();
        if (definition && (isInHead(definition) || definition == steps) &&
            !isRepeatable(operand))
          used.insert(operand);
      }
    });
  };
  note(steps, head);
  for (Operation *op : releases)
    note(op, head);
  for (Operation *op : tail)
    note(op, late);
  for (Value value : late)
    if (value.getDefiningOp() != steps)
      head.insert(value);
  fromHead = head.takeVector();
  fromSteps = late.takeVector();
}

/// Clones `op` and, before it, whatever pure operations it still lacks.
Operation *TileLoop::clone(OpBuilder &b, Operation *op, IRMapping &mapping) {
  SmallVector<Value> missing;
  op->walk([&](Operation *inner) {
    for (Value operand : inner->getOperands()) {
      Operation *definition = operand.getDefiningOp();
      if (definition && definition->getBlock() == loop.getBody() &&
          !mapping.contains(operand))
        missing.push_back(operand);
    }
  });
  for (Value value : missing)
    if (!mapping.contains(value))
      clone(b, value.getDefiningOp(), mapping);
  return b.clone(*op, mapping);
}

void TileLoop::cloneAll(OpBuilder &b, ArrayRef<Operation *> ops,
                        IRMapping &mapping) {
  for (Operation *op : ops)
    if (!isCloned(op, mapping))
      clone(b, op, mapping);
}

SmallVector<Value> TileLoop::mapAll(ArrayRef<Value> values,
                                    IRMapping &mapping) {
  return llvm::map_to_vector(
      values, [&](Value value) { return mapping.lookup(value); });
}

/// The steps of one tile, and whether there is another tile.
void TileLoop::buildSteps(OpBuilder &b, Location loc, ValueRange arguments) {
  IRMapping mapping;
  mapping.map(loop.getInductionVar(), arguments.front());
  mapping.map(fromHead, arguments.drop_front());
  clone(b, steps, mapping);
  cloneAll(b, releases, mapping);
  Value next = arith::AddIOp::create(b, loc, arguments.front(), loop.getStep());
  Value more = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::slt, next,
                                     loop.getUpperBound());
  SmallVector<Value> results = mapAll(fromSteps, mapping);
  results.insert(results.begin(), arguments.front());
  scf::ConditionOp::create(b, loc, more, results);
}

/// The end of one tile and the beginning of the next.
void TileLoop::buildBoundary(OpBuilder &b, Location loc, ValueRange arguments) {
  IRMapping old, next;
  old.map(loop.getInductionVar(), arguments.front());
  old.map(fromSteps, arguments.drop_front());
  next.map(loop.getInductionVar(),
           arith::AddIOp::create(b, loc, arguments.front(), loop.getStep()));

  // Loads first: their latency passes under the sum.
  for (Operation *op : head)
    if (isa<LoadRowsOp>(op))
      cloneAll(b, op, next);
  for (Operation *op : tail)
    if (isa<LoadRowsOp>(op))
      cloneAll(b, op, old);
  if (take)
    clone(b, take, next);
  clone(b, sum, old);
  WgmmaOp last = products.back();
  for (Operation *op : head) {
    if (op == take || isCloned(op, next))
      continue;
    // The second product takes the registers of A, which the sum has read by
    // now.
    if (op == last && products.size() > 1)
      clone(b, sumWait, old);
    clone(b, op, next);
    if (op == last && products.size() == 1)
      clone(b, sumWait, old);
    if (op == (pass ? pass.getOperation() : last.getOperation()))
      for (Operation *late : tail) {
        // Nothing is to be added but to the block's last item.
        if (auto parts = dyn_cast<AddPartsOp>(late))
          old.map(parts.getResult(), old.lookup(parts.getValue()));
        else if (late != sum && late != sumWait && !isPure(late) &&
                 !isCloned(late, old))
          clone(b, late, old);
      }
  }
  SmallVector<Value> carried = mapAll(fromHead, next);
  carried.insert(carried.begin(), next.lookup(loop.getInductionVar()));
  scf::YieldOp::create(b, loc, carried);
}

void TileLoop::fuse() {
  collectCarried();
  OpBuilder b(loop);
  Location loc = loop.getLoc();
  IRMapping first;
  first.map(loop.getInductionVar(), loop.getLowerBound());
  cloneAll(b, head, first);
  SmallVector<Value> inits = mapAll(fromHead, first);
  inits.insert(inits.begin(), loop.getLowerBound());
  SmallVector<Type> types(ValueRange(fromSteps).getTypes());
  types.insert(types.begin(), b.getIndexType());
  auto whileOp = scf::WhileOp::create(
      b, loc, types, inits,
      [&](OpBuilder &b, Location loc, ValueRange arguments) {
        buildSteps(b, loc, arguments);
      },
      [&](OpBuilder &b, Location loc, ValueRange arguments) {
        buildBoundary(b, loc, arguments);
      });
  IRMapping last;
  last.map(loop.getInductionVar(), whileOp.getResult(0));
  last.map(fromSteps, whileOp.getResults().drop_front());
  for (Operation *op : tail)
    cloneAll(b, op, last);
  loop.erase();
}

namespace {
struct HopperFuseTiles : hopper::impl::HopperFuseTilesBase<HopperFuseTiles> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (!schedule || !schedule.getFuseTiles())
        return;
      SmallVector<std::unique_ptr<TileLoop>> found;
      func.walk([&](WarpgroupsOp op) {
        for (auto loop : op.getConsumer().getOps<scf::ForOp>())
          if (std::unique_ptr<TileLoop> tiles = TileLoop::match(loop))
            found.push_back(std::move(tiles));
      });
      for (std::unique_ptr<TileLoop> &tiles : found)
        tiles->fuse();
    });
  }
};
} // namespace
