//===- Translate.cpp - From IR to instructions ----------------------------===//
//
/// \file
/// In: a kernel in the hopper dialect. Out: instructions over numbered
/// registers, one list for each role. Operations outside of hopper.warpgroups
/// are part of every role. Invariant: one SSA value has one register, but a
/// loop's results share those of its iteration arguments.
//
//===----------------------------------------------------------------------===//

#include "Program.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Emulate/Emulator.h"

#include "mlir/Dialect/Affine/IR/AffineOps.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"
#include "llvm/ADT/TypeSwitch.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

namespace {
enum class Kind { Scalar, Floats, Slot, Other };

/// Translates one role of a kernel.
class Translator {
public:
  Translator(const DenseMap<Value, int32_t> &shared, Program &program)
      : shared(shared), program(program) {}

  /// Appends the operations of `block` but for its terminator. `role` is the
  /// region of hopper.warpgroups to enter.
  LogicalResult translate(Block &block, Region *role);
  void finish(Location location) { emit(Opcode::End, location); }

  /// Says why translation failed.
  Location location = UnknownLoc();
  std::string message;

private:
  LogicalResult translate(Operation &op, Region *role);
  LogicalResult translateConstant(arith::ConstantOp op);
  LogicalResult translateFor(scf::ForOp op, Region *role);
  LogicalResult translateIf(scf::IfOp op, Region *role);
  LogicalResult translateFloats(Operation *op);
  LogicalResult translateHopper(Operation *op);
  /// An operation whose operands and results map one to one.
  LogicalResult translatePlain(Operation *op, Opcode opcode);

  LogicalResult fail(Operation *op, const Twine &reason) {
    location = op->getLoc();
    message =
        ("cannot emulate '" + op->getName().getStringRef() + "': " + reason)
            .str();
    return failure();
  }

  Instruction &emit(Opcode opcode, Location loc) {
    program.code.emplace_back(opcode, loc);
    return program.code.back();
  }

  static Kind getKind(Type type);
  /// A new register for a value of `type`; -1 if there is no such.
  int32_t createRegister(Type type);
  int32_t define(Value value) {
    return registers[value] = createRegister(value.getType());
  }
  int32_t get(Value value) const;
  void copy(Type type, int32_t from, int32_t to, Location loc);
  /// Copies all at once: no copy sees what another one wrote.
  void copyAll(ValueRange from, ArrayRef<int32_t> to, Location loc);

  /// Rings and parameters.
  const DenseMap<Value, int32_t> &shared;
  Program &program;
  DenseMap<Value, int32_t> registers;
};
} // namespace

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

Kind Translator::getKind(Type type) {
  if (type.isIndex() || type.isInteger())
    return Kind::Scalar;
  if (isa<SlotType>(type))
    return Kind::Slot;
  if (isa<InflightType>(type))
    return Kind::Floats;
  return getFormat(getElementTypeOrSelf(type)) &&
                 (isa<FloatType>(type) ||
                  (isa<VectorType>(type) &&
                   cast<VectorType>(type).getRank() <= 2))
             ? Kind::Floats
             : Kind::Other;
}

int32_t Translator::createRegister(Type type) {
  switch (getKind(type)) {
  case Kind::Scalar:
    program.scalars.push_back(0);
    return program.scalars.size() - 1;
  case Kind::Slot:
    return program.slots++;
  case Kind::Floats: {
    if (auto inflight = dyn_cast<InflightType>(type))
      type = inflight.getResult();
    FloatRegister reg;
    reg.format = *getFormat(getElementTypeOrSelf(type));
    if (auto vector = dyn_cast<VectorType>(type)) {
      ArrayRef<int64_t> shape = vector.getShape();
      if (!shape.empty())
        reg.rows = shape[0];
      if (shape.size() == 2)
        reg.columns = shape[1];
    }
    reg.offset = program.floatElements;
    program.floatElements += reg.getSize();
    program.floats.push_back(reg);
    return program.floats.size() - 1;
  }
  case Kind::Other:
    return -1;
  }
  llvm_unreachable("unknown kind");
}

int32_t Translator::get(Value value) const {
  if (auto it = registers.find(value); it != registers.end())
    return it->second;
  return shared.lookup_or(value, -1);
}

void Translator::copy(Type type, int32_t from, int32_t to, Location loc) {
  if (from == to)
    return;
  Kind kind = getKind(type);
  Instruction &instruction = emit(kind == Kind::Scalar ? Opcode::CopyScalar
                                  : kind == Kind::Slot ? Opcode::CopySlot
                                                       : Opcode::CopyFloats,
                                  loc);
  instruction.operands[0] = from;
  instruction.result = to;
}

