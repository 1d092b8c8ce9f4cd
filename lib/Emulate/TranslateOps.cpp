//===- TranslateOps.cpp - Operations to instructions ----------------------===//
//
/// \file
/// One case for each operation that the emulator knows.
//
//===----------------------------------------------------------------------===//

#include "Translator.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

LogicalResult Translator::translateConstant(arith::ConstantOp op) {
  int32_t reg = define(op.getResult());
  if (reg < 0)
    return fail(
        op, llvm::formatv("registers do not hold '{0}'", op.getType()).str());
  Attribute value = op.getValue();
  if (auto integer = dyn_cast<IntegerAttr>(value)) {
    program.scalars[reg] = integer.getType().isInteger(1)
                               ? integer.getValue().getZExtValue()
                               : integer.getValue().getSExtValue();
    return success();
  }
  auto toFloat = [](APFloat number) {
    bool lost;
    number.convert(APFloat::IEEEsingle(), APFloat::rmNearestTiesToEven, &lost);
    return number.convertToFloat();
  };
  std::vector<float> values;
  int64_t size = program.floats[reg].getSize();
  if (auto number = dyn_cast<FloatAttr>(value))
    values.assign(size, toFloat(number.getValue()));
  else if (auto elements = dyn_cast<DenseFPElementsAttr>(value))
    for (APFloat number : elements)
      values.push_back(toFloat(number));
  else
    return fail(op, "its value is not dense");
  program.floatConstants.push_back({reg, std::move(values)});
  return success();
}

LogicalResult
Translator::translateDelinearize(affine::AffineDelinearizeIndexOp op) {
  if (!op.getDynamicBasis().empty())
    return fail(op, "only constant sizes are known");
  if (failed(translatePlain(op, Opcode::Delinearize)))
    return failure();
  // The size of the outermost dimension does not matter.
  ArrayRef<int64_t> basis = op.getStaticBasis();
  program.code.back().basis.assign(
      op.hasOuterBound() ? basis.begin() + 1 : basis.begin(), basis.end());
  return success();
}

template <typename OpTy>
LogicalResult Translator::translateWork(OpTy op, Opcode opcode) {
  if (failed(translatePlain(op, opcode, op.getSteps())))
    return failure();
  program.code.back().tiles[0] = op.getCluster();
  return success();
}

LogicalResult Translator::translatePlain(Operation *op, Opcode opcode,
                                         int64_t target) {
  Instruction instruction(opcode, op->getLoc());
  instruction.target = target;
  if (op->getNumOperands() > instruction.operands.size())
    return fail(op, "it has too many operands");
  for (auto [i, operand] : llvm::enumerate(op->getOperands()))
    if ((instruction.operands[i] = get(operand)) < 0)
      return fail(op, "operand #" + Twine(i) + " has no register");
  for (Value result : op->getResults()) {
    int32_t reg = define(result);
    if (reg < 0)
      return fail(op, "its result has no register");
    if (instruction.result < 0)
      instruction.result = reg;
  }
  program.code.push_back(std::move(instruction));
  return success();
}

LogicalResult Translator::translateFloats(Operation *op) {
  FloatFunction function = getFloatFunction(op);
  if (!function)
    return fail(op, "no such operation is known here");
  if (failed(translatePlain(op, Opcode::Floats)))
    return failure();
  program.code.back().floats = function;
  program.code.back().isSpecial =
      isa<math::MathDialect>(op->getDialect()) && !isa<math::FmaOp>(op);
  return success();
}

/// Rings that `ring` is to the emulator, as used by `user`.
static int64_t countParts(TypedValue<RingType> ring, Operation *user) {
  return user->getParentOfType<WarpgroupsOp>() ? ring.getType().getParts() : 1;
}

