//===- FuseSwiGLU.cpp - A tiled mhffn as one on-chip kernel ---------------===//
//
/// \file
/// In: on memrefs, an scf.forall over token tiles whose body sums mhffn tiles
/// into a buffer of the accumulation type and rounds that into the output. Out:
/// a hopper.launch in its place and a sequential kernel, in which the buffer
/// has become a vector and every mhffn its products, activation, gate and sum.
/// Invariant: the activation A is only ever a vector, or with exchanged roles a
/// tile in shared memory.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/FlashMHF/IR/ActivationBuilder.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"
#include "flashmhf/Schedule/Rules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Matchers.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_FLASHMHFFUSESWIGLU
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::MHFFNOp;

namespace {
/// Translates the body of one scf.forall.
class SwiGLUFusion {
public:
  SwiGLUFusion(scf::ForallOp forall, MHFFNOp op, KernelBuilder &kernel)
      : forall(forall), op(op), kernel(kernel), b(kernel.getBuilder()) {}

  LogicalResult run();

private:
  LogicalResult translate(Block &block);
  LogicalResult translateLoop(scf::ForOp loop);
  LogicalResult translateTile(MHFFNOp tile);
  LogicalResult translateStore(linalg::GenericOp generic);
  bool isBuffer(Value value) { return buffers.contains(value); }
  /// Whether `value` is a loop's result that stands for `argument`.
  static bool isCarried(Value value, Value argument) {
    auto loop = value.getDefiningOp<scf::ForOp>();
    return loop &&
           loop.getTiedLoopInit(cast<OpResult>(value))->get() == argument;
  }
  /// Whether the accumulator has a value in front of `user`.
  LogicalResult checkFilled(Operation *user) {
    if (acc)
      return success();
    return user->emitOpError("uses the buffer of its token tile before it is "
                             "filled with zero");
  }
  /// Whether the products are computed of Q / 2.
  bool isHalved() {
    return op.getScheduleAttr().getHalveQ() &&
           flashmhf::canHalveQ(op.getActivation());
  }
  /// Whether R is applied to the sum of a sub-network.
  bool scalesSums() { return op.getScheduleAttr().getScaleSums() && op.getR(); }
  /// What loops carry.
  SmallVector<Value> getSums() {
    return part ? SmallVector<Value>{acc, part} : SmallVector<Value>{acc};
  }
  void setSums(ValueRange sums) {
    acc = sums.front();
    part = part ? sums.back() : Value();
  }
  /// The accumulator as the output needs it: with U it sums half of that.
  Value getSum(Location loc) {
    if (!isHalved() || !op.getU())
      return acc;
    auto two = DenseElementsAttr::get(cast<VectorType>(acc.getType()), 2.0f);
    return arith::MulFOp::create(b, loc, acc,
                                 arith::ConstantOp::create(b, loc, two));
  }
  bool sumsInside(Operation &inner) {
    return inner.isProperAncestor(op) || &inner == op;
  }

  scf::ForallOp forall;
  MHFFNOp op; ///< The one mhffn of the body.
  KernelBuilder &kernel;
  OpBuilder &b;
  llvm::SmallDenseSet<Value> buffers; ///< Names of the accumulator in memory.
  Value acc; ///< What it holds at this point, as a vector.
  /// With scale_sums: the sum of the sub-network, of which `acc` has nothing
  /// before its last step.
  Value part;
};
} // namespace

LogicalResult SwiGLUFusion::run() {
  Value partial = kernel.getPartial();
  if (partial)
    buffers.insert(partial);
  if (failed(translate(*forall.getBody())))
    return failure();
  if (!partial)
    return success();
  if (failed(checkFilled(forall)))
    return failure();
  kernel.sumPieces(getSum(op.getLoc()));
  return success();
}

