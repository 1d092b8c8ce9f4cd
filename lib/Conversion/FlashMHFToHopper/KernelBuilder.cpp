//===- KernelBuilder.cpp - Build a hopper kernel from a tile loop ---------===//
//
/// \file
/// Parameters, rings and places. What the kernel does with them is in
/// KernelOps.cpp, what pieces of a sum have besides in KernelPieces.cpp.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::MHFFNOp;

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

Value hopper::getTensor(scf::ForallOp forall, Value operand) {
  while (forall->isAncestor(operand.getParentBlock()->getParentOp())) {
    Operation *definition = operand.getDefiningOp();
    if (!isa_and_present<memref::SubViewOp, memref::CastOp>(definition))
      return {};
    operand = definition->getOperand(0);
  }
  return operand;
}

/// What the body of `forall` writes besides its own buffers.
static FailureOr<Value> findOutput(scf::ForallOp forall) {
  Value output;
  WalkResult result = forall.walk([&](Operation *inner) {
    Value dest;
    if (auto linalgOp = dyn_cast<linalg::LinalgOp>(inner))
      dest = linalgOp.getDpsInits()[0];
    else if (auto copy = dyn_cast<memref::CopyOp>(inner))
      dest = copy.getTarget();
    if (!dest || !getTensor(forall, dest))
      return WalkResult::advance();
    if (output && output != dest) {
      inner->emitOpError("writes a second output of its token tile");
      return WalkResult::interrupt();
    }
    output = dest;
    return WalkResult::advance();
  });
  if (result.wasInterrupted())
    return failure();
  if (!output)
    return forall.emitOpError("writes no output");
  return output;
}

KernelBuilder::KernelBuilder(scf::ForallOp forall, MHFFNOp op,
                             const KernelShape &shape)
    : forall(forall), op(op), shape(shape), b(op.getContext()) {}

FailureOr<KernelBuilder> KernelBuilder::create(scf::ForallOp forall,
                                               MHFFNOp op) {
  FailureOr<KernelShape> shape = getKernelShape(forall, op);
  if (failed(shape))
    return failure();
  FailureOr<gpu::GPUFuncOp> func = createKernel(forall, op.getScheduleAttr());
  if (failed(func))
    return failure();
  KernelBuilder kernel(forall, op, *shape);
  kernel.func = *func;
  kernel.b.setInsertionPointToStart(&kernel.func.getBody().front());
  if (failed(kernel.createParameters()) || failed(kernel.createCoordinates()))
    return failure();
  return kernel;
}

LogicalResult KernelBuilder::createParameters() {
  auto addParameter = [&](Value operand, Type type) -> LogicalResult {
    Value tensor = getTensor(forall, operand);
    if (!tensor)
      return op.emitOpError("needs operands that are tiles of tensors outside "
                            "of the loop over tokens");
    arguments.push_back(tensor);
    func.getBody().front().addArgument(type ? type : tensor.getType(),
                                       tensor.getLoc());
    return success();
  };
  if (failed(addParameter(op.getQ(), getMap("Q"))))
    return failure();
  for (auto [name, weight] :
       {std::pair{"K", op.getK()}, {"U", op.getU()}, {"V", op.getV()}})
    if (weight && failed(addParameter(weight, getMap(name))))
      return failure();
  if (op.getR() && failed(addParameter(op.getR(), Type())))
    return failure();
  FailureOr<Value> output = findOutput(forall);
  if (failed(output))
    return failure();
  tile = *output;
  if (getPieces() > 1) {
    FailureOr<SplitSum> sum = matchSplitSum(forall, op, tile);
    if (failed(sum))
      return failure();
    split = *sum;
    output = sum->output;
  }
  if (failed(addParameter(*output, Type())))
    return failure();
  auto type = cast<MemRefType>(arguments.back().getType());
  if (type.getRank() != 4)
    return forall.emitOpError("needs an output of rank 4, has ") << type;
  if (split || op.getScheduleAttr().getStreamK())
    createPieceParameters();
  func.setFunctionType(
      b.getFunctionType(func.getBody().front().getArgumentTypes(), {}));
  return success();
}

TensorMapType KernelBuilder::getMap(StringRef name) {
  flashmhf::ScheduleAttr schedule = op.getScheduleAttr();
  if (name == "Q")
    return getSharedMap(shape.tokenTile / schedule.getConsumers(),
                        shape.headWidth, op.getInputType(), /*cluster=*/1);
  return getSharedMap(shape.dffTile, shape.headWidth, op.getInputType(),
                      schedule.getCluster());
}