LogicalResult Translator::translatePut(PutOp op) {
  RingType ring = op.getRing().getType();
  TensorMapType map = op.getMap().getType();
  for (int64_t part = 0; part < countParts(op.getRing(), op); ++part) {
    if (failed(translatePlain(op, Opcode::Put)))
      return failure();
    Instruction &instruction = program.code.back();
    instruction.tiles = {map.getRows(), map.getColumns(), 1};
    instruction.operands[5] += part;
    instruction.target = part * ring.getPartRows();
  }
  return success();
}

LogicalResult Translator::translateHopper(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<TileCountOp>([&](TileCountOp op) {
        if (failed(translatePlain(op, Opcode::TileCount)))
          return failure();
        llvm::copy(op.getTiles(), program.code.back().tiles.begin());
        program.code.back().target = op.getCluster();
        return success();
      })
      .Case<TileCoordinatesOp>([&](TileCoordinatesOp op) {
        if (failed(translatePlain(op, Opcode::TileCoordinates)))
          return failure();
        Instruction &instruction = program.code.back();
        std::swap(instruction.operands[0], instruction.operands[1]);
        llvm::copy(op.getTiles(), instruction.tiles.begin());
        instruction.target = op.getCluster();
        return success();
      })
      .Case<WorkRangeOp>(
          [&](WorkRangeOp op) { return translateWork(op, Opcode::WorkRange); })
      .Case<WorkItemOp>(
          [&](WorkItemOp op) { return translateWork(op, Opcode::WorkItem); })
      .Case<LeavePartOp>(
          [&](auto op) { return translatePlain(op, Opcode::LeavePart); })
      .Case<AddPartsOp>([&](AddPartsOp op) {
        return translatePlain(op, Opcode::AddParts, op.getStride());
      })
      .Case<ConsumerIndexOp>(
          [&](auto op) { return translatePlain(op, Opcode::ConsumerIndex); })
      .Case<PutOp>([&](PutOp op) { return translatePut(op); })
      .Case<ScaleOp>([&](ScaleOp op) {
        if (failed(translatePlain(op, Opcode::Scale)))
          return failure();
        program.code.back().factor = op.getFactor().convertToFloat();
        return success();
      })
      .Case<SlotAtOp>([&](SlotAtOp op) {
        if (failed(translatePlain(op, Opcode::SlotAt)))
          return failure();
        SlotType slot = op.getSlot().getType();
        program.code.back().tiles = {slot.getRows(), slot.getColumns(), 1};
        return success();
      })
      .Case<GetOp>([&](GetOp op) {
        if (failed(translatePlain(op, Opcode::Get)))
          return failure();
        program.code.back().target = countParts(op.getRing(), op);
        return success();
      })
      .Case<TakeTurnOp>(
          [&](auto op) { return translatePlain(op, Opcode::TakeTurn); })
      .Case<PassTurnOp>(
          [&](auto op) { return translatePlain(op, Opcode::PassTurn); })
      .Case<AnchorOp>(
          [&](auto op) { return translatePlain(op, Opcode::CopyFloats); })
      .Case<ReleaseOp>(
          [&](auto op) { return translatePlain(op, Opcode::Release); })
      .Case<LoadRowsOp>(
          [&](auto op) { return translatePlain(op, Opcode::LoadRows); })
      .Case<LoadColumnsOp>([&](auto op) {
        // What is one row there is one column in memory.
        if (failed(translatePlain(op, Opcode::LoadRows)))
          return failure();
        program.code.back().transposed = true;
        return success();
      })
      .Case<LoadOp>([&](LoadOp op) {
        if (failed(translatePlain(op, Opcode::Load)))
          return failure();
        program.code.back().transposed = op.getTransposed();
        return success();
      })
      .Case<RowScaleOp>(
          [&](auto op) { return translatePlain(op, Opcode::RowScale); })
      .Case<AddScaledOp>(
          [&](auto op) { return translatePlain(op, Opcode::AddScaled); })
      .Case<ColumnScaleOp>(
          [&](auto op) { return translatePlain(op, Opcode::ColumnScale); })
      .Case<ReadOp>([&](auto op) { return translatePlain(op, Opcode::Read); })
      .Case<WriteOp>([&](auto op) { return translatePlain(op, Opcode::Write); })
      .Case<StoreOp>([&](StoreOp op) {
        if (failed(translatePlain(op, Opcode::Store)))
          return failure();
        program.code.back().transposed = op.getTransposed();
        auto &operands = program.code.back().operands;
        std::rotate(operands.begin(), operands.begin() + 1,
                    operands.begin() + 6);
        return success();
      })
      .Case<WaitPredecessorOp>(
          [&](auto op) { return translatePlain(op, Opcode::WaitPredecessor); })
      // A launch is emulated after another.
      .Case<LaunchDependentsOp>([](auto) { return success(); })
      .Case<StorePartialOp>([&](StorePartialOp op) {
        if (failed(translatePlain(op, Opcode::StorePartial)))
          return failure();
        program.code.back().transposed = op.getTransposed();
        return success();
      })
      .Case<AwaitFirstOp>(
          [&](auto op) { return translatePlain(op, Opcode::AwaitFirst); })
      .Case<ArrivalsOp>(
          [&](auto op) { return translatePlain(op, Opcode::Arrivals); })
      .Case<MeetOp>([&](auto op) { return translatePlain(op, Opcode::Meet); })
      .Case<SumPartialsOp>([&](SumPartialsOp op) {
        if (failed(translatePlain(op, Opcode::SumPartials)))
          return failure();
        program.code.back().tiles[0] = op.getRows();
        program.code.back().target = op.getAccumulate();
        return success();
      })
      .Case<SumSharesOp>([&](SumSharesOp op) {
        return translatePlain(op, Opcode::SumShares, op.getAccumulate());
      })
      .Case<OwnedRowsOp>([&](OwnedRowsOp op) {
        if (failed(translatePlain(op, Opcode::OwnedRows)))
          return failure();
        program.code.back().tiles[0] = op.getRows();
        program.code.back().target = op.getPieces();
        return success();
      })
      .Case<ExpectOp>(
          [&](auto op) { return translatePlain(op, Opcode::Expect); })
      .Case<AwaitClusterOp>(
          [&](auto op) { return translatePlain(op, Opcode::AwaitCluster); })
      .Case<PushOp>([&](PushOp op) {
        if (failed(translatePlain(op, Opcode::Push)))
          return failure();
        program.code.back().transposed = op.getTransposed();
        return success();
      })
      .Case<SumPushedOp>([&](SumPushedOp op) {
        return translatePlain(op, Opcode::SumPushed, op.getAccumulate());
      })
      .Case<PushSharesOp>(
          [&](auto op) { return translatePlain(op, Opcode::PushShares); })
      .Case<SumPushedSharesOp>([&](SumPushedSharesOp op) {
        return translatePlain(op, Opcode::SumPushedShares, op.getAccumulate());
      })
      .Case<WaitOp>([&](WaitOp op) {
        return translatePlain(op, Opcode::Wait, op.getPending());
      })
      .Case<WgmmaOp>([&](WgmmaOp op) {
        Instruction &instruction = emit(Opcode::Wgmma, op.getLoc());
        bool isSlot = isa<SlotType>(op.getA().getType());
        instruction.operands[isSlot ? 0 : 2] = get(op.getA());
        if (op.getRow())
          instruction.operands[1] = get(op.getRow());
        instruction.operands[3] = get(op.getB());
        if (op.getAcc())
          instruction.operands[4] = get(op.getAcc());
        if (op.getAccumulates())
          instruction.operands[5] = get(op.getAccumulates());
        instruction.transposed = op.getTransposeB();
        instruction.target = op.getTransposeA();
        instruction.result = define(op.getResult());
        return success();
      })
      .Default([&](Operation *op) {
        return fail(op, "no such operation is known here");
      });
}

