//===- LowerProject.cpp - A projection as one on-chip kernel --------------===//
//
/// \file
/// In: flashmhf.project on memrefs with a schedule. Out: a hopper.launch in its
/// place and a sequential kernel that sums over the tiles of K of one tile of
/// tokens of one head, or over the part of them that is its piece. Invariant:
/// the sum is of f32 and rounded once.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"
#include "flashmhf/Schedule/Project.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_FLASHMHFLOWERPROJECT
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::ProjectFacts;
using flashmhf::ProjectOp;

namespace {
/// Writes the kernel of one projection.
class ProjectKernel {
public:
  ProjectKernel(ProjectOp op, gpu::GPUFuncOp func, bool accumulates)
      : op(op), func(func), b(func.getContext()), loc(op.getLoc()),
        facts(ProjectFacts::get(op)), schedule(op.getScheduleAttr()),
        pieces(schedule.getSplit()), accumulates(accumulates) {}

  /// Fills the kernel, and puts its launch in front of the projection.
  void write();

private:
  void createParameters();
  /// The block's tile and piece.
  void createCoordinates();
  /// Of tiles of `rows` rows, which the blocks of a cluster may fill together.
  Value createRing(StringRef name, int64_t rows, int64_t cluster);
  /// The sum over the steps of the piece.
  Value createSum();
  /// The product of step `step`, added to `acc` unless that is null.
  Value createStep(Value step, Value acc);
  /// Stores the sum that a block has for itself.
  void store(Value sum);
  void createLaunch();

  Value getIndex(int64_t value) {
    return arith::ConstantIndexOp::create(b, loc, value);
  }
  Value apply(AffineExpr expr, Value value) {
    return getValueOrCreateConstantIndexOp(
        b, loc, affine::makeComposedFoldedAffineApply(b, loc, expr, {value}));
  }
  /// Of a tile of the output, as products leave it.
  VectorType getTileType(Type element) {
    int64_t rows = flashmhf::getWeightRows(facts, schedule.getFields());
    int64_t tokens = schedule.getTokenTile();
    if (schedule.getExchange())
      return VectorType::get({rows, tokens}, element);
    return VectorType::get({tokens, rows}, element);
  }

  ProjectOp op;
  gpu::GPUFuncOp func;
  OpBuilder b;
  Location loc;
  ProjectFacts facts;
  flashmhf::ScheduleAttr schedule;
  int64_t pieces;
  bool accumulates;   ///< To what the output holds.
  Value x, w, output; ///< Parameters: two tensor maps and a memref.
  Value partials, counters, resident; ///< See hopper.launch.
  Value ringOfX, ringOfW;
  TileCoordinatesOp coordinates;
  Value piece;
};
} // namespace

void ProjectKernel::createParameters() {
  Block &entry = func.getBody().front();
  auto addMap = [&](int64_t rows, int64_t cluster) {
    return entry.addArgument(
        getSharedMap(rows, schedule.getDffTile(), op.getInputType(), cluster),
        loc);
  };
  x = addMap(schedule.getTokenTile(), /*cluster=*/1);
  w = addMap(flashmhf::getWeightRows(facts, schedule.getFields()),
             schedule.getCluster());
  output = entry.addArgument(op.getInit().getType(), loc);
  if (pieces > 1) {
    partials = entry.addArgument(b.getIndexType(), loc);
    counters = entry.addArgument(b.getIndexType(), loc);
    resident = entry.addArgument(b.getIndexType(), loc);
  }
  func.setFunctionType(b.getFunctionType(entry.getArgumentTypes(), {}));
}

Value ProjectKernel::createRing(StringRef name, int64_t rows, int64_t cluster) {
  return RingOp::create(b, loc,
                        RingType::get(b.getContext(), 1,
                                      {rows, schedule.getDffTile()},
                                      op.getInputType(), cluster),
                        name, IntegerAttr(), IntegerAttr());
}

void ProjectKernel::createCoordinates() {
  Value number = gpu::BlockIdOp::create(b, loc, gpu::Dimension::x);
  if (pieces > 1) {
    // Those of a tile start together.
    Value count = getIndex(pieces);
    piece = arith::RemUIOp::create(b, loc, number, count);
    number = arith::DivUIOp::create(b, loc, number, count);
  }
  coordinates = TileCoordinatesOp::create(
      b, loc, TypeRange{b.getIndexType(), b.getIndexType(), b.getIndexType()},
      number, output, b.getDenseI64ArrayAttr({1, 1, schedule.getTokenTile()}),
      b.getI64IntegerAttr(schedule.getCluster()));
}

Value ProjectKernel::createStep(Value step, Value acc) {
  int64_t ofGroup =
      flashmhf::countProjectSteps(facts, schedule.getFields()) / facts.groups;
  AffineExpr d0 = b.getAffineDimExpr(0);
  Value group = apply(d0.floorDiv(ofGroup), step);
  Value depth = apply((d0 % ofGroup) * schedule.getDffTile(), step);
  Value zero = getIndex(0);
  // W first: it can be fetched before X is there.
  PutOp::create(b, loc, w,
                ValueRange{coordinates.getHead(), group, zero, depth}, ringOfW,
                /*evict_first=*/true);
  PutOp::create(
      b, loc, x,
      ValueRange{coordinates.getBatch(), group, coordinates.getRow(), depth},
      ringOfX, /*evict_first=*/false);
  auto get = [&](Value ring) -> Value {
    auto type = cast<RingType>(ring.getType());
    return GetOp::create(b, loc,
                         SlotType::get(b.getContext(), type.getShape(),
                                       type.getElementType(),
                                       type.getCluster()),
                         ring);
  };
  Value rows = get(ringOfW), tokens = get(ringOfX);
  Value left = schedule.getExchange() ? rows : tokens,
        right = schedule.getExchange() ? tokens : rows;
  VectorType type = getTileType(b.getF32Type());
  Value product =
      WgmmaOp::create(b, loc, InflightType::get(b.getContext(), type, {}), left,
                      Value(), right, acc, Value(), /*transpose_b=*/true);
  Value sum = WaitOp::create(b, loc, type, product);
  ReleaseOp::create(b, loc, rows);
  ReleaseOp::create(b, loc, tokens);
  return sum;
}

