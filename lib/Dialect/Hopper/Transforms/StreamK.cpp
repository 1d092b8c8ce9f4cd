//===- StreamK.cpp - Share the tiles that do not fill a wave --------------===//
//
/// \file
/// In: regions that loop over the whole tiles of a block. Out, with `stream_k`:
/// regions that loop over its items of work, of which the last but one may be
/// the beginning of a tile and the last the end of another. Invariant: all
/// regions visit the same steps in the same order.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/Hopper/IR/StreamK.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Utils/Utils.h"
#include "mlir/IR/Matchers.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERSTREAMK
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

namespace {
/// The loop of a region over tiles.
struct TileLoop {
  /// Finds it; nothing where its steps cannot be told apart.
  static std::optional<TileLoop> match(Region &region);

  /// Makes it one over items. What all regions know: `resident`.
  WorkItemOp share(Value resident, int64_t cluster);

  scf::ForOp tiles;
  scf::ForOp nest; ///< Over the steps of one tile.
  int64_t steps = 1;
};
} // namespace

std::optional<TileLoop> TileLoop::match(Region &region) {
  TileLoop loop;
  for (auto candidate : region.getOps<scf::ForOp>())
    if (candidate.getUpperBound().getDefiningOp<TileCountOp>())
      loop.tiles = candidate;
  if (!loop.tiles || !llvm::hasSingleElement(loop.tiles.getOps<scf::ForOp>()))
    return std::nullopt;
  loop.nest = *loop.tiles.getOps<scf::ForOp>().begin();
  for (scf::ForOp inner = loop.nest; inner;) {
    std::optional<APInt> trips = inner.getStaticTripCount();
    if (!trips || trips->getActiveBits() > 31)
      return std::nullopt;
    loop.steps *= trips->getZExtValue();
    // Perfectly nested.
    auto loops = inner.getOps<scf::ForOp>();
    if (!loops.empty() && !llvm::hasNItems(*inner.getBody(), 2))
      return std::nullopt;
    inner = loops.empty() ? scf::ForOp() : *loops.begin();
  }
  if (loop.steps < 2 || loop.steps > kMaxStreamSteps)
    return std::nullopt;
  return loop;
}

/// Makes `nest` one loop from step `first` to `last`.
static void coalesce(scf::ForOp nest, Value first, Value last) {
  if (llvm::hasSingleElement(nest.getBody()->getOps<scf::ForOp>()))
    (void)coalescePerfectlyNestedSCFForLoops(nest);
  OpBuilder b(nest);
  auto getBound = [&](Value step) {
    Value distance =
        arith::MulIOp::create(b, nest.getLoc(), step, nest.getStep());
    return arith::AddIOp::create(b, nest.getLoc(), nest.getLowerBound(),
                                 distance);
  };
  if (matchPattern(nest.getStep(), m_One()) &&
      matchPattern(nest.getLowerBound(), m_Zero())) {
    nest.setLowerBound(first);
    nest.setUpperBound(last);
    return;
  }
  Value lower = getBound(first), upper = getBound(last);
  nest.setLowerBound(lower);
  nest.setUpperBound(upper);
}

WorkItemOp TileLoop::share(Value resident, int64_t cluster) {
  Location loc = tiles.getLoc();
  OpBuilder b(tiles);
  Value count = tiles.getUpperBound();
  Type index = b.getIndexType();
  IntegerAttr stepsAttr = b.getI64IntegerAttr(steps);
  IntegerAttr clusterAttr = b.getI64IntegerAttr(cluster);
  auto range = WorkRangeOp::create(b, loc, index, index, count, stepsAttr,
                                   resident, clusterAttr);
  tiles.setLowerBound(arith::ConstantIndexOp::create(b, loc, 0));
  tiles.setUpperBound(range.getEnd());
  tiles.setStep(arith::ConstantIndexOp::create(b, loc, 1));
  b.setInsertionPointToStart(tiles.getBody());
  Value number = tiles.getInductionVar();
  auto item = WorkItemOp::create(b, loc, index, index, index, index, number,
                                 range.getWhole(), count, stepsAttr, resident,
                                 clusterAttr);
  number.replaceAllUsesExcept(item.getTile(), item);
  coalesce(nest, item.getFirst(), item.getLast());
  return item;
}