LogicalResult Translator::translate(Operation &op, Region *role) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<RingOp, InboxOp>([](auto) { return success(); })
      .Case<WarpgroupsOp>([&](auto) {
        return role ? translate(role->front(), nullptr) : success();
      })
      .Case<arith::ConstantOp>(
          [&](arith::ConstantOp op) { return translateConstant(op); })
      .Case<scf::ForOp>([&](auto op) { return translateFor(op, role); })
      .Case<scf::IfOp>([&](auto op) { return translateIf(op, role); })
      .Case<scf::WhileOp>([&](auto op) { return translateWhile(op, role); })
      .Case<arith::SelectOp>([&](arith::SelectOp op) -> LogicalResult {
        if (!op.getCondition().getType().isInteger(1))
          return fail(op, "only one condition can select");
        return translatePlain(op, getKind(op.getType()) == Kind::Scalar
                                      ? Opcode::Select
                                      : Opcode::SelectFloats);
      })
      .Case<affine::AffineApplyOp, affine::AffineMinOp, affine::AffineMaxOp>(
          [&](auto affineOp) {
            Instruction instruction(Opcode::Affine, op.getLoc());
            for (Value operand : op.getOperands())
              instruction.affineOperands.push_back(get(operand));
            instruction.affine = affineOp.getAffineMap();
            instruction.integer =
                isa<affine::AffineMaxOp>(op)
                    ? IntegerFunction(
                          [](int64_t a, int64_t b) { return std::max(a, b); })
                    : [](int64_t a, int64_t b) { return std::min(a, b); };
            instruction.result = define(op.getResult(0));
            program.code.push_back(std::move(instruction));
            return success();
          })
      .Case<affine::AffineDelinearizeIndexOp>(
          [&](affine::AffineDelinearizeIndexOp op) {
            return translateDelinearize(op);
          })
      .Case<gpu::BlockIdOp, gpu::GridDimOp>([&](auto dimension) {
        if (dimension.getDimension() != gpu::Dimension::x)
          return fail(&op, "grids have one dimension, x");
        return translatePlain(&op, isa<gpu::BlockIdOp>(op) ? Opcode::BlockId
                                                           : Opcode::GridDim);
      })
      .Case<memref::DimOp>([&](memref::DimOp op) -> LogicalResult {
        std::optional<int64_t> index = op.getConstantIndex();
        if (!index || get(op.getSource()) < 0)
          return fail(op, "only sizes of arguments, by constant, are known");
        Instruction &instruction = emit(Opcode::Dim, op.getLoc());
        instruction.operands[0] = get(op.getSource());
        instruction.target = *index;
        instruction.result = define(op.getResult());
        return success();
      })
      .Case<vector::BroadcastOp>([&](vector::BroadcastOp op) -> LogicalResult {
        if (!isa<FloatType>(op.getSourceType()))
          return fail(op, "only scalars can be broadcast");
        return translatePlain(op, Opcode::Broadcast);
      })
      .Case<vector::ExtractStridedSliceOp, vector::InsertStridedSliceOp>(
          [&](auto slice) -> LogicalResult {
            auto offsets =
                slice.getOffsets().template getAsRange<IntegerAttr>();
            SmallVector<int64_t> at = llvm::map_to_vector(
                offsets, [](IntegerAttr offset) { return offset.getInt(); });
            if (at.size() != 2 || at[0] != 0)
              return fail(&op, "only columns of a tile are known");
            bool takes = isa<vector::ExtractStridedSliceOp>(op);
            if (failed(translatePlain(&op, takes ? Opcode::TakeColumns
                                                 : Opcode::SetColumns)))
              return failure();
            program.code.back().target = at[1];
            return success();
          })
      .Default([&](Operation *op) {
        if (isa<HopperDialect>(op->getDialect()))
          return translateHopper(op);
        if (IntegerFunction function = getIntegerFunction(op);
            function && getKind(op->getResult(0).getType()) == Kind::Scalar) {
          if (failed(translatePlain(op, Opcode::Integer)))
            return failure();
          program.code.back().integer = function;
          return success();
        }
        return translateFloats(op);
      });
}
