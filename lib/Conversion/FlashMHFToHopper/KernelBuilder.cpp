//===- KernelBuilder.cpp - Build a hopper kernel from a tile loop ---------===//

#include "KernelBuilder.h"

#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::MHFFNOp;

/// Inner dimension of one wgmma instruction on 16-bit types.
static constexpr int64_t kProductStep = 16;
/// What ptxas needs besides accumulators before it spills or serialises.
static constexpr int64_t kSpareRegisters = 32;

//===----------------------------------------------------------------------===//
// Checks
//===----------------------------------------------------------------------===//

/// The rows of K that one step takes.
static FailureOr<int64_t> getDffTile(MHFFNOp op,
                                     flashmhf::ScheduleAttr schedule) {
  int64_t rows = cast<MemRefType>(op.getK().getType()).getDimSize(2);
  int64_t tile = ShapedType::isDynamic(rows) ? schedule.getDffTile() : rows;
  int64_t rounded = llvm::alignTo(tile, kProductStep);
  // More rows than a step has are fetched, and must then be past the end.
  if (rounded != tile && ShapedType::isDynamic(rows))
    return op.emitOpError("needs a dff_tile that is a multiple of ")
           << kProductStep << " on a GPU, has " << tile;
  return rounded;
}

static LogicalResult checkShape(MHFFNOp op, flashmhf::ScheduleAttr schedule,
                                const KernelShape &shape) {
  Type input = op.getInputType();
  if (!input.isBF16() && !input.isF16())
    return op.emitOpError("needs bf16 or f16 inputs on a GPU, has ") << input;
  if (ShapedType::isDynamic(shape.headWidth) || shape.headWidth % 16 != 0 ||
      shape.headWidth > 256 || shape.headWidth < 16)
    return op.emitOpError("needs a static head width D of 16 to 256, a "
                          "multiple of 16, on a GPU, has ")
           << (ShapedType::isDynamic(shape.headWidth)
                   ? std::string("a dynamic one")
                   : std::to_string(shape.headWidth));
  if (shape.tokenTile != schedule.getConsumers() * kWarpgroupRows)
    return op.emitOpError("needs a token_tile of 64 rows for each consumer: ")
           << shape.tokenTile << " rows, " << schedule.getConsumers()
           << " consumers";
  if (shape.dffTile > 256)
    return op.emitOpError("needs a dff_tile of at most 256 on a GPU, has ")
           << shape.dffTile;
  int64_t registers = schedule.getRegisters()[1];
  int64_t products = op.getU() ? 2 : 1;
  int64_t used = (shape.headWidth + products * shape.dffTile) / 2;
  if (used + kSpareRegisters > registers)
    return op.emitOpError("needs ")
           << used
           << " registers per thread for accumulators (D = " << shape.headWidth
           << ", " << products << " x dff_tile = " << shape.dffTile << ") and "
           << kSpareRegisters << " besides, but a consumer has " << registers;
  return success();
}

//===----------------------------------------------------------------------===//
// Construction
//===----------------------------------------------------------------------===//

/// The module that holds the kernels of `op`'s module.
static gpu::GPUModuleOp getKernelModule(Operation *op) {
  auto module = op->getParentOfType<ModuleOp>();
  for (auto kernels : module.getOps<gpu::GPUModuleOp>())
    if (kernels.getName() == "kernels")
      return kernels;
  OpBuilder b = OpBuilder::atBlockBegin(module.getBody());
  auto kernels = gpu::GPUModuleOp::create(b, module.getLoc(), "kernels");
  module->setAttr(gpu::GPUDialect::getContainerModuleAttrName(),
                  b.getUnitAttr());
  return kernels;
}

/// `name`, made unique among the kernels.
static std::string getKernelName(gpu::GPUModuleOp kernels, StringRef name) {
  std::string unique = name.str();
  for (int i = 0; kernels.lookupSymbol(unique); ++i)
    unique = (name + "_" + Twine(i)).str();
  return unique;
}

/// The tensor outside of `forall` that `operand` is cut out of.
static Value getTensor(scf::ForallOp forall, Value operand) {
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
  flashmhf::ScheduleAttr schedule = op.getScheduleAttr();
  if (!schedule)
    return op.emitOpError("has no schedule; run flashmhf-assign-schedule");
  FailureOr<int64_t> dffTile = getDffTile(op, schedule);
  if (failed(dffTile))
    return failure();
  KernelShape shape = {schedule.getTokenTile(), *dffTile, op.getHeadWidth()};
  if (failed(checkShape(op, schedule, shape)))
    return failure();
  auto parent = forall->getParentOfType<func::FuncOp>();
  if (!parent)
    return forall.emitOpError("must be in a func.func");

  KernelBuilder kernel(forall, op, shape);
  gpu::GPUModuleOp kernels = getKernelModule(forall);
  OpBuilder &b = kernel.b;
  b.setInsertionPointToEnd(kernels.getBody());
  kernel.func = gpu::GPUFuncOp::create(b, forall.getLoc(),
                                       getKernelName(kernels, parent.getName()),
                                       b.getFunctionType({}, {}));
  kernel.func->setAttr(gpu::GPUDialect::getKernelFuncAttrName(),
                       b.getUnitAttr());
  kernel.func->setAttr(kScheduleAttrName, schedule);
  b.setInsertionPointToStart(&kernel.func.getBody().front());
  gpu::ReturnOp::create(b, forall.getLoc());
  b.setInsertionPointToStart(&kernel.func.getBody().front());
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
  auto getMap = [&](int64_t rows) {
    return TensorMapType::get(b.getContext(), {1, 1, rows, shape.headWidth},
                              op.getInputType());
  };
  if (failed(addParameter(op.getQ(), getMap(shape.tokenTile))))
    return failure();
  for (Value weight : {op.getK(), op.getU(), op.getV()})
    if (weight && failed(addParameter(weight, getMap(shape.dffTile))))
      return failure();
  if (op.getR() && failed(addParameter(op.getR(), Type())))
    return failure();
  FailureOr<Value> output = findOutput(forall);
  if (failed(output) || failed(addParameter(*output, Type())))
    return failure();
  func.setFunctionType(
      b.getFunctionType(func.getBody().front().getArgumentTypes(), {}));
  tile = *output;
  return success();
}