void Translator::copyAll(ValueRange from, ArrayRef<int32_t> to, Location loc) {
  SmallVector<int32_t> sources;
  for (auto [i, value] : llvm::enumerate(from)) {
    int32_t source = get(value);
    // A target that is written before it is read here needs a detour.
    bool isOverwritten = false;
    for (size_t j = 0; j < i; ++j)
      isOverwritten |= to[j] == source &&
                       getKind(from[j].getType()) == getKind(value.getType());
    if (isOverwritten) {
      int32_t saved = createRegister(value.getType());
      copy(value.getType(), source, saved, loc);
      source = saved;
    }
    sources.push_back(source);
  }
  // The detours were emitted first.
  for (auto [value, source, target] : llvm::zip_equal(from, sources, to))
    copy(value.getType(), source, target, loc);
}

//===----------------------------------------------------------------------===//
// Control
//===----------------------------------------------------------------------===//

LogicalResult Translator::translate(Block &block, Region *role) {
  for (Operation &op : block.without_terminator())
    if (failed(translate(op, role)))
      return failure();
  return success();
}

LogicalResult Translator::translateFor(scf::ForOp op, Region *role) {
  Location loc = op.getLoc();
  for (Value argument : op.getRegionIterArgs())
    if (define(argument) < 0)
      return fail(op, "it carries a value of a type without registers");
  SmallVector<int32_t> carried = llvm::map_to_vector(
      op.getRegionIterArgs(), [&](Value value) { return get(value); });
  copyAll(op.getInitArgs(), carried, loc);
  int32_t variable = define(op.getInductionVar());
  copy(op.getInductionVar().getType(), get(op.getLowerBound()), variable, loc);

  size_t head = program.code.size();
  Instruction &test = emit(Opcode::LoopTest, loc);
  test.operands = {variable, get(op.getUpperBound()), get(op.getStep())};
  if (failed(translate(*op.getBody(), role)))
    return failure();
  copyAll(op.getYieldedValues(), carried, loc);
  Instruction &next = emit(Opcode::Integer, loc);
  next.integer = [](int64_t a, int64_t b) { return a + b; };
  next.operands[0] = variable;
  next.operands[1] = get(op.getStep());
  next.result = variable;
  emit(Opcode::Jump, loc).target = head;
  program.code[head].target = program.code.size();
  for (auto [result, reg] : llvm::zip_equal(op.getResults(), carried))
    registers[result] = reg;
  return success();
}

LogicalResult Translator::translateIf(scf::IfOp op, Region *role) {
  Location loc = op.getLoc();
  SmallVector<int32_t> results;
  for (Value result : op.getResults())
    if (results.emplace_back(define(result)) < 0)
      return fail(op, "it yields a value of a type without registers");
  size_t test = program.code.size();
  emit(Opcode::JumpIfZero, loc).operands[0] = get(op.getCondition());
  if (failed(translate(*op.thenBlock(), role)))
    return failure();
  copyAll(op.thenYield().getOperands(), results, loc);
  if (Block *otherwise = op.elseBlock()) {
    size_t skip = program.code.size();
    emit(Opcode::Jump, loc);
    program.code[test].target = program.code.size();
    if (failed(translate(*otherwise, role)))
      return failure();
    copyAll(op.elseYield().getOperands(), results, loc);
    program.code[skip].target = program.code.size();
  } else {
    program.code[test].target = program.code.size();
  }
  return success();
}

//===----------------------------------------------------------------------===//
// Operations
//===----------------------------------------------------------------------===//