LogicalResult KernelBuilder::createCoordinates() {
  Location loc = forall.getLoc();
  Value block = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  ringsEnd = block.getDefiningOp();
  Value number = block;
  if (split) {
    // The pieces of a tile, or of those of a cluster, have neighbouring numbers
    // and start together.
    Value pieces = arith::ConstantIndexOp::create(b, loc, getPieces());
    Value size;
    if (int64_t cluster = op.getScheduleAttr().getCluster(); cluster > 1) {
      size = arith::ConstantIndexOp::create(b, loc, cluster);
      number = arith::DivUIOp::create(b, loc, block, size);
    }
    piece = arith::RemUIOp::create(b, loc, number, pieces);
    number = arith::DivUIOp::create(b, loc, number, pieces);
    if (size)
      number = arith::AddIOp::create(
          b, loc, arith::MulIOp::create(b, loc, number, size),
          arith::RemUIOp::create(b, loc, block, size));
  }
  coordinates = TileCoordinatesOp::create(
      b, loc, TypeRange{b.getIndexType(), b.getIndexType(), b.getIndexType()},
      number, getParameter(arguments.back()),
      b.getDenseI64ArrayAttr({1, 1, shape.tokenTile}),
      b.getI64IntegerAttr(op.getScheduleAttr().getCluster()));
  auto view = tile.getDefiningOp<memref::SubViewOp>();
  // Dimensions of one tile may have left the loop.
  for (auto [variable, lower, upper, step] :
       llvm::zip(forall.getInductionVars(), forall.getMixedLowerBound(),
                 forall.getMixedUpperBound(), forall.getMixedStep())) {
    int64_t dim = 0;
    SmallVector<OpFoldResult> offsets =
        view ? view.getMixedOffsets() : SmallVector<OpFoldResult>();
    if (split && !offsets.empty()) {
      if (offsets.front() == OpFoldResult(variable)) {
        if (!isConstantIntValue(lower, 0) || !isConstantIntValue(step, 1) ||
            !isConstantIntValue(upper, getPieces()))
          return forall.emitOpError("must go over the ")
                 << getPieces() << " pieces of its schedule";
        mapping.map(variable, piece);
        continue;
      }
      offsets.erase(offsets.begin());
    }
    while (dim < 3 && dim < static_cast<int64_t>(offsets.size()) &&
           offsets[dim] != OpFoldResult(variable))
      ++dim;
    if (!view || dim == 3)
      return forall.emitOpError("has a loop that does not go over batch, "
                                "heads or tokens of its output");
    int64_t expected = dim == 2 ? shape.tokenTile : 1;
    // A dimension of one short tile may be stepped over at once.
    std::optional<int64_t> by = getConstantIntValue(step);
    std::optional<int64_t> end = getConstantIntValue(upper);
    bool isOneTile = by && end && *end <= *by && *by <= expected;
    if (!isConstantIntValue(lower, 0) ||
        (!isConstantIntValue(step, expected) && !isOneTile))
      return forall.emitOpError("must go over batch, heads and tokens from 0 "
                                "in steps of 1, 1 and token_tile = ")
             << shape.tokenTile;
    int64_t size = cast<MemRefType>(arguments.back().getType()).getDimSize(dim);
    if (end && !ShapedType::isDynamic(size) && *end != size)
      return forall.emitOpError("must go over the whole output: to ")
             << *end << " of " << size << " in dimension " << dim;
    mapping.map(variable, coordinates.getResult(dim));
  }
  return success();
}