Value ProjectKernel::createSum() {
  int64_t steps = flashmhf::countProjectSteps(facts, schedule.getFields());
  // Zeros that are known to be added to would be written between the product's
  // fence and the product.
  if (steps == pieces)
    return createStep(pieces > 1 ? piece : getIndex(0), /*acc=*/Value());
  VectorType type = getTileType(b.getF32Type());
  Value acc = arith::ConstantOp::create(b, loc, b.getZeroAttr(type));
  AffineExpr d0 = b.getAffineDimExpr(0);
  Value first = getIndex(0), end = getIndex(steps);
  if (pieces > 1) {
    first = apply((d0 * steps).floorDiv(pieces), piece);
    end = apply(((d0 + 1) * steps).floorDiv(pieces), piece);
  }
  auto loop =
      scf::ForOp::create(b, loc, first, end, getIndex(1), ValueRange{acc});
  OpBuilder::InsertionGuard guard(b);
  b.setInsertionPointToStart(loop.getBody());
  Value sum = createStep(loop.getInductionVar(), loop.getRegionIterArg(0));
  scf::YieldOp::create(b, loc, sum);
  return loop.getResult(0);
}

void ProjectKernel::store(Value sum) {
  Type narrow = getElementTypeOrSelf(output.getType());
  SmallVector<Value> at = {coordinates.getBatch(), coordinates.getHead(),
                           coordinates.getRow(), getIndex(0)};
  auto wide = cast<VectorType>(sum.getType());
  if (accumulates) {
    Value old = LoadOp::create(b, loc, getTileType(narrow), output, at,
                               schedule.getExchange());
    if (narrow != wide.getElementType())
      old = arith::ExtFOp::create(b, loc, wide, old);
    sum = arith::AddFOp::create(b, loc, old, sum);
  }
  if (narrow != wide.getElementType())
    sum = arith::TruncFOp::create(b, loc, getTileType(narrow), sum);
  StoreOp::create(b, loc, sum, output, at, schedule.getExchange());
}

void ProjectKernel::createLaunch() {
  OpBuilder host(op);
  SmallVector<Type> types = {x.getType(), w.getType(), output.getType()};
  LaunchOp::create(
      host, loc, getKernelSymbol(func),
      ValueRange{op.getX(), op.getW(), op.getInit()},
      host.getTypeArrayAttr(types), op.getInit(),
      host.getDenseI64ArrayAttr({1, 1, schedule.getTokenTile()}),
      host.getI64IntegerAttr(schedule.getCluster()), /*persistent=*/UnitAttr(),
      /*stream_k=*/UnitAttr(), host.getI64IntegerAttr(pieces),
      /*push=*/UnitAttr(),
      schedule.getProgrammatic() ? host.getUnitAttr() : UnitAttr());
}

void ProjectKernel::write() {
  createParameters();
  b.setInsertionPointToStart(&func.getBody().front());
  // Blocks of a cluster differ in their tokens only.
  ringOfW =
      createRing("W", flashmhf::getWeightRows(facts, schedule.getFields()),
                 schedule.getCluster());
  ringOfX = createRing("X", schedule.getTokenTile(), /*cluster=*/1);
  createCoordinates();
  Value sum = createSum();
  b.setInsertionPoint(func.getBody().front().getTerminator());
  if (pieces > 1)
    createSumOfPieces(b, loc, sum,
                      {coordinates, piece, pieces, partials, counters, resident,
                       output, schedule.getTokenTile(), schedule.getExchange(),
                       accumulates});
  else
    store(sum);
  createLaunch();
}

static LogicalResult lowerProject(ProjectOp op) {
  if (op.getResult())
    return op.emitOpError("must be on memrefs; run flashmhf-bufferize first");
  if (!op.getScheduleAttr())
    return op.emitOpError("has no schedule; run flashmhf-assign-schedule");
  if (auto fault = flashmhf::findProjectFault(ProjectFacts::get(op),
                                              op.getScheduleAttr().getFields()))
    return op.emitOpError(*fault);
  FailureOr<gpu::GPUFuncOp> func = createKernel(op, op.getScheduleAttr());
  if (failed(func))
    return failure();
  linalg::FillOp fill = flashmhf::getZeroFillOfInit(op);
  ProjectKernel(op, *func, /*accumulates=*/!fill).write();
  op.erase();
  if (fill)
    fill.erase();
  return success();
}

namespace {
struct FlashMHFLowerProject
    : hopper::impl::FlashMHFLowerProjectBase<FlashMHFLowerProject> {
  void runOnOperation() override {
    SmallVector<ProjectOp> ops;
    getOperation().walk([&](ProjectOp op) { ops.push_back(op); });
    for (ProjectOp op : ops)
      if (failed(lowerProject(op)))
        return signalPassFailure();
  }
};
} // namespace
