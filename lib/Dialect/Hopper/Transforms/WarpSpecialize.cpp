//===- WarpSpecialize.cpp - Split a kernel by the role of warpgroups ------===//
//
/// \file
/// In: one sequential program over whole tiles. Out: hopper.warpgroups with all
/// puts in the producer region and all else in the consumer region, where each
/// consumer computes 64 rows. Invariant: both regions run the same loops, so
/// the n-th put of a ring meets the n-th get.
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
#define GEN_PASS_DEF_HOPPERWARPSPECIALIZE
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

static bool hasPut(Operation &op) {
  return op.walk([](PutOp) { return WalkResult::interrupt(); })
      .wasInterrupted();
}

/// Adds to `needed` the operations that compute `value`, a value that `put`
/// needs, in a region that only produces.
static LogicalResult addValue(Value value, PutOp put, gpu::GPUFuncOp func,
                              DenseSet<Operation *> &needed) {
  Operation *definition = value.getDefiningOp();
  if (!definition) {
    Operation *owner = cast<BlockArgument>(value).getOwner()->getParentOp();
    auto loop = dyn_cast<scf::ForOp>(owner);
    if (owner == func || (loop && loop.getInductionVar() == value))
      return success();
  } else if (isa<RingOp>(definition) && definition->getParentOp() == func) {
    return success();
  } else if (isPure(definition) && definition->getNumRegions() == 0) {
    if (!needed.insert(definition).second)
      return success();
    return success(llvm::all_of(definition->getOperands(), [&](Value operand) {
      return succeeded(addValue(operand, put, func, needed));
    }));
  }
  InFlightDiagnostic diag = put.emitOpError(
      "needs a value that the producer cannot have; it has arguments, "
      "induction variables, rings and what pure operations make of them");
  diag.attachNote(value.getLoc()) << "the value";
  return diag;
}

/// The operations that the producer runs: puts, the loops around them and what
/// these compute with.
static FailureOr<DenseSet<Operation *>> findProducer(gpu::GPUFuncOp func) {
  DenseSet<Operation *> needed;
  auto addOperands = [&](ValueRange operands, PutOp put) {
    return success(llvm::all_of(operands, [&](Value operand) {
      return succeeded(addValue(operand, put, func, needed));
    }));
  };
  WalkResult result = func.walk([&](PutOp put) -> WalkResult {
    needed.insert(put);
    if (failed(addOperands(put->getOperands(), put)))
      return failure();
    for (Operation *parent = put->getParentOp(); parent != func;
         parent = parent->getParentOp()) {
      auto loop = dyn_cast<scf::ForOp>(parent);
      if (!loop)
        return put.emitOpError("cannot move to the producer out of ")
               << parent->getName() << "; only out of scf.for";
      needed.insert(loop);
      if (failed(addOperands(
              {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()},
              put)))
        return failure();
    }
    return success();
  });
  if (result.wasInterrupted())
    return failure();
  return needed;
}

/// Copies those operations of `block` that are `needed`. Loops carry nothing.
static void cloneProducer(Block &block, const DenseSet<Operation *> &needed,
                          OpBuilder &b, IRMapping &mapping) {
  for (Operation &op : block.without_terminator()) {
    if (!needed.contains(&op))
      continue;
    auto loop = dyn_cast<scf::ForOp>(op);
    if (!loop) {
      b.clone(op, mapping);
      continue;
    }
    auto copy = scf::ForOp::create(
        b, loop.getLoc(), mapping.lookupOrDefault(loop.getLowerBound()),
        mapping.lookupOrDefault(loop.getUpperBound()),
        mapping.lookupOrDefault(loop.getStep()));
    mapping.map(loop.getInductionVar(), copy.getInductionVar());
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(copy.getBody());
    cloneProducer(*loop.getBody(), needed, b, mapping);
  }
}

/// `type` with the rows of one consumer instead of those of the block.
static Type getConsumerType(Type type, int64_t consumers) {
  if (auto vector = dyn_cast<VectorType>(type)) {
    SmallVector<int64_t> shape(vector.getShape());
    shape[0] /= consumers;
    return VectorType::get(shape, vector.getElementType());
  }
  if (auto inflight = dyn_cast<InflightType>(type)) {
    auto get = [&](VectorType vector) {
      return vector ? cast<VectorType>(getConsumerType(vector, consumers))
                    : VectorType();
    };
    return InflightType::get(type.getContext(), get(inflight.getResult()),
                             get(inflight.getOperand()));
  }
  return type;
}

/// Narrows one operation of the consumer region to the rows that start `row`
/// rows into the tile.
/// A consumer sees only its part of a slot.
static void takePart(GetOp get) {
  RingType ring = get.getRing().getType();
  get.getSlot().setType(
      SlotType::get(get.getContext(), {ring.getPartRows(), ring.getColumns()},
                    ring.getElementType(), ring.getCluster()));
}