/// The one store of a tile that is only summed up in `nest`, if there is one.
static StoreOp findStore(TileLoop &loop) {
  auto stores = loop.tiles.getBody()->getOps<StoreOp>();
  if (!llvm::hasSingleElement(stores) || loop.nest.getNumResults() != 1 ||
      !matchPattern(loop.nest.getInits().front(), m_AnyZeroFloat()))
    return {};
  StoreOp store = *stores.begin();
  return store.getTransposed() ? StoreOp() : store;
}

/// The end of an item: the sum goes to another block, or those of others come
/// to it.
static void exchangeParts(WorkItemOp item, scf::ForOp sum, StoreOp store,
                          int64_t consumers, Value parts, Value flags) {
  Location loc = sum.getLoc();
  OpBuilder b(sum->getContext());
  b.setInsertionPointAfter(sum);
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  Value block = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  Value consumer = ConsumerIndexOp::create(b, loc, b.getIndexType());
  Value slot = arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, block, index(consumers)), consumer);
  Value isPart = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                       item.getLast(), index(item.getSteps()));
  Value own = sum.getResult(0);
  // In front: then nothing else wants the registers of the sum of all.
  auto leave = LeavePartOp::create(b, loc, own, parts, slot, flags, isPart);
  auto all = AddPartsOp::create(b, loc, own.getType(), own, parts, slot,
                                consumers * item.getCluster(), item.getGivers(),
                                flags);
  own.replaceUsesWithIf(all.getResult(), [&](OpOperand &use) {
    return use.getOwner() != leave && use.getOwner() != all;
  });
  // What lies past the end is not stored.
  b.setInsertionPoint(store);
  Value end = memref::DimOp::create(b, loc, store.getDest(), 2);
  OpOperand &row = store.getIndicesMutable()[2];
  row.set(arith::SelectOp::create(b, loc, isPart, end, row.get()));
}

static void streamK(WarpgroupsOp op, int64_t cluster, ValueRange arguments) {
  Value parts = arguments[0], flags = arguments[1], resident = arguments[2];
  std::optional<TileLoop> producer = TileLoop::match(op.getProducer());
  std::optional<TileLoop> consumer = TileLoop::match(op.getConsumer());
  // Whoever finds no steps to share leaves all tiles whole.
  if (!producer || !consumer || producer->steps != consumer->steps)
    return;
  StoreOp store = findStore(*consumer);
  if (!store)
    return;
  producer->share(resident, cluster);
  WorkItemOp item = consumer->share(resident, cluster);
  scf::ForOp sum = *consumer->tiles.getOps<scf::ForOp>().begin();
  exchangeParts(item, sum, store, op.getConsumers(), parts, flags);
}

namespace {
struct HopperStreamK : hopper::impl::HopperStreamKBase<HopperStreamK> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
      if (!schedule || !schedule.getStreamK())
        return;
      if (func.getNumArguments() < LaunchOp::kNumPieceArguments ||
          !llvm::all_of(
              func.getArgumentTypes().take_back(LaunchOp::kNumPieceArguments),
              [](Type type) { return type.isIndex(); })) {
        func.emitOpError("has a schedule with stream_k, but its last ")
            << LaunchOp::kNumPieceArguments
            << " arguments are not those that hopper.launch then gives it";
        return signalPassFailure();
      }
      ValueRange arguments = ValueRange(func.getArguments())
                                 .take_back(LaunchOp::kNumPieceArguments);
      func.walk([&](WarpgroupsOp op) {
        if (op->getParentOfType<gpu::GPUFuncOp>() == func)
          streamK(op, schedule.getCluster(), arguments);
      });
    });
  }
};
} // namespace
