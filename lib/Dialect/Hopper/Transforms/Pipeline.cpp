//===- Pipeline.cpp - Overlap the steps of a kernel -----------------------===//
//
/// \file
/// In: rings of one slot, and consumers that do one step of d_ff after another.
/// Out: rings as deep as the schedule says and, with `overlap`, a loop that
/// sums A V of one step while it computes the products with K and U of the
/// next. Invariant: puts and gets of each ring keep their order.
//
//===----------------------------------------------------------------------===//

#include "Trips.h"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"
#include "flashmhf/Schedule/Rules.h"

#include "mlir/Analysis/SliceAnalysis.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Transforms.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPIPELINE
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

static void deepenRings(gpu::GPUFuncOp func,
                        const flashmhf::ScheduleFields &schedule) {
  func.walk([&](RingOp ring) {
    int64_t slots = flashmhf::getRingSlots(ring.getName(), schedule);
    if (slots == 0)
      return;
    ring.getRing().setType(ring.getRing().getType().withSlots(slots));
  });
}

//===----------------------------------------------------------------------===//
// Overlap
//===----------------------------------------------------------------------===//

namespace {
/// One step of d_ff, taken apart.
class Step {
public:
  /// Recognises the body of `loop`; null where it is not a step.
  static std::unique_ptr<Step> match(scf::ForOp loop);

  /// Whether the roles are exchanged: V is the A of its product.
  bool isExchanged() { return sum.getTransposeA(); }

  /// The tile that the products have in common: Q.
  Value getSharedSlot() {
    return isExchanged() ? products.front().getB() : products.front().getA();
  }

  /// Adds turns and the anchor of the activation.
  void prepare(bool takesTurns);

  /// The operations of the body in the order of issue, each with the number of
  /// iterations that it lags behind.
  std::vector<std::pair<Operation *, unsigned>> getOrder();

private:
  Step(scf::ForOp loop) : loop(loop) {}
  void emit(Operation *op, unsigned stage = 0);
  void emitWithOperands(Operation *op);
  void findLate();

  scf::ForOp loop;
  WgmmaOp sum;                   ///< A V, into the accumulator.
  WaitOp sumWait;                ///< Of `sum`.
  ReleaseOp sumRelease;          ///< Of V.
  AddScaledOp addition;          ///< Of the awaited sum, where R scales it.
  GetOp sumGet;                  ///< Of V.
  SmallVector<WgmmaOp> products; ///< With K and, if there is one, U.
  WaitOp lastWait;               ///< Of the last of them.
  TakeTurnOp take;
  PassTurnOp pass;
  /// What only `sum` and `addition` need: the values of R, and conditions.
  SetVector<Operation *> late;
  std::vector<std::pair<Operation *, unsigned>> order;
  llvm::SmallPtrSet<Operation *, 32> emitted;
};
} // namespace

/// The only wait for a product.
static WaitOp getWait(WgmmaOp product) {
  if (!product.getResult().hasOneUse())
    return {};
  return dyn_cast<WaitOp>(*product.getResult().getUsers().begin());
}

std::unique_ptr<Step> Step::match(scf::ForOp loop) {
  std::unique_ptr<Step> step(new Step(loop));
  for (auto product : loop.getOps<WgmmaOp>()) {
    if (!product.getAcc()) {
      step->products.push_back(product);
      continue;
    }
    if (step->sum ||
        !llvm::is_contained(loop.getRegionIterArgs(), product.getAcc()))
      return nullptr;
    step->sum = product;
  }
  if (!step->sum || step->products.empty() || step->products.size() > 2)
    return nullptr;
  Value v = step->isExchanged() ? step->sum.getA() : step->sum.getB();
  step->sumGet = v.getDefiningOp<GetOp>();
  step->sumWait = getWait(step->sum);
  step->lastWait = getWait(step->products.back());
  if (step->sumWait)
    for (Operation *user : step->sumWait.getResult().getUsers())
      if (auto addition = dyn_cast<AddScaledOp>(user))
        step->addition = addition;
  for (Operation *user : v.getUsers())
    if (auto release = dyn_cast<ReleaseOp>(user))
      step->sumRelease = release;
  if (!step->sumGet || !step->sumWait || !step->sumRelease || !step->lastWait)
    return nullptr;
  return step;
}