LogicalResult Translator::translateConstant(arith::ConstantOp op) {
  int32_t reg = define(op.getResult());
  if (reg < 0)
    return fail(op, "its type has no registers");
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

LogicalResult Translator::translatePlain(Operation *op, Opcode opcode) {
  Instruction instruction(opcode, op->getLoc());
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
  return success();
}

LogicalResult Translator::translateHopper(Operation *op) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(op)
      .Case<TileCountOp>([&](TileCountOp op) {
        if (failed(translatePlain(op, Opcode::TileCount)))
          return failure();
        llvm::copy(op.getTiles(), program.code.back().tiles.begin());
        return success();
      })
      .Case<TileCoordinatesOp>([&](TileCoordinatesOp op) {
        if (failed(translatePlain(op, Opcode::TileCoordinates)))
          return failure();
        Instruction &instruction = program.code.back();
        std::swap(instruction.operands[0], instruction.operands[1]);
        llvm::copy(op.getTiles(), instruction.tiles.begin());
        return success();
      })
      .Case<ConsumerIndexOp>(
          [&](auto op) { return translatePlain(op, Opcode::ConsumerIndex); })
      .Case<PutOp>([&](auto op) { return translatePlain(op, Opcode::Put); })
      .Case<GetOp>([&](auto op) { return translatePlain(op, Opcode::Get); })
      .Case<ReleaseOp>(
          [&](auto op) { return translatePlain(op, Opcode::Release); })
      .Case<LoadRowsOp>(
          [&](auto op) { return translatePlain(op, Opcode::LoadRows); })
      .Case<LoadOp>([&](auto op) { return translatePlain(op, Opcode::Load); })
      .Case<RowScaleOp>(
          [&](auto op) { return translatePlain(op, Opcode::RowScale); })
      .Case<StoreOp>([&](StoreOp op) {
        if (failed(translatePlain(op, Opcode::Store)))
          return failure();
        auto &operands = program.code.back().operands;
        std::rotate(operands.begin(), operands.begin() + 1, operands.end());
        return success();
      })
      .Case<WaitOp>([&](WaitOp op) {
        if (failed(translatePlain(op, Opcode::Wait)))
          return failure();
        program.code.back().target = op.getPending();
        return success();
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
        instruction.transposed = op.getTransposeB();
        instruction.result = define(op.getResult());
        return success();
      })
      .Default([&](Operation *op) {
        return fail(op, "no such operation is known here");
      });
}

LogicalResult Translator::translate(Operation &op, Region *role) {
  return llvm::TypeSwitch<Operation *, LogicalResult>(&op)
      .Case<RingOp>([](auto) { return success(); })
      .Case<WarpgroupsOp>([&](auto) {
        return role ? translate(role->front(), nullptr) : success();
      })
      .Case<arith::ConstantOp>(
          [&](arith::ConstantOp op) { return translateConstant(op); })
      .Case<scf::ForOp>([&](auto op) { return translateFor(op, role); })
      .Case<scf::IfOp>([&](auto op) { return translateIf(op, role); })
      .Case<arith::SelectOp>([&](arith::SelectOp op) -> LogicalResult {
        if (getKind(op.getType()) != Kind::Scalar)
          return fail(op, "only integers can be selected");
        return translatePlain(op, Opcode::Select);
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

//===----------------------------------------------------------------------===//
// Kernels
//===----------------------------------------------------------------------===//

llvm::Expected<Kernel> hopper::emulation::translateKernel(gpu::GPUFuncOp func) {
  auto makeError = [](Location loc, const Twine &message) {
    return llvm::make_error<EmulationFault>(loc, message.str());
  };
  Kernel kernel(func.getLoc());
  kernel.name = func.getName().str();
  DenseMap<Value, int32_t> shared;
  if (!func.getBody().hasOneBlock())
    return makeError(func.getLoc(), "cannot emulate branches between blocks");

  for (auto [i, argument] : llvm::enumerate(func.getArguments())) {
    ParameterInfo info;
    std::optional<Format> format;
    if (auto map = dyn_cast<TensorMapType>(argument.getType())) {
      info.isMap = true;
      info.rank = 4;
      format = getFormat(map.getElementType());
    } else if (auto memref = dyn_cast<MemRefType>(argument.getType())) {
      info.rank = memref.getRank();
      format = getFormat(memref.getElementType());
    }
    if (!format)
      return makeError(func.getLoc(),
                       llvm::formatv("cannot emulate kernel argument #{0} of "
                                     "type {1}",
                                     i, argument.getType()));
    info.format = *format;
    kernel.parameters.push_back(info);
    shared[argument] = i;
  }
  WarpgroupsOp warpgroups;
  func.walk([&](RingOp ring) {
    RingType type = ring.getRing().getType();
    shared[ring.getRing()] = kernel.rings.size();
    kernel.rings.push_back({ring.getName().str(), type.getSlots(),
                            type.getRows(), type.getColumns(),
                            *getFormat(type.getElementType()), ring.getLoc()});
  });
  func.walk([&](WarpgroupsOp op) { warpgroups = op; });

  auto translate = [&](Region *role, Program &program) -> llvm::Error {
    Translator translator(shared, program);
    if (failed(translator.translate(func.getBody().front(), role)))
      return makeError(translator.location, translator.message);
    translator.finish(func.getLoc());
    return llvm::Error::success();
  };
  if (!warpgroups) {
    if (llvm::Error error = translate(nullptr, kernel.consumer))
      return error;
    return kernel;
  }
  kernel.consumers = warpgroups.getConsumers();
  if (llvm::Error error =
          translate(&warpgroups.getProducer(), kernel.producer.emplace()))
    return error;
  if (llvm::Error error = translate(&warpgroups.getConsumer(), kernel.consumer))
    return error;
  return kernel;
}
