//===- Products.cpp - Turns and products of a warpgroup -------------------===//
//
/// \file
/// A product is computed when it is issued; what it reads and makes stays
/// guarded until a wait completes it, as on the hardware.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>
#include <limits>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

//===----------------------------------------------------------------------===//
// Turns
//===----------------------------------------------------------------------===//

bool Warpgroup::executeTakeTurn(const Instruction &i) {
  std::unique_lock<std::mutex> lock(machine.mutex);
  auto isReady = [&] { return block.turn == consumer && !block.isTurnTaken; };
  if (!machine.waitUntil(lock, *this, i.location, isReady, [&] {
        return "for its turn, which is that of consumer " +
               std::to_string(block.turn) +
               (block.isTurnTaken ? ", not passed on yet" : "");
      }))
    return false;
  block.isTurnTaken = true;
  record({Event::Kind::TakeTurn});
  return true;
}

bool Warpgroup::executePassTurn(const Instruction &i) {
  std::unique_lock<std::mutex> lock(machine.mutex);
  if (block.turn != consumer || !block.isTurnTaken) {
    lock.unlock();
    return fault(i, "passes on a turn that it has not taken");
  }
  block.turn = (consumer + 1) % machine.grid.launch.kernel.consumers;
  block.isTurnTaken = false;
  record({Event::Kind::PassTurn});
  machine.notify();
  return true;
}

//===----------------------------------------------------------------------===//
// Products
//===----------------------------------------------------------------------===//

bool Warpgroup::executeWgmma(const Instruction &i) {
  const FloatRegister &info = program.floats[i.result];
  const SlotValue &b = slots[i.operands[3]];
  const RingInfo &bInfo = *block.rings[b.ring].info;
  Slot *bSlot = getReadable(i, b);
  if (!bSlot || !checkWritable(i, i.result))
    return false;
  int64_t depth = i.transposed ? bInfo.columns : bInfo.rows;

  const float *a;
  // Rows of A that there are, and elements from one to the next.
  int64_t rows = info.rows, stride = depth;
  int64_t product = issued + 1;
  if (i.operands[0] >= 0) {
    const SlotValue &value = slots[i.operands[0]];
    Slot *slot = getReadable(i, value);
    if (!slot)
      return false;
    const RingInfo &aInfo = *block.rings[value.ring].info;
    bool isTransposed = i.target;
    int64_t row = i.operands[1] < 0 ? 0 : scalars[i.operands[1]];
    if (isTransposed) {
      rows = aInfo.columns;
      stride = aInfo.rows;
    } else if (row < 0 || row + info.rows > aInfo.rows) {
      return fault(i, llvm::formatv("reads rows {0} to {1} of {2}, which has "
                                    "{3}",
                                    row, row + info.rows - 1,
                                    describeSlot(value), aInfo.rows));
    }
    a = isTransposed ? slot->getTransposed(aInfo)
                     : slot->data.data() + row * aInfo.columns;
    slotReaders[value.ring][value.slot] = product;
  } else {
    a = getFloats(i.operands[2]);
    readers[i.operands[2]] = product;
  }
  slotReaders[b.ring][b.slot] = product;

  float *dest = getFloats(i.result);
  if (i.operands[4] >= 0 && (i.operands[5] < 0 || scalars[i.operands[5]]))
    std::memcpy(dest, getFloats(i.operands[4]), info.getSize() * sizeof(float));
  else
    std::fill_n(dest, info.getSize(), 0.0f);
  multiply(dest, a, stride,
           i.transposed ? bSlot->getTransposed(bInfo) : bSlot->data.data(),
           rows, info.columns, depth);
  // What lies behind A is read, and must not be used.
  std::fill(dest + rows * info.columns, dest + info.getSize(),
            std::numeric_limits<float>::quiet_NaN());
  record(
      {Event::Kind::Product, 0, 0, 0, 2.0 * info.rows * info.columns * depth});
  makers[i.result] = issued = product;
  return true;
}

bool Warpgroup::executeWait(const Instruction &i) {
  int64_t product = makers[i.operands[0]];
  completed = std::max(completed, issued - i.target);
  if (product > completed)
    return fault(i, llvm::formatv("uses the result of product {0} in flight: "
                                  "its wait leaves {1} products running, but "
                                  "only {2} were issued after it",
                                  product, i.target, issued - product));
  record({Event::Kind::Wait, 0, 0, completed});
  return executeCopyFloats(i);
}