void Step::prepare(bool takesTurns) {
  OpBuilder b(sum);
  Location loc = sum.getLoc();
  if (takesTurns) {
    take = TakeTurnOp::create(b, loc);
    pass = PassTurnOp::create(b, loc);
  }
  // Values of R that the loop carries are those of the next step when the sum
  // of this one is added up.
  if (addition &&
      llvm::is_contained(loop.getRegionIterArgs(), addition.getRows())) {
    b.setInsertionPointToStart(loop.getBody());
    addition.getRowsMutable().assign(AnchorOp::create(
        b, loc, addition.getRows().getType(), addition.getRows()));
  }
  // With two products the activation of the first runs under the second; what
  // it computes must not sink below the wait.
  if (products.size() < 2)
    return;
  for (Operation *user : lastWait.getResult().getUsers())
    for (OpOperand &operand : user->getOpOperands()) {
      Operation *other = operand.get().getDefiningOp();
      if (operand.get() == lastWait.getResult() || !other ||
          other->getBlock() != loop.getBody() ||
          !isa<VectorType>(operand.get().getType()))
        continue;
      b.setInsertionPointAfter(other);
      operand.set(
          AnchorOp::create(b, loc, operand.get().getType(), operand.get()));
    }
}

void Step::findLate() {
  for (Operation &op : llvm::reverse(*loop.getBody())) {
    auto isLate = [&](Operation *user) {
      return user == sum || user == addition || late.contains(user);
    };
    auto isNoTile = [](Type type) {
      auto vector = dyn_cast<VectorType>(type);
      return type.isIntOrIndex() || (vector && vector.getRank() == 1);
    };
    if ((isPure(&op) || isa<LoadRowsOp>(op)) && !op.use_empty() &&
        llvm::all_of(op.getResultTypes(), isNoTile) &&
        llvm::all_of(op.getUsers(), isLate))
      late.insert(&op);
  }
}

void Step::emit(Operation *op, unsigned stage) {
  if (op && emitted.insert(op).second)
    order.emplace_back(op, stage);
}

/// Emits `op` after the operations of the body that it depends on.
void Step::emitWithOperands(Operation *op) {
  SetVector<Operation *> slice;
  BackwardSliceOptions options;
  options.inclusive = true;
  options.filter = [&](Operation *inner) {
    return inner->getBlock() == loop.getBody() && !emitted.contains(inner);
  };
  (void)getBackwardSlice(op, &slice, options);
  for (Operation &inner : loop.getBody()->without_terminator())
    if (slice.contains(&inner))
      emit(&inner);
}

std::vector<std::pair<Operation *, unsigned>> Step::getOrder() {
  // The sum belongs to the step before.
  emitted.insert({sum, sumWait, sumRelease, addition, take, pass});
  findLate();
  emitted.insert_range(late);
  // Loads first: their latency passes under the products.
  for (Operation *op : llvm::reverse(late))
    order.emplace_back(op, 1);
  for (Operation &load : *loop.getBody())
    if (isa<LoadRowsOp, LoadColumnsOp>(load) && !late.contains(&load))
      emitWithOperands(&load);
  // What it reads is in shared memory already: the tensor cores need not wait
  // for K.
  if (isExchanged())
    order.emplace_back(sum, 1);
  for (Value operand : products.front()->getOperands())
    if (Operation *definition = operand.getDefiningOp();
        definition && definition->getBlock() == loop.getBody())
      emitWithOperands(definition);

  emitted.erase(take);
  emit(take);
  if (!isExchanged())
    order.emplace_back(sum, 1);
  emit(products.front());
  if (products.size() > 1) {
    for (Value operand : products.back()->getOperands())
      if (Operation *definition = operand.getDefiningOp();
          definition && definition->getBlock() == loop.getBody())
        emitWithOperands(definition);
  }
  // The second product takes the registers of A, which the sum has read by now.
  if (!isExchanged())
    order.emplace_back(sumWait, 1);
  if (products.size() > 1)
    emit(products.back());
  if (isExchanged())
    order.emplace_back(sumWait, 1);
  emitted.erase(pass);
  emit(pass);
  order.emplace_back(sumRelease, 1);
  // Under the products; the next sum has to wait for it.
  if (addition)
    order.emplace_back(addition, 1);

  // The activation, up to the wait for the last product; then V, whose wait
  // also keeps the activation in front.
  for (Operation &inner : loop.getBody()->without_terminator()) {
    if (&inner == lastWait)
      break;
    emit(&inner);
  }
  // Exchanged, V is not wanted before A has been written.
  if (!isExchanged())
    emit(sumGet);
  for (Operation &inner : loop.getBody()->without_terminator())
    emit(&inner);
  return order;
}