LogicalResult SwiGLUFusion::translateLoop(scf::ForOp loop) {
  if (failed(checkFilled(loop)))
    return failure();
  // Bufferization leaves loops that carry the buffer they work on.
  for (auto [init, argument, result] : llvm::zip(
           loop.getInitArgs(), loop.getRegionIterArgs(), loop.getResults())) {
    Value yielded = loop.getTiedLoopYieldedValue(argument)->get();
    if (!isBuffer(init) ||
        (yielded != argument && !isCarried(yielded, argument)))
      return loop.emitOpError("carries a value that is not the buffer of its "
                              "token tile");
    buffers.insert(argument);
    buffers.insert(result);
  }
  Location loc = loop.getLoc();
  SmallVector<Value> bounds;
  for (Value bound :
       {loop.getLowerBound(), loop.getUpperBound(), loop.getStep()}) {
    FailureOr<Value> copy = kernel.materialize(bound);
    if (failed(copy))
      return failure();
    bounds.push_back(*copy);
  }
  auto copy =
      scf::ForOp::create(b, loc, bounds[0], bounds[1], bounds[2], getSums());
  kernel.map(loop.getInductionVar(), copy.getInductionVar());
  b.setInsertionPointToStart(copy.getBody());
  setSums(copy.getRegionIterArgs());
  if (failed(translate(*loop.getBody())))
    return failure();
  scf::YieldOp::create(b, loc, getSums());
  // What was fetched for the loop is given back before anything else.
  Operation *last = copy;
  while (isa_and_present<ReleaseOp>(last->getNextNode()))
    last = last->getNextNode();
  b.setInsertionPointAfter(last);
  setSums(copy.getResults());
  return success();
}

LogicalResult SwiGLUFusion::translateTile(MHFFNOp tile) {
  if (!isBuffer(tile.getInit()))
    return tile.emitOpError("must sum into the buffer of its token tile");
  if (failed(checkFilled(tile)))
    return failure();
  Location loc = tile.getLoc();
  const KernelShape &shape = kernel.getShape();
  auto products = VectorType::get(shape.getStepShape(), b.getF32Type());
  auto rounded = VectorType::get(products.getShape(), tile.getInputType());
  auto inflight = InflightType::get(b.getContext(), products, {});

  // Those that are loaded ahead must not wait for Q.
  Value rows;
  bool loadsAhead = tile.getR() && kernel.getPieces() > 1;
  if (loadsAhead) {
    FailureOr<Value> loaded = kernel.loadRowsAhead(tile.getR());
    if (failed(loaded))
      return failure();
    rows = *loaded;
  }
  FailureOr<Value> q = kernel.fetch("Q", tile.getQ());
  if (failed(q))
    return failure();
  if (isHalved()) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfterValue(*q);
    ScaleOp::create(b, loc, *q, b.getF32FloatAttr(0.5));
  }
  if (tile.getR() && !loadsAhead) {
    FailureOr<Value> loaded = kernel.loadRows(tile.getR());
    if (failed(loaded))
      return failure();
    rows = *loaded;
  }
  // All transfers first: the producer needs no other order than this.
  SmallVector<std::pair<StringRef, Value>> weights = {{"K", tile.getK()}};
  if (tile.getU())
    weights.push_back({"U", tile.getU()});
  weights.push_back({"V", tile.getV()});
  for (auto [name, operand] : weights)
    if (failed(kernel.put(name, operand)))
      return failure();

  auto multiply = [&](Value weights) -> Value {
    Value a = *q, other = weights;
    if (shape.isExchanged)
      std::swap(a, other);
    return WgmmaOp::create(b, loc, inflight, a, Value(), other, Value(),
                           Value(), /*transpose_b=*/true);
  };
  Value k = kernel.get("K");
  Value s = multiply(k);
  Value u, t;
  if (tile.getU()) {
    u = kernel.get("U");
    t = multiply(u);
  }
  Value a = WaitOp::create(b, loc, products, s);
  ReleaseOp::create(b, loc, k);
  a = createActivation(b, loc, tile.getActivation(), a,
                       isHalved() ? flashmhf::ActivationForm::HalvedTanh
                                  : flashmhf::ActivationForm::Tanh);
  if (rows && !part && shape.isExchanged)
    a = ColumnScaleOp::create(b, loc, a.getType(), a, rows);
  else if (rows && !part)
    a = RowScaleOp::create(b, loc, a.getType(), a, rows);
  if (u) {
    Value gate = WaitOp::create(b, loc, products, t);
    ReleaseOp::create(b, loc, u);
    a = arith::MulFOp::create(b, loc, a, gate);
  }
  kernel.releaseFetched();
  a = arith::TruncFOp::create(b, loc, rounded, a);

  // Exchanged, A^T is the B of V^T A^T and lies in shared memory.
  Value exchanged = shape.isExchanged ? kernel.exchange(a) : Value();
  Value v = kernel.get("V");
  auto accType = cast<VectorType>(acc.getType());
  StepPlace place;
  if (part) {
    FailureOr<StepPlace> found = kernel.getStepPlace(tile.getK());
    if (failed(found))
      return failure();
    place = *found;
  }
  Value sum =
      exchanged
          ? WgmmaOp::create(b, loc,
                            InflightType::get(b.getContext(), accType, {}), v,
                            Value(), exchanged, acc, Value(),
                            /*transpose_b=*/true, /*transpose_a=*/true)
          : WgmmaOp::create(b, loc,
                            InflightType::get(b.getContext(), accType, rounded),
                            a, Value(), v, part ? part : acc, place.continues,
                            /*transpose_b=*/false);
  Value summed = WaitOp::create(b, loc, accType, sum);
  ReleaseOp::create(b, loc, v);
  if (part)
    part = summed;
  acc = part ? AddScaledOp::create(b, loc, accType, acc, part, rows, place.ends)
             : summed;
  return success();
}

