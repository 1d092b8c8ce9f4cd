//===- Transfers.cpp - Rings and products of a warpgroup ------------------===//
//
/// \file
/// Put, get, release, wgmma and wait, with the rules of each. A product is
/// computed when it is issued; what it reads and makes stays guarded until a
/// wait completes it, as on the hardware.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

std::string Warpgroup::describeSlot(const SlotValue &value) const {
  return llvm::formatv("slot {0} of ring \"{1}\"", value.slot,
                       block.rings[value.ring].info->name);
}

/// "consumers 0 and 1", of those for which `isIn` holds.
static std::string listConsumers(int64_t count,
                                 llvm::function_ref<bool(int64_t)> isIn) {
  SmallVector<std::string> names;
  for (int64_t i = 0; i < count; ++i)
    if (isIn(i))
      names.push_back(std::to_string(i));
  if (names.empty())
    return "no consumer";
  return (names.size() == 1 ? "consumer " : "consumers ") +
         llvm::join(names, ", ");
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

void Warpgroup::fetch(const Instruction &i, Slot &slot, const RingInfo &info) {
  const TensorRef &tensor = getTensor(i.operands[0]);
  std::array<int64_t, 4> at;
  for (int d = 0; d < 4; ++d)
    at[d] = scalars[i.operands[d + 1]];
  // The columns of the tile that the tensor has.
  int64_t begin = std::clamp<int64_t>(-at[3], 0, info.columns);
  int64_t end =
      std::clamp<int64_t>(tensor.sizes[3] - at[3], begin, info.columns);
  float *dest = slot.data.data();
  for (int64_t row = 0; row < info.rows; ++row, dest += info.columns) {
    int64_t index = at[2] + row;
    if (index < 0 || index >= tensor.sizes[2] || begin == end) {
      std::fill_n(dest, info.columns, 0.0f);
      continue;
    }
    std::fill_n(dest, begin, 0.0f);
    int64_t offset = at[0] * tensor.strides[0] + at[1] * tensor.strides[1] +
                     index * tensor.strides[2] +
                     (at[3] + begin) * tensor.strides[3];
    decode(info.format,
           static_cast<char *>(tensor.data) + offset * getBytes(info.format),
           dest + begin, end - begin);
    std::fill_n(dest + end, info.columns - end, 0.0f);
  }
}

bool Warpgroup::executePut(const Instruction &i) {
  Ring &ring = block.rings[i.operands[5]];
  const RingInfo &info = *ring.info;
  const TensorRef &tensor = getTensor(i.operands[0]);
  for (int d = 0; d < 4; ++d) {
    // TMA clips a tile at the edge; one that lies beyond it is a wrong address.
    int64_t at = scalars[i.operands[d + 1]];
    int64_t extent = d == 2 ? info.rows : d == 3 ? info.columns : 1;
    static const char *const names[] = {"batch (0)", "head (1)", "row (2)",
                                        "column (3)"};
    if (at >= tensor.sizes[d] || at + extent <= 0)
      return fault(
          i, llvm::formatv("puts a tile that lies outside of its tensor into "
                           "ring \"{0}\": coordinate {1} is {2}, the tile has "
                           "{3} there and the tensor {4}",
                           info.name, names[d], at, extent, tensor.sizes[d]));
  }

  std::unique_lock<std::mutex> lock(machine.mutex);
  int64_t number = ring.puts;
  SlotValue value{i.operands[5], number % info.slots, number / info.slots};
  Slot &slot = ring.slots[value.slot];
  int64_t consumers = slot.got.size();
  if (!machine.waitUntil(
          lock, *this, i.location, [&] { return slot.emptied >= value.use; },
          [&] {
            auto holds = [&](int64_t c) {
              return slot.released[c] < value.use;
            };
            return llvm::formatv(
                       "for {0} to be empty, to put tile {1}: {2} has not "
                       "released tile {3}",
                       describeSlot(value), number,
                       listConsumers(consumers, holds), number - info.slots)
                .str();
          }))
    return false;
  for (int64_t c = 0; c < consumers; ++c)
    if (slot.released[c] < value.use) {
      lock.unlock();
      return fault(i, llvm::formatv("overwrites {0} before its release: "
                                    "consumer {1} {2} tile {3}",
                                    describeSlot(value), c,
                                    slot.got[c] < value.use ? "has not got"
                                                            : "still holds",
                                    number - info.slots));
    }
  // Nobody looks at an empty slot.
  lock.unlock();
  fetch(i, slot, info);
  lock.lock();
  record({Event::Kind::Put, value.ring, value.slot, value.use,
          double(info.rows * info.columns * getBytes(info.format))});
  ++ring.puts;
  slot.setFilled();
  machine.notify();
  return true;
}

bool Warpgroup::executeGet(const Instruction &i) {
  Ring &ring = block.rings[i.operands[0]];
  int64_t self = std::max<int64_t>(consumer, 0);
  std::unique_lock<std::mutex> lock(machine.mutex);
  int64_t number = ring.gets[self];
  SlotValue value{i.operands[0], number % ring.info->slots,
                  number / ring.info->slots};
  Slot &slot = ring.slots[value.slot];
  if (!machine.waitUntil(
          lock, *this, i.location, [&] { return slot.filled > value.use; },
          [&] {
            return llvm::formatv("for {0} to be full, to get tile {1}: {2} "
                                 "tiles were put",
                                 describeSlot(value), number, ring.puts)
                .str();
          }))
    return false;
  ++ring.gets[self];
  ++slot.got[self];
  record({Event::Kind::Get, value.ring, value.slot, value.use});
  slots[i.result] = value;
  return true;
}

Slot *Warpgroup::getReadable(const Instruction &i, const SlotValue &value) {
  Slot &slot = block.rings[value.ring].slots[value.slot];
  int64_t self = std::max<int64_t>(consumer, 0);
  // Only this thread changes its own counts.
  if (slot.got[self] <= value.use) {
    fault(i, "reads " + describeSlot(value) + " before its data has arrived");
    return nullptr;
  }
  if (slot.released[self] > value.use) {
    fault(i, "reads " + describeSlot(value) + " after its release");
    return nullptr;
  }
  return &slot;
}

bool Warpgroup::executeRelease(const Instruction &i) {
  const SlotValue &value = slots[i.operands[0]];
  Slot &slot = block.rings[value.ring].slots[value.slot];
  int64_t self = std::max<int64_t>(consumer, 0);
  if (slot.released[self] > value.use)
    return fault(i, "releases " + describeSlot(value) +
                        " a second time: the producer may overwrite what "
                        "another consumer still reads");
  int64_t reader = slotReaders[value.ring][value.slot];
  if (reader > completed)
    return fault(i, "releases " + describeSlot(value) + " while product " +
                        Twine(reader) + ", which reads it, is in flight");
  record({Event::Kind::Release, value.ring, value.slot, value.use});
  std::lock_guard<std::mutex> guard(machine.mutex);
  ++slot.released[self];
  if (++slot.arrivals == int64_t(slot.released.size())) {
    slot.arrivals = 0;
    ++slot.emptied;
    machine.notify();
  }
  return true;
}

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
  int64_t product = issued + 1;
  if (i.operands[0] >= 0) {
    const SlotValue &value = slots[i.operands[0]];
    Slot *slot = getReadable(i, value);
    if (!slot)
      return false;
    const RingInfo &aInfo = *block.rings[value.ring].info;
    int64_t row = i.operands[1] < 0 ? 0 : scalars[i.operands[1]];
    if (row < 0 || row + info.rows > aInfo.rows)
      return fault(i, llvm::formatv("reads rows {0} to {1} of {2}, which has "
                                    "{3}",
                                    row, row + info.rows - 1,
                                    describeSlot(value), aInfo.rows));
    a = slot->data.data() + row * aInfo.columns;
    slotReaders[value.ring][value.slot] = product;
  } else {
    a = getFloats(i.operands[2]);
    readers[i.operands[2]] = product;
  }
  slotReaders[b.ring][b.slot] = product;

  float *dest = getFloats(i.result);
  if (i.operands[4] >= 0)
    std::memcpy(dest, getFloats(i.operands[4]), info.getSize() * sizeof(float));
  else
    std::fill_n(dest, info.getSize(), 0.0f);
  multiply(dest, a, depth,
           i.transposed ? bSlot->getTransposed(bInfo) : bSlot->data.data(),
           info.rows, info.columns, depth);
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
