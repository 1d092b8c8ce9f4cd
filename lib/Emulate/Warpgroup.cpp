//===- Warpgroup.cpp - One thread of an emulated block --------------------===//
//
/// \file
/// The loop over instructions and what each does to registers. Rings,
/// products and indices are in files of their own.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

Warpgroup::Warpgroup(Machine &machine, ThreadBlock &block,
                     const Program &program, int64_t consumer)
    : machine(machine), block(block), program(program), consumer(consumer),
      floats(program.floatElements), slots(program.slots) {
  for (const Program::Constant &constant : program.floatConstants)
    llvm::copy(constant.values, getFloats(constant.reg));
}

void Warpgroup::reset() {
  position = 0;
  scalars = program.scalars;
  Workspace &workspace = *machine.grid.workspace;
  const int64_t pieceArguments[] = {
      int64_t(reinterpret_cast<intptr_t>(workspace.partials.data())),
      int64_t(reinterpret_cast<intptr_t>(workspace.counters.data())),
      workspace.isResident};
  for (auto [reg, value] : llvm::zip(program.pieceArguments, pieceArguments))
    scalars[reg] = value;
  issued = completed = completedAtWrite = 0;
  hasAwaitedCluster = false;
  hasAwaitedPredecessor = false;
  makers.assign(program.floats.size(), 0);
  readers.assign(program.floats.size(), 0);
  slotReaders.clear();
  for (const Ring &ring : block.rings)
    slotReaders.emplace_back(ring.slots.size(), 0);
}

void Warpgroup::run() {
  reset();
  for (int64_t steps = 0; !machine.isStopped(); ++steps) {
    const Instruction &instruction = program.code[position++];
    if (steps == machine.grid.maxSteps) {
      fault(instruction,
            "has not ended after " + Twine(steps) + " instructions");
      return;
    }
    if (instruction.opcode == Opcode::End) {
      if (completed < issued)
        fault(instruction, "ends with a product in flight: it never waited for "
                           "product " +
                               Twine(issued));
      else
        checkInboxAtEnd(instruction);
      return;
    }
    if (!execute(instruction))
      return;
  }
}

std::string Warpgroup::getName() const {
  const Kernel &kernel = machine.grid.launch.kernel;
  int64_t producers = kernel.producers.size();
  std::string name = producers == 0  ? "the program"
                     : consumer >= 0 ? "consumer " + std::to_string(consumer)
                     : producers == 1
                         ? "the producer"
                         : "producer " + std::to_string(producers + consumer);
  return name + " of block " + std::to_string(block.number);
}

bool Warpgroup::fault(const Instruction &instruction, const Twine &message) {
  machine.fault(instruction.location, getName() + " " + message);
  return false;
}

bool Warpgroup::checkPredecessor(const Instruction &i, const Twine &what) {
  const Launch &launch = machine.grid.launch;
  return !launch.programmatic || !launch.kernel.startsEarly ||
         hasAwaitedPredecessor ||
         fault(i, what + " while the kernel in front may still run: it has not "
                         "awaited its predecessor");
}