/// An element-wise operation on the accumulator and the output.
LogicalResult SwiGLUFusion::translateStore(linalg::GenericOp generic) {
  auto isIdentity = [](AffineMap map) { return map.isIdentity(); };
  if (generic.getNumDpsInits() != 1 || generic.getNumParallelLoops() != 4 ||
      !llvm::all_of(generic.getIndexingMapsArray(), isIdentity))
    return generic.emitOpError("is not element-wise on the accumulator");
  Value dest = generic.getDpsInits()[0];
  Block *body = generic.getBody();
  IRMapping mapping;
  for (OpOperand &operand : generic->getOpOperands()) {
    BlockArgument argument = generic.getMatchingBlockArgument(&operand);
    if (argument.use_empty())
      continue;
    if (isBuffer(operand.get())) {
      if (failed(checkFilled(generic)))
        return failure();
      mapping.map(argument, getSum(generic.getLoc()));
    } else if (operand.get() == dest) {
      FailureOr<Value> loaded = kernel.load(dest);
      if (failed(loaded))
        return failure();
      mapping.map(argument, *loaded);
    } else {
      return generic.emitOpError("reads a buffer that is neither the "
                                 "accumulator nor its output");
    }
  }
  auto isTranslated = [&](Value value) { return mapping.contains(value); };
  for (Operation &inner : body->without_terminator()) {
    if (!OpTrait::hasElementwiseMappableTraits(&inner) ||
        !llvm::all_of(inner.getOperands(), isTranslated))
      return inner.emitOpError("is not element-wise on the accumulator and "
                               "the output and cannot be fused");
    Operation *copy = b.clone(inner, mapping);
    for (Value result : copy->getResults())
      result.setType(VectorType::get(cast<VectorType>(acc.getType()).getShape(),
                                     result.getType()));
  }
  Value value = body->getTerminator()->getOperand(0);
  if (!isTranslated(value))
    return generic.emitOpError("stores a value that is not of the accumulator");
  return kernel.store(mapping.lookup(value), dest);
}