/// Makes one loop of the nest over sub-networks and steps.
static void coalesce(Region &region) {
  SmallVector<scf::ForOp> outer;
  region.walk<WalkOrder::PreOrder>([&](scf::ForOp loop) {
    if (loop.getRegionIterArgs().empty())
      return WalkResult::advance();
    outer.push_back(loop);
    return WalkResult::skip();
  });
  for (scf::ForOp loop : outer)
    (void)coalescePerfectlyNestedSCFForLoops(loop);
}

/// Moves the release of `slot` up to right behind the loop: the sum that
/// follows does not read it, and the producer can fetch the next tile of it.
static void releaseAfter(scf::ForOp loop, Value slot) {
  for (Operation *user : slot.getUsers())
    if (isa<ReleaseOp>(user) && user->getBlock() == loop->getBlock() &&
        loop->isBeforeInBlock(user))
      user->moveAfter(loop);
}

/// Whether `loop` may have steps to overlap, and surely has one, for head and
/// tail.
static bool hasSteps(scf::ForOp loop) {
  Trips trips = countTrips(loop);
  return trips.least >= 2 || (trips.least == 1 && !trips.isExact);
}

/// What a loop of at least one step needs no test for: `holds`.
static void assume(RewriterBase &rewriter, Value holds) {
  for (Operation *user : llvm::make_early_inc_range(holds.getUsers()))
    if (auto select = dyn_cast<arith::SelectOp>(user))
      rewriter.replaceOp(select, select.getTrueValue());
  if (Operation *definition = holds.getDefiningOp(); holds.use_empty())
    rewriter.eraseOp(definition);
}

static LogicalResult overlap(WarpgroupsOp op, bool takesTurns) {
  coalesce(op.getConsumer());
  SmallVector<scf::ForOp> loops;
  op.getConsumer().walk([&](scf::ForOp loop) { loops.push_back(loop); });
  for (scf::ForOp loop : loops) {
    std::unique_ptr<Step> step = Step::match(loop);
    if (!step || !hasSteps(loop))
      continue;
    step->prepare(takesTurns && op.getConsumers() > 1);
    scf::PipeliningOption options;
    options.getScheduleFn =
        [&](scf::ForOp, std::vector<std::pair<Operation *, unsigned>> &order) {
          order = step->getOrder();
        };
    // Head and tail belong to the one step that there is.
    SetVector<Value> conditions;
    options.supportDynamicLoops = true;
    options.predicateFn = [&](RewriterBase &, Operation *inner, Value holds) {
      conditions.insert(holds);
      return inner;
    };
    IRRewriter rewriter(op.getContext());
    rewriter.setInsertionPoint(loop);
    Value q = step->getSharedSlot();
    FailureOr<scf::ForOp> pipelined =
        scf::pipelineForLoop(rewriter, loop, options);
    for (Value condition : conditions)
      assume(rewriter, condition);
    if (failed(pipelined))
      return op.emitOpError("has a step of d_ff that cannot overlap with the "
                            "next one");
    releaseAfter(*pipelined, q);
  }
  return success();
}

static LogicalResult pipeline(gpu::GPUFuncOp func) {
  flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
  if (!schedule)
    return success();
  for (int64_t stages : schedule.getStages())
    if (stages > kMaxSlots)
      return func.emitOpError("needs at most ")
             << kMaxSlots << " stages, has " << stages;
  deepenRings(func, schedule.getFields());
  if (!schedule.getOverlap())
    return success();
  WalkResult result = func.walk([&](WarpgroupsOp op) {
    return WalkResult(overlap(op, schedule.getTurns()));
  });
  return failure(result.wasInterrupted());
}

namespace {
struct HopperPipeline : hopper::impl::HopperPipelineBase<HopperPipeline> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(pipeline(func)))
        signalPassFailure();
    });
  }
};
} // namespace