bool Warpgroup::execute(const Instruction &i) {
  auto scalar = [&](int operand) { return scalars[i.operands[operand]]; };
  auto set = [&](int64_t value) {
    scalars[i.result] = value;
    return true;
  };
  switch (i.opcode) {
  case Opcode::Integer:
    return set(i.integer(scalar(0), i.operands[1] < 0 ? 0 : scalar(1)));
  case Opcode::Select:
    return set(scalar(0) ? scalar(1) : scalar(2));
  case Opcode::Affine:
    return executeAffine(i);
  case Opcode::Delinearize:
    return executeDelinearize(i);
  case Opcode::CopyScalar:
    return set(scalar(0));
  case Opcode::BlockId:
    return set(block.number);
  case Opcode::GridDim:
    return set(machine.grid.blocks);
  case Opcode::ConsumerIndex:
    return set(consumer);
  case Opcode::Dim:
    return set(getTensor(i.operands[0]).sizes[i.target]);
  case Opcode::TileCount: {
    auto [batches, heads, rows] =
        countTiles(getTensor(i.operands[0]).sizes, i.tiles, i.target);
    return set(batches * heads * rows);
  }
  case Opcode::TileCoordinates:
    return executeTileCoordinates(i);
  case Opcode::WorkRange:
    return executeWorkRange(i);
  case Opcode::WorkItem:
    return executeWorkItem(i);
  case Opcode::LeavePart:
    return executeLeavePart(i);
  case Opcode::AddParts:
    return executeAddParts(i);
  case Opcode::Jump:
    position = i.target;
    return true;
  case Opcode::JumpIfZero:
    if (!scalar(0))
      position = i.target;
    return true;
  case Opcode::LoopTest:
    if (scalar(2) <= 0)
      return fault(i, "loops in steps of " + Twine(scalar(2)));
    if (scalar(0) >= scalar(1))
      position = i.target;
    return true;
  case Opcode::SelectFloats:
    return executeSelectFloats(i);
  case Opcode::StorePartial:
    return executeStorePartial(i);
  case Opcode::Arrivals:
    return executeArrivals(i);
  case Opcode::Meet:
    return executeMeet(i);
  case Opcode::SumPartials:
    return executeSumPartials(i);
  case Opcode::SumShares:
    return executeSumShares(i);
  case Opcode::OwnedRows:
    return executeOwnedRows(i);
  case Opcode::Expect:
    return executeExpect(i);
  case Opcode::AwaitCluster:
    // The emulator starts the blocks of a cluster together.
    hasAwaitedCluster = true;
    return true;
  case Opcode::WaitPredecessor:
    hasAwaitedPredecessor = true;
    return true;
  case Opcode::AwaitFirst:
    return executeAwaitFirst(i);
  case Opcode::Push:
    return executePush(i);
  case Opcode::SumPushed:
    return executeSumPushed(i);
  case Opcode::PushShares:
    return executePushShares(i);
  case Opcode::SumPushedShares:
    return executeSumPushedShares(i);
  case Opcode::Floats:
    return executeFloats(i);
  case Opcode::CopyFloats:
    return executeCopyFloats(i);
  case Opcode::Broadcast:
    if (!checkWritable(i, i.result))
      return false;
    std::fill_n(getFloats(i.result), program.floats[i.result].getSize(),
                *getFloats(i.operands[0]));
    return true;
  case Opcode::TakeColumns:
    return executeTakeColumns(i);
  case Opcode::SetColumns:
    return executeSetColumns(i);
  case Opcode::RowScale:
  case Opcode::ColumnScale:
  case Opcode::AddScaled:
    return executeScaleBy(i);
  case Opcode::LoadRows:
  case Opcode::Load:
  case Opcode::Store:
    return executeAccess(i);
  case Opcode::CopySlot:
    slots[i.result] = slots[i.operands[0]];
    return true;
  case Opcode::Put:
    return executePut(i);
  case Opcode::Get:
    return executeGet(i);
  case Opcode::Scale:
    return executeScale(i);
  case Opcode::Read:
    return executeRead(i);
  case Opcode::Write:
    return executeWrite(i);
  case Opcode::SlotAt:
    return executeSlotAt(i);
  case Opcode::TakeTurn:
    return executeTakeTurn(i);
  case Opcode::PassTurn:
    return executePassTurn(i);
  case Opcode::Release:
    return executeRelease(i);
  case Opcode::Wgmma:
    return executeWgmma(i);
  case Opcode::Wait:
    return executeWait(i);
  case Opcode::End:
    return false;
  }
  llvm_unreachable("unknown opcode");
}

//===----------------------------------------------------------------------===//
// Tiles in registers
//===----------------------------------------------------------------------===//

bool Warpgroup::checkWritable(const Instruction &i, int32_t reg) {
  if (readers[reg] <= completed)
    return true;
  const FloatRegister &info = program.floats[reg];
  return fault(i, llvm::formatv("overwrites the A operand of product {0} "
                                "({1} x {2}) while the product is in flight",
                                readers[reg], info.rows, info.columns));
}