static void narrow(Operation *op, int64_t consumers, Value row) {
  for (Value result : op->getResults())
    result.setType(getConsumerType(result.getType(), consumers));
  for (Region &region : op->getRegions())
    for (BlockArgument argument : region.getArguments())
      argument.setType(getConsumerType(argument.getType(), consumers));
  if (auto constant = dyn_cast<arith::ConstantOp>(op))
    if (auto splat = dyn_cast<SplatElementsAttr>(constant.getValue()))
      constant.setValueAttr(
          splat.resizeSplat(cast<ShapedType>(constant.getType())));

  auto addRow = [&](OperandRange indices, unsigned first) {
    OpBuilder b(op);
    Value sum = arith::AddIOp::create(b, op->getLoc(), indices[2], row);
    op->setOperand(first + 2, sum);
  };
  if (auto load = dyn_cast<LoadRowsOp>(op))
    addRow(load.getIndices(), load.getIndices().getBeginOperandIndex());
  else if (auto load = dyn_cast<LoadOp>(op))
    addRow(load.getIndices(), load.getIndices().getBeginOperandIndex());
  else if (auto store = dyn_cast<StoreOp>(op))
    addRow(store.getIndices(), store.getIndices().getBeginOperandIndex());
  else if (auto store = dyn_cast<StorePartialOp>(op)) {
    OpBuilder b(op);
    store.getRowMutable().assign(
        arith::AddIOp::create(b, op->getLoc(), store.getRow(), row));
  } else if (auto sum = dyn_cast<SumPartialsOp>(op)) {
    OpBuilder b(op);
    sum.getRowMutable().assign(
        arith::AddIOp::create(b, op->getLoc(), sum.getRow(), row));
    sum.setRows(sum.getRows() / consumers);
  } else if (auto sum = dyn_cast<SumSharesOp>(op)) {
    OpBuilder b(op);
    sum.getRowMutable().assign(
        arith::AddIOp::create(b, op->getLoc(), sum.getRow(), row));
  } else if (auto wgmma = dyn_cast<WgmmaOp>(op)) {
    if (auto slot = dyn_cast<SlotType>(wgmma.getA().getType());
        slot && slot.getRows() > kWarpgroupRows)
      wgmma.getRowMutable().assign(row);
  }
}

/// The rows of every product must be those of the consumers together.
static LogicalResult checkRows(gpu::GPUFuncOp func, int64_t consumers) {
  int64_t rows = consumers * kWarpgroupRows;
  WalkResult result = func.walk([&](WgmmaOp op) {
    int64_t m = op.getResultVector().getDimSize(0);
    if (m == rows)
      return WalkResult::advance();
    op.emitOpError("computes ")
        << m << " rows, but " << consumers << " consumers of " << kWarpgroupRows
        << " rows compute " << rows << "; token_tile must be 64 * consumers";
    return WalkResult::interrupt();
  });
  return failure(result.wasInterrupted());
}

static LogicalResult specialize(gpu::GPUFuncOp func,
                                flashmhf::ScheduleAttr schedule) {
  int64_t consumers = schedule.getConsumers();
  // With exchanged roles the one consumer has all tokens, as columns.
  if (!schedule.getExchange() && failed(checkRows(func, consumers)))
    return failure();
  FailureOr<DenseSet<Operation *>> needed = findProducer(func);
  if (failed(needed))
    return failure();
  Block &body = func.getBody().front();
  Location loc = func.getLoc();
  OpBuilder b = OpBuilder::atBlockTerminator(&body);
  auto op =
      WarpgroupsOp::create(b, loc, b.getI64IntegerAttr(consumers),
                           b.getDenseI64ArrayAttr(schedule.getRegisters()));
  for (Region &region : op->getRegions())
    WarpgroupsOp::ensureTerminator(region, b, loc);

  // Rings stay in front; all else moves into the consumer region.
  IRMapping mapping;
  Block staging;
  for (Operation &inner : llvm::make_early_inc_range(body)) {
    if (&inner == op)
      break;
    if (!isa<RingOp>(inner))
      inner.moveBefore(&staging, staging.end());
  }
  OpBuilder stagingBuilder(func.getContext());
  b.setInsertionPointToStart(&op.getProducer().front());
  stagingBuilder.setInsertionPointToEnd(&staging);
  YieldOp::create(stagingBuilder, loc);
  cloneProducer(staging, *needed, b, mapping);

  Block &consumer = op.getConsumer().front();
  consumer.getOperations().splice(consumer.begin(), staging.getOperations(),
                                  staging.begin(), std::prev(staging.end()));
  op.getConsumer().walk([](PutOp put) { put.erase(); });
  if (schedule.getExchange())
    return success();
  b.setInsertionPointToStart(&consumer);
  Value index = ConsumerIndexOp::create(b, loc, b.getIndexType());
  Value row = arith::MulIOp::create(
      b, loc, index, arith::ConstantIndexOp::create(b, loc, kWarpgroupRows));
  SmallVector<Operation *> ops;
  op.getConsumer().walk([&](Operation *inner) { ops.push_back(inner); });
  // Slots first, since products look at theirs.
  for (Operation *inner : ops)
    if (auto get = dyn_cast<GetOp>(inner))
      takePart(get);
  for (Operation *inner : ops)
    narrow(inner, consumers, row);
  return success();
}

static LogicalResult specialize(gpu::GPUFuncOp func) {
  if (!hasPut(*func))
    return success();
  if (func.walk([](WarpgroupsOp) { return WalkResult::interrupt(); })
          .wasInterrupted())
    return success();
  flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
  if (!schedule)
    return func.emitOpError(
        "has no schedule that says how many warpgroups consume");
  return specialize(func, schedule);
}

namespace {
struct HopperWarpSpecialize
    : hopper::impl::HopperWarpSpecializeBase<HopperWarpSpecialize> {
  void runOnOperation() override {
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(specialize(func)))
        signalPassFailure();
    });
  }
};
} // namespace
