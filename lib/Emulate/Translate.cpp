//===- Translate.cpp - From IR to instructions ----------------------------===//
//
/// \file
/// In: a kernel in the hopper dialect. Out: instructions over numbered
/// registers, one list for each role. Operations outside of hopper.warpgroups
/// are part of every role. TranslateOps.cpp has what is not about control.
//
//===----------------------------------------------------------------------===//

#include "Translator.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Emulate/Emulator.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

//===----------------------------------------------------------------------===//
// Registers
//===----------------------------------------------------------------------===//

/// Whether a vector is a matrix or a row that a multiprocessor's registers
/// hold, two elements in each.
static bool fitsRegisters(VectorType type) {
  int64_t elements = 1;
  for (int64_t size : type.getShape())
    if (llvm::MulOverflow(elements, size, elements))
      return false;
  return type.getRank() <= 2 && elements <= 2 * kRegisterFile;
}

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
                   fitsRegisters(cast<VectorType>(type))))
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

LogicalResult Translator::translateWhile(scf::WhileOp op, Region *role) {
  Location loc = op.getLoc();
  auto defineAll = [&](ValueRange values, SmallVectorImpl<int32_t> &regs) {
    for (Value value : values)
      if (regs.emplace_back(define(value)) < 0)
        return failure();
    return success();
  };
  SmallVector<int32_t> before, results;
  if (failed(defineAll(op.getBeforeArguments(), before)) ||
      failed(defineAll(op.getResults(), results)))
    return fail(op, "it carries a value of a type without registers");
  for (auto [argument, reg] : llvm::zip_equal(op.getAfterArguments(), results))
    registers[argument] = reg;
  copyAll(op.getInits(), before, loc);
  size_t head = program.code.size();
  if (failed(translate(*op.getBeforeBody(), role)))
    return failure();
  copyAll(op.getConditionOp().getArgs(), results, loc);
  size_t test = program.code.size();
  emit(Opcode::JumpIfZero, loc).operands[0] =
      get(op.getConditionOp().getCondition());
  if (failed(translate(*op.getAfterBody(), role)))
    return failure();
  copyAll(op.getYieldOp().getOperands(), before, loc);
  emit(Opcode::Jump, loc).target = head;
  program.code[test].target = program.code.size();
  return success();
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

  SmallVector<Value> pieceArguments;
  for (auto [i, argument] : llvm::enumerate(func.getArguments())) {
    if (argument.getType().isIndex()) {
      pieceArguments.push_back(argument);
      continue;
    }
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
  auto setStored = [&](Value dest) {
    if (auto it = shared.find(dest); it != shared.end())
      kernel.parameters[it->second].isStored = true;
  };
  func.walk([&](StoreOp op) { setStored(op.getDest()); });
  func.walk([&](SumPartialsOp op) { setStored(op.getDest()); });
  func.walk([&](SumSharesOp op) { setStored(op.getDest()); });
  func.walk([&](SumPushedOp op) { setStored(op.getDest()); });
  func.walk([&](SumPushedSharesOp op) { setStored(op.getDest()); });
  func.walk([&](LaunchDependentsOp) { kernel.startsEarly = true; });
  func.walk([&](InboxOp op) {
    InboxType type = op.getInbox().getType();
    kernel.inbox =
        InboxInfo{type.getPieces(), type.getRows(),   type.getColumns(),
                  type.getParts(),  type.getShares(), op.getLoc()};
    shared[op.getInbox()] = 0;
  });
  WarpgroupsOp warpgroups;
  func.walk([&](WarpgroupsOp op) { warpgroups = op; });
  func.walk([&](RingOp ring) {
    RingType type = ring.getRing().getType();
    shared[ring.getRing()] = kernel.rings.size();
    RingInfo info{ring.getName().str(),
                  type.getSlots(),
                  type.getRows(),
                  type.getColumns(),
                  *getFormat(type.getElementType()),
                  type.getCluster(),
                  int64_t(ring.getOffset().value_or(0)),
                  int64_t(ring.getBarriers().value_or(0)),
                  ring.getLoc()};
    info.isLocal = type.getLocal();
    // Without consumers nobody tells the parts apart.
    if (!warpgroups || type.getParts() == 1) {
      kernel.rings.push_back(info);
      return;
    }
    info.parts = type.getParts();
    info.rows = type.getPartRows();
    for (info.owner = 0; info.owner < info.parts; ++info.owner) {
      kernel.rings.push_back(info);
      info.offset += info.getBytes();
      info.barriers += 2 * info.slots * kBarrierBytes;
    }
  });

  auto translate = [&](Region *role, Program &program) -> llvm::Error {
    Translator translator(shared, program);
    for (Value argument : pieceArguments)
      translator.addPieceArgument(argument);
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
  SmallVector<Region *> producers;
  for (auto thread : warpgroups.getProducer().getOps<ThreadOp>())
    producers.push_back(&thread.getBody());
  if (producers.empty())
    producers.push_back(&warpgroups.getProducer());
  for (Region *producer : producers)
    if (llvm::Error error =
            translate(producer, kernel.producers.emplace_back()))
      return error;
  if (llvm::Error error = translate(&warpgroups.getConsumer(), kernel.consumer))
    return error;
  return kernel;
}