void Warpgroup::recordCompute(const Instruction &i) {
  if (!events)
    return;
  double size = program.floats[i.result].getSize();
  // What follows one another without a wait is one piece of work.
  if (events->empty() || events->back().kind != Event::Kind::Compute)
    events->push_back({Event::Kind::Compute});
  (i.isSpecial ? events->back().special : events->back().amount) += size;
}

bool Warpgroup::executeFloats(const Instruction &i) {
  if (!checkWritable(i, i.result))
    return false;
  recordCompute(i);
  const float *operands[3] = {};
  for (int j = 0; j < 3 && i.operands[j] >= 0; ++j)
    operands[j] = getFloats(i.operands[j]);
  const FloatRegister &result = program.floats[i.result];
  i.floats(getFloats(i.result), operands, result.getSize());
  round(result.format, getFloats(i.result), result.getSize());
  return true;
}

bool Warpgroup::executeCopyFloats(const Instruction &i) {
  int32_t source = i.operands[0];
  if (!checkWritable(i, i.result))
    return false;
  std::memcpy(getFloats(i.result), getFloats(source),
              program.floats[source].getSize() * sizeof(float));
  makers[i.result] = makers[source];
  return true;
}

bool Warpgroup::executeAccess(const Instruction &i) {
  const TensorRef &tensor = getTensor(i.operands[0]);
  Format format = machine.grid.launch.kernel.parameters[i.operands[0]].format;
  bool isStore = i.opcode == Opcode::Store;
  if (!checkPredecessor(i, isStore ? "stores" : "loads"))
    return false;
  int32_t reg = isStore ? i.operands[5] : i.result;
  const FloatRegister &info = program.floats[reg];
  if (!isStore && !checkWritable(i, reg))
    return false;
  // In memory; only rows past the end are masked, and columns of a transposed
  // tile.
  int64_t rows = i.transposed ? info.columns : info.rows;
  int64_t columns = i.transposed ? info.rows : info.columns;
  std::array<int64_t, 4> at;
  for (int d = 0; d < 4; ++d) {
    at[d] = scalars[i.operands[d + 1]];
    int64_t last = at[d] + (d == 3 ? columns : d == 2 ? 0 : 1);
    if (i.transposed && d == 3 && at[d] < tensor.sizes[3])
      last = std::min(last, tensor.sizes[3]);
    if (at[d] < 0 || (d != 2 && last > tensor.sizes[d]))
      return fault(
          i,
          llvm::formatv(
              "{0} out of bounds: at [{1}], {2} x {3} elements of a "
              "tensor of [{4}]",
              isStore ? "stores" : "loads",
              llvm::make_range(at.begin(), at.begin() + d + 1), rows, columns,
              llvm::make_range(tensor.sizes.begin(), tensor.sizes.end())));
  }
  record({isStore ? Event::Kind::Store : Event::Kind::Load, 0, 0, 0,
          double(info.getSize() * getBytes(format))});
  std::vector<float> turned;
  float *values = getFloats(reg);
  if (i.transposed) {
    turned.resize(info.getSize());
    transpose(turned.data(), values, info.rows, info.columns);
    values = turned.data();
  }
  int64_t present = std::min(columns, tensor.sizes[3] - at[3]);
  for (int64_t row = 0; row < rows; ++row, values += columns) {
    if (!isStore)
      std::fill_n(values, columns, 0.0f);
    if (at[2] + row >= tensor.sizes[2])
      continue;
    int64_t offset = at[0] * tensor.strides[0] + at[1] * tensor.strides[1] +
                     (at[2] + row) * tensor.strides[2] +
                     at[3] * tensor.strides[3];
    char *address =
        static_cast<char *>(tensor.data) + offset * getBytes(format);
    if (isStore)
      encode(format, values, address, present);
    else
      decode(format, address, values, present);
  }
  if (i.transposed && !isStore)
    transpose(getFloats(reg), turned.data(), rows, columns);
  return true;
}
