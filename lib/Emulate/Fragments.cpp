//===- Fragments.cpp - Rows and columns of tiles in registers -------------===//
//
/// \file
/// What a warpgroup does with tiles besides element-wise operations.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

bool Warpgroup::executeScaleBy(const Instruction &i) {
  bool adds = i.opcode == Opcode::AddScaled;
  if (adds && !scalars[i.operands[3]])
    return executeCopyFloats(i);
  if (!checkWritable(i, i.result))
    return false;
  recordCompute(i);
  const FloatRegister &info = program.floats[i.result];
  const float *sum = getFloats(i.operands[0]);
  const float *source = getFloats(i.operands[adds]);
  const float *factors = getFloats(i.operands[adds + 1]);
  float *dest = getFloats(i.result);
  bool byRow = i.opcode != Opcode::ColumnScale;
  for (int64_t row = 0; row < info.rows; ++row)
    for (int64_t column = 0; column < info.columns; ++column) {
      int64_t at = row * info.columns + column;
      double scaled = double(source[at]) * factors[byRow ? row : column];
      dest[at] = float(adds ? scaled + sum[at] : scaled);
    }
  return true;
}

bool Warpgroup::executeRead(const Instruction &i) {
  Slot *slot = getReadable(i, slots[i.operands[0]]);
  if (!slot || !checkWritable(i, i.result))
    return false;
  llvm::copy(slot->data, getFloats(i.result));
  return true;
}

bool Warpgroup::executeTakeColumns(const Instruction &i) {
  if (!checkWritable(i, i.result))
    return false;
  const FloatRegister &part = program.floats[i.result];
  const FloatRegister &whole = program.floats[i.operands[0]];
  const float *source = getFloats(i.operands[0]) + i.target;
  float *dest = getFloats(i.result);
  for (int64_t row = 0; row < part.rows; ++row)
    std::copy_n(source + row * whole.columns, part.columns,
                dest + row * part.columns);
  return true;
}

bool Warpgroup::executeSetColumns(const Instruction &i) {
  if (!checkWritable(i, i.result))
    return false;
  const FloatRegister &part = program.floats[i.operands[0]];
  const FloatRegister &whole = program.floats[i.result];
  std::copy_n(getFloats(i.operands[1]), whole.getSize(), getFloats(i.result));
  const float *source = getFloats(i.operands[0]);
  float *dest = getFloats(i.result) + i.target;
  for (int64_t row = 0; row < part.rows; ++row)
    std::copy_n(source + row * part.columns, part.columns,
                dest + row * whole.columns);
  return true;
}