LogicalResult KernelBuilder::finish() {
  OpBuilder host(split ? split->forall : forall);
  SmallVector<Type> types(func.getArgumentTypes().take_front(arguments.size()));
  flashmhf::ScheduleAttr schedule = op.getScheduleAttr();
  LaunchOp::create(host, forall.getLoc(), getKernelSymbol(func), arguments,
                   host.getTypeArrayAttr(types), arguments.back(),
                   host.getDenseI64ArrayAttr({1, 1, shape.tokenTile}),
                   host.getI64IntegerAttr(schedule.getCluster()),
                   schedule.getPersistent() ? host.getUnitAttr() : UnitAttr(),
                   schedule.getStreamK() ? host.getUnitAttr() : UnitAttr(),
                   host.getI64IntegerAttr(getPieces()), /*push=*/UnitAttr(),
                   schedule.getProgrammatic() ? host.getUnitAttr()
                                              : UnitAttr());
  if (split) {
    split->forall.erase();
    for (Operation *user :
         llvm::make_early_inc_range(split->workspace->getUsers()))
      if (isa<memref::DeallocOp>(user))
        user->erase();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Values and places
//===----------------------------------------------------------------------===//

FailureOr<Value> KernelBuilder::materialize(Value value) {
  if (Value known = mapping.lookupOrNull(value))
    return known;
  Operation *definition = value.getDefiningOp();
  if (!definition || !isPure(definition) || definition->getNumRegions() ||
      llvm::any_of(definition->getOperandTypes(),
                   llvm::IsaPred<BaseMemRefType>)) {
    InFlightDiagnostic diag =
        op.emitOpError("needs a value that the kernel cannot compute from its "
                       "tile's position");
    diag.attachNote(value.getLoc()) << "the value";
    return diag;
  }
  SmallVector<Value> operands;
  for (Value operand : definition->getOperands()) {
    FailureOr<Value> copy = materialize(operand);
    if (failed(copy))
      return failure();
    operands.push_back(*copy);
  }
  // Later uses may lie outside of the loop of the first one.
  OpBuilder::InsertionGuard guard(b);
  hoist(operands);
  b.clone(*definition, mapping);
  return mapping.lookup(value);
}

Value KernelBuilder::getIndex(int64_t value) {
  OpBuilder::InsertionGuard guard(b);
  hoist({});
  return arith::ConstantIndexOp::create(b, op.getLoc(), value);
}

FailureOr<KernelBuilder::Place> KernelBuilder::locate(Value operand) {
  SmallVector<Value> offsets;
  Value tensor = operand;
  while (forall->isAncestor(tensor.getParentBlock()->getParentOp())) {
    if (auto cast = tensor.getDefiningOp<memref::CastOp>()) {
      tensor = cast.getSource();
      continue;
    }
    auto view = tensor.getDefiningOp<memref::SubViewOp>();
    if (!view || view.getType().getRank() != 4 ||
        !llvm::all_of(view.getMixedStrides(),
                      [](OpFoldResult s) { return isConstantIntValue(s, 1); }))
      return op.emitOpError("needs operands that are tiles of tensors of rank "
                            "4, cut out with stride 1");
    SmallVector<Value> inner;
    for (OpFoldResult offset : view.getMixedOffsets()) {
      if (std::optional<int64_t> constant = getConstantIntValue(offset)) {
        inner.push_back(getIndex(*constant));
        continue;
      }
      FailureOr<Value> copy = materialize(cast<Value>(offset));
      if (failed(copy))
        return failure();
      inner.push_back(*copy);
    }
    if (offsets.empty())
      offsets = inner;
    else
      for (auto [outer, add] : llvm::zip(offsets, inner))
        if (!isConstantIntValue(add, 0))
          outer = isConstantIntValue(outer, 0)
                      ? add
                      : arith::AddIOp::create(b, op.getLoc(), outer, add)
                            .getResult();
    tensor = view.getSource();
  }
  while (offsets.size() < 4)
    offsets.push_back(getIndex(0));
  return Place{tensor, offsets};
}

Value KernelBuilder::getParameter(Value tensor, TensorMapType map) {
  for (auto [argument, parameter] : llvm::zip(arguments, func.getArguments()))
    if (argument == tensor &&
        dyn_cast<TensorMapType>(parameter.getType()) == map)
      return parameter;
  llvm_unreachable("every operand has a parameter");
}

Value KernelBuilder::getRing(StringRef name, ArrayRef<int64_t> tile) {
  Value &ring = rings[name];
  if (!ring) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(ringsEnd);
    // Blocks of a cluster differ in their tokens only, and so do the consumers
    // of a block, each of which has a part of Q for itself.
    flashmhf::ScheduleAttr schedule = op.getScheduleAttr();
    int64_t cluster = name == "Q" ? 1 : schedule.getCluster();
    int64_t parts = name == "Q" ? schedule.getConsumers() : 1;
    ring = RingOp::create(b, op.getLoc(),
                          RingType::get(b.getContext(), 1, tile,
                                        op.getInputType(), cluster, parts),
                          name, IntegerAttr(), IntegerAttr());
  }
  return ring;
}

Operation *KernelBuilder::hoist(ValueRange values) {
  Operation *outermost = nullptr;
  for (Operation *loop = b.getInsertionBlock()->getParentOp();
       isa<scf::ForOp>(loop); loop = loop->getParentOp()) {
    if (llvm::any_of(values, [&](Value value) {
          return loop->isAncestor(value.getParentBlock()->getParentOp());
        }))
      break;
    outermost = loop;
  }
  if (outermost)
    b.setInsertionPoint(outermost);
  return outermost;
}