LogicalResult KernelBuilder::createCoordinates() {
  Location loc = forall.getLoc();
  Value block = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  ringsEnd = block.getDefiningOp();
  auto coordinates = TileCoordinatesOp::create(
      b, loc, TypeRange{b.getIndexType(), b.getIndexType(), b.getIndexType()},
      block, func.getArguments().back(),
      b.getDenseI64ArrayAttr({1, 1, shape.tokenTile}));
  auto view = tile.getDefiningOp<memref::SubViewOp>();
  // Dimensions of one tile may have left the loop.
  for (auto [variable, lower, upper, step] :
       llvm::zip(forall.getInductionVars(), forall.getMixedLowerBound(),
                 forall.getMixedUpperBound(), forall.getMixedStep())) {
    int64_t dim = 0;
    SmallVector<OpFoldResult> offsets =
        view ? view.getMixedOffsets() : SmallVector<OpFoldResult>();
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
    mapping.map(variable, coordinates.getResult(dim));
  }
  return success();
}

LogicalResult KernelBuilder::finish() {
  OpBuilder host(forall);
  SmallVector<Type> types(func.getArgumentTypes());
  flashmhf::ScheduleAttr schedule = op.getScheduleAttr();
  auto kernel = SymbolRefAttr::get(
      func->getParentOfType<gpu::GPUModuleOp>().getNameAttr(),
      {FlatSymbolRefAttr::get(func.getNameAttr())});
  LaunchOp::create(host, forall.getLoc(), kernel, arguments,
                   host.getTypeArrayAttr(types), arguments.back(),
                   host.getDenseI64ArrayAttr({1, 1, shape.tokenTile}),
                   host.getI64IntegerAttr(schedule.getCluster()),
                   schedule.getPersistent() ? host.getUnitAttr() : UnitAttr());
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

Value KernelBuilder::getParameter(Value tensor, bool isMap) {
  for (auto [argument, parameter] : llvm::zip(arguments, func.getArguments()))
    if (argument == tensor && isa<TensorMapType>(parameter.getType()) == isMap)
      return parameter;
  llvm_unreachable("every operand has a parameter");
}

Value KernelBuilder::getRing(StringRef name, ArrayRef<int64_t> tile) {
  Value &ring = rings[name];
  if (!ring) {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(ringsEnd);
    ring = RingOp::create(
        b, op.getLoc(),
        RingType::get(b.getContext(), 1, tile, op.getInputType()), name,
        IntegerAttr(), IntegerAttr());
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

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult KernelBuilder::put(StringRef name, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  int64_t rows = name == "Q" ? shape.tokenTile : shape.dffTile;
  PutOp::create(b, op.getLoc(), getParameter(place->tensor, /*isMap=*/true),
                place->offsets, getRing(name, {rows, shape.headWidth}));
  return success();
}

Value KernelBuilder::get(StringRef name) {
  auto ring = cast<TypedValue<RingType>>(rings.lookup(name));
  return GetOp::create(b, op.getLoc(),
                       SlotType::get(b.getContext(), ring.getType().getShape(),
                                     ring.getType().getElementType()),
                       ring);
}

FailureOr<Value> KernelBuilder::fetch(StringRef name, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  OpBuilder::InsertionGuard guard(b);
  Operation *loop = hoist(place->offsets);
  if (failed(put(name, operand)))
    return failure();
  Value slot = get(name);
  if (!loop) {
    unreleased = slot;
    return slot;
  }
  b.setInsertionPointAfter(loop);
  ReleaseOp::create(b, op.getLoc(), slot);
  return slot;
}

void KernelBuilder::releaseFetched() {
  if (unreleased)
    ReleaseOp::create(b, op.getLoc(), unreleased);
  unreleased = Value();
}

FailureOr<Value> KernelBuilder::loadRows(Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  Value tensor = getParameter(place->tensor, /*isMap=*/false);
  return LoadRowsOp::create(b, op.getLoc(),
                            VectorType::get({shape.tokenTile}, b.getF32Type()),
                            tensor, place->offsets)
      .getRows();
}

FailureOr<Value> KernelBuilder::load(Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  Value tensor = getParameter(place->tensor, /*isMap=*/false);
  auto type =
      VectorType::get({shape.tokenTile, shape.headWidth},
                      cast<MemRefType>(tensor.getType()).getElementType());
  return LoadOp::create(b, op.getLoc(), type, tensor, place->offsets)
      .getValue();
}

LogicalResult KernelBuilder::store(Value vector, Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  Value tensor = getParameter(place->tensor, /*isMap=*/false);
  StoreOp::create(b, op.getLoc(), vector, tensor, place->offsets);
  return success();
}