LogicalResult SwiGLUFusion::translate(Block &block) {
  for (Operation &inner : block.without_terminator()) {
    LogicalResult result = success();
    if (auto loop = dyn_cast<scf::ForOp>(inner); loop && sumsInside(inner)) {
      result = translateLoop(loop);
    } else if (auto tile = dyn_cast<MHFFNOp>(inner)) {
      result = translateTile(tile);
    } else if (auto alloc = dyn_cast<memref::AllocOp>(inner)) {
      if (!buffers.empty())
        result = alloc.emitOpError("is a second buffer of one token tile");
      else if (!alloc.getType().getElementType().isF32())
        result = alloc.emitOpError("must hold f32, in which products sum");
      buffers.insert(alloc);
    } else if (auto fill = dyn_cast<linalg::FillOp>(inner)) {
      if (!isBuffer(fill.getOutputs()[0]) ||
          !matchPattern(fill.getInputs()[0], m_AnyZeroFloat()))
        result = fill.emitOpError("is not the zero of the accumulator");
      auto type =
          VectorType::get(kernel.getShape().getOutputShape(), b.getF32Type());
      acc = arith::ConstantOp::create(b, fill.getLoc(), type,
                                      b.getZeroAttr(type));
      part = scalesSums() ? acc : Value();
    } else if (auto generic = dyn_cast<linalg::GenericOp>(inner)) {
      result = translateStore(generic);
    } else if (auto copy = dyn_cast<memref::CopyOp>(inner);
               copy &&
               (copy.getSource() == copy.getTarget() ||
                (isBuffer(copy.getSource()) && isBuffer(copy.getTarget())))) {
      continue; // Two names of one buffer.
    } else if (copy && isBuffer(copy.getSource())) {
      result = checkFilled(copy);
      if (succeeded(result))
        result = kernel.store(getSum(copy.getLoc()), copy.getTarget());
    } else if (!isPure(&inner) && !isa<memref::DeallocOp>(inner)) {
      // Index arithmetic and subviews are translated where they are used.
      result = inner.emitOpError("has no place in a fused kernel");
    }
    if (failed(result))
      return failure();
  }
  return success();
}

/// Finds the one mhffn of a token tile.
static FailureOr<MHFFNOp> findTile(scf::ForallOp forall) {
  MHFFNOp found;
  WalkResult result = forall.walk([&](MHFFNOp op) {
    if (found) {
      op.emitOpError("is the second of its token tile; only one can be fused");
      return WalkResult::interrupt();
    }
    found = op;
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  return found;
}

namespace {
struct FlashMHFFuseSwiGLU
    : hopper::impl::FlashMHFFuseSwiGLUBase<FlashMHFFuseSwiGLU> {
  void runOnOperation() override {
    SmallVector<scf::ForallOp> foralls;
    WalkResult untiled = getOperation().walk([&](MHFFNOp op) {
      auto forall = op->getParentOfType<scf::ForallOp>();
      if (!forall || isa<TensorType>(op.getInit().getType())) {
        op.emitOpError("must be tiled over tokens and be on memrefs; run "
                       "flashmhf-tile-tokens, flashmhf-tile-dff and "
                       "flashmhf-bufferize first");
        return WalkResult::interrupt();
      }
      foralls.push_back(forall);
      return WalkResult::advance();
    });
    if (untiled.wasInterrupted())
      return signalPassFailure();
    for (scf::ForallOp forall : foralls) {
      FailureOr<MHFFNOp> op = findTile(forall);
      if (failed(op))
        return signalPassFailure();
      FailureOr<KernelBuilder> kernel = KernelBuilder::create(forall, *op);
      if (failed(kernel) || failed(SwiGLUFusion(forall, *op, *kernel).run()) ||
          failed(kernel->finish()))
        return signalPassFailure();
      memref::AllocOp workspace = kernel->getWorkspace();
      forall.erase();
      if (workspace)
        workspace.erase();
    }
  }
};
} // namespace
