//===- Rings.cpp - Puts, gets and releases of a warpgroup -----------------===//
//
/// \file
/// What a warpgroup does with the slots of rings, and the rules of each. A slot
/// is full when the block has put its tile and every block that fills it has
/// delivered its share; it is empty when the consumers of all of them have
/// released it.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

std::string Warpgroup::describeSlot(const SlotValue &value) const {
  return llvm::formatv("slot {0} of ring \"{1}\"", value.slot,
                       block.rings[value.ring].info->name);
}

/// "consumers 0, 1", or "consumer 1 of block 3", for those that have not
/// released `use` of a slot that `fillers` share.
static std::string listHolders(ArrayRef<ThreadBlock *> fillers,
                               const SlotValue &value) {
  SmallVector<std::string> names;
  for (ThreadBlock *block : fillers) {
    const Slot &slot = block->rings[value.ring].slots[value.slot];
    for (auto [consumer, released] : llvm::enumerate(slot.released))
      if (block->rings[value.ring].info->isFor(consumer) &&
          released < value.use)
        names.push_back(fillers.size() == 1
                            ? std::to_string(consumer)
                            : llvm::formatv("consumer {0} of block {1}",
                                            consumer, block->number)
                                  .str());
  }
  if (names.empty())
    return "no consumer";
  StringRef prefix = fillers.size() > 1  ? ""
                     : names.size() == 1 ? "consumer "
                                         : "consumers ";
  return prefix.str() + llvm::join(names, ", ");
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

void Warpgroup::fetch(const Instruction &i, const RingInfo &info,
                      ArrayRef<Slot *> targets) {
  const TensorRef &tensor = getTensor(i.operands[0]);
  auto [height, width, unused] = i.tiles;
  int64_t across = info.columns / width;
  int64_t share = info.rows / height * across / info.cluster;
  int64_t firstTransfer = info.cluster > 1 ? block.rank * share : 0;
  std::vector<float> line(width);
  for (int64_t t = firstTransfer; t < firstTransfer + share; ++t) {
    std::array<int64_t, 4> at;
    for (int d = 0; d < 4; ++d)
      at[d] = getCoordinate(i, d);
    int64_t down = t / across * height, along = t % across * width;
    at[3] += along;
    // The columns of the part that the tensor has.
    int64_t begin = std::clamp<int64_t>(-at[3], 0, width);
    int64_t end = std::clamp<int64_t>(tensor.sizes[3] - at[3], begin, width);
    for (int64_t row = down; row < down + height; ++row) {
      int64_t index = at[2] + row;
      llvm::fill(line, 0.0f);
      if (index >= 0 && index < tensor.sizes[2] && begin < end) {
        int64_t offset = at[0] * tensor.strides[0] + at[1] * tensor.strides[1] +
                         index * tensor.strides[2] +
                         (at[3] + begin) * tensor.strides[3];
        decode(info.format,
               static_cast<char *>(tensor.data) +
                   offset * getBytes(info.format),
               line.data() + begin, end - begin);
      }
      for (Slot *slot : targets)
        llvm::copy(line, slot->data.begin() + row * info.columns + along);
    }
  }
}

bool Warpgroup::checkTile(const Instruction &i, const RingInfo &info) {
  const TensorRef &tensor = getTensor(i.operands[0]);
  const Launch &launch = machine.grid.launch;
  for (int d = 0; d < 4; ++d) {
    // TMA clips a tile at the edge; one that lies beyond it is a wrong address,
    // but for the blocks that only fill up a cluster, and for parts of a tile.
    int64_t at = scalars[i.operands[d + 1]];
    int64_t extent = d == 2   ? info.rows * info.parts
                     : d == 3 ? info.columns
                              : 1;
    int64_t size = tensor.sizes[d];
    if (d == 2 && launch.cluster > 1 && info.cluster == 1)
      size = llvm::alignTo(size, launch.cluster * launch.tiles[2]);
    static const char *const names[] = {"batch (0)", "head (1)", "row (2)",
                                        "column (3)"};
    if (at >= size || at + extent <= 0)
      return fault(
          i, llvm::formatv("puts a tile that lies outside of its tensor into "
                           "ring \"{0}\": coordinate {1} is {2}, the tile has "
                           "{3} there and the tensor {4}",
                           info.name, names[d], at, extent, tensor.sizes[d]));
  }
  return true;
}

bool Warpgroup::checkPut(const Instruction &i, ArrayRef<ThreadBlock *> fillers,
                         const SlotValue &value) {
  const RingInfo &info = *block.rings[value.ring].info;
  int64_t last = (value.use - 1) * info.slots + value.slot;
  Tile tile = {i.operands[0]};
  for (int d = 0; d < 4; ++d)
    tile[d + 1] = getCoordinate(i, d);
  std::string message;
  {
    std::lock_guard<std::mutex> guard(machine.mutex);
    for (ThreadBlock *other : fillers) {
      std::string where =
          other == &block ? "" : " of block " + std::to_string(other->number);
      Slot &slot = other->rings[value.ring].slots[value.slot];
      for (auto [consumer, released] : llvm::enumerate(slot.released))
        if (message.empty() && info.isFor(consumer) && released < value.use)
          message = llvm::formatv(
              "overwrites {0}{1} before its release: consumer {2} {3} tile {4}",
              describeSlot(value), where, consumer,
              slot.got[consumer] < value.use ? "has not got" : "still holds",
              last);
      if (message.empty() && slot.isPut && slot.tile != tile)
        message = llvm::formatv(
            "puts another tile into {0} than block {1}: argument #{2} at [{3}] "
            "instead of argument #{4} at [{5}]",
            describeSlot(value), other->number, tile[0],
            llvm::make_range(tile.begin() + 1, tile.end()), slot.tile[0],
            llvm::make_range(slot.tile.begin() + 1, slot.tile.end()));
    }
    Slot &own = block.rings[value.ring].slots[value.slot];
    own.tile = tile;
    own.isPut = true;
  }
  return message.empty() || fault(i, message);
}

bool Warpgroup::executePut(const Instruction &i) {
  Ring &ring = block.rings[i.operands[5]];
  const RingInfo &info = *ring.info;
  if (!checkTile(i, info) ||
      (!holdsWeights(info.name) &&
       !checkPredecessor(i, "fetches a tile of " + Twine(info.name))))
    return false;

  ArrayRef<ThreadBlock *> fillers = machine.getFillers(ring, block);
  std::unique_lock<std::mutex> lock(machine.mutex);
  int64_t number = ring.puts;
  SlotValue value{i.operands[5], number % info.slots, number / info.slots};
  Slot &slot = ring.slots[value.slot];
  if (!machine.waitUntil(
          lock, *this, i.location, [&] { return slot.emptied >= value.use; },
          [&] {
            return llvm::formatv(
                       "for {0} to be empty, to put tile {1}: {2} has not "
                       "released tile {3}",
                       describeSlot(value), number, listHolders(fillers, value),
                       number - info.slots)
                .str();
          }))
    return false;
  lock.unlock();
  if (!checkPut(i, fillers, value))
    return false;
  // Nobody looks at an empty slot.
  SmallVector<Slot *> targets;
  for (ThreadBlock *other : fillers)
    targets.push_back(&other->rings[value.ring].slots[value.slot]);
  fetch(i, info, targets);
  lock.lock();
  record({Event::Kind::Put, value.ring, value.slot, value.use,
          double(info.getBytes())});
  ++ring.puts;
  for (Slot *target : targets)
    if (++target->shares == info.cluster && target->isPut)
      target->setFilled();
  machine.notify();
  return true;
}

bool Warpgroup::executeAwaitFirst(const Instruction &i) {
  if (!scalars[i.operands[1]])
    return true;
  Ring &ring = block.rings[i.operands[0]];
  if (ring.puts > ring.info->slots)
    return fault(i,
                 llvm::formatv("awaits the first tile of ring \"{0}\", but "
                               "has put {1} into its {2} slots",
                               ring.info->name, ring.puts, ring.info->slots));
  std::unique_lock<std::mutex> lock(machine.mutex);
  if (!machine.waitUntil(
          lock, *this, i.location,
          [&] { return ring.slots.front().filled > 0; },
          [&] {
            return llvm::formatv("for {0} to be full: {1} tiles were put",
                                 describeSlot({i.operands[0], 0, 0}), ring.puts)
                .str();
          }))
    return false;
  record({Event::Kind::Get, i.operands[0], 0, 0});
  return true;
}

bool Warpgroup::executeGet(const Instruction &i) {
  int64_t self = std::max<int64_t>(consumer, 0);
  int32_t own = i.operands[0] + (i.target > 1 ? self : 0);
  Ring &ring = block.rings[own];
  std::unique_lock<std::mutex> lock(machine.mutex);
  int64_t number = ring.gets[self];
  SlotValue value{own, number % ring.info->slots, number / ring.info->slots};
  value.emptyRing = value.ring;
  value.emptySlot = value.slot;
  Slot &slot = ring.slots[value.slot];
  if (ring.info->isLocal) {
    ++ring.gets[self];
    slots[i.result] = value;
    return true;
  }
  auto describe = [&] {
    std::string text = llvm::formatv(
        "for {0} to be full, to get tile {1}: ", describeSlot(value), number);
    ArrayRef<ThreadBlock *> fillers = machine.getFillers(ring, block);
    if (fillers.size() == 1)
      return text + std::to_string(ring.puts) + " tiles were put";
    SmallVector<std::string> puts;
    for (ThreadBlock *other : fillers)
      puts.push_back(llvm::formatv("block {0} put {1}", other->number,
                                   other->rings[value.ring].puts));
    return text + llvm::join(puts, ", ");
  };
  if (!machine.waitUntil(
          lock, *this, i.location, [&] { return slot.filled > value.use; },
          describe))
    return false;
  ++ring.gets[self];
  ++slot.got[self];
  record({Event::Kind::Get, value.ring, value.slot, value.use});
  slots[i.result] = value;
  return true;
}

/// Addresses count bytes from the start of the block's shared memory.
bool Warpgroup::executeSlotAt(const Instruction &i) {
  int64_t address = scalars[i.operands[0]], empty = scalars[i.operands[1]];
  SlotValue value;
  value.ring = value.emptyRing = -1;
  for (auto [number, ring] : llvm::enumerate(block.rings)) {
    const RingInfo &info = *ring.info;
    int64_t stride = info.getStride();
    int64_t tile = address - info.offset;
    if (tile >= 0 && tile < info.slots * stride && tile % stride == 0 &&
        info.rows == i.tiles[0] && info.columns == i.tiles[1]) {
      value.ring = number;
      value.slot = tile / stride;
    }
    // A local ring has no barriers to give a slot back at.
    if (info.isLocal) {
      if (value.ring == int32_t(number)) {
        value.emptyRing = value.ring;
        value.emptySlot = value.slot;
      }
      continue;
    }
    int64_t barrier = empty - info.barriers - info.slots * kBarrierBytes;
    if (barrier >= 0 && barrier < info.slots * kBarrierBytes &&
        barrier % kBarrierBytes == 0) {
      value.emptyRing = number;
      value.emptySlot = barrier / kBarrierBytes;
    }
  }
  if (value.ring < 0)
    return fault(i, llvm::formatv("takes a slot of {0} x {1} at {2}, where no "
                                  "ring has one",
                                  i.tiles[0], i.tiles[1], address));
  if (value.emptyRing < 0)
    return fault(i, llvm::formatv("takes an empty barrier at {0}, where no "
                                  "ring has one",
                                  empty));
  // The tile that this consumer holds, or the one that it ought to wait for.
  const Slot &slot = block.rings[value.ring].slots[value.slot];
  int64_t self = std::max<int64_t>(consumer, 0);
  value.use = std::max(slot.released[self], slot.got[self] - 1);
  slots[i.result] = value;
  return true;
}

Slot *Warpgroup::getReadable(const Instruction &i, const SlotValue &value) {
  Ring &ring = block.rings[value.ring];
  Slot &slot = ring.slots[value.slot];
  int64_t self = std::max<int64_t>(consumer, 0);
  // Only this thread changes its own counts.
  if (slot.got[self] <= value.use) {
    fault(i, llvm::formatv("reads {0} before its data has arrived: it has not "
                           "{1} tile {2}",
                           describeSlot(value),
                           ring.info->isLocal ? "written" : "waited for",
                           value.use * ring.info->slots + value.slot));
    return nullptr;
  }
  if (slot.released[self] > value.use) {
    fault(i, "reads " + describeSlot(value) + " after " +
                 (ring.info->isLocal ? "another tile was written to it"
                                     : "its release"));
    return nullptr;
  }
  return &slot;
}

bool Warpgroup::executeScale(const Instruction &i) {
  const SlotValue &value = slots[i.operands[0]];
  Slot *slot = getReadable(i, value);
  if (!slot)
    return false;
  int64_t reader = slotReaders[value.ring][value.slot];
  if (reader > completed)
    return fault(i, "scales " + describeSlot(value) + " while product " +
                        Twine(reader) + ", which reads it, is in flight");
  const RingInfo &info = *block.rings[value.ring].info;
  if (info.owner < 0 && machine.grid.launch.kernel.consumers > 1)
    return fault(i, "scales " + describeSlot(value) +
                        ", which other consumers read too");
  for (float &element : slot->data)
    element *= i.factor;
  round(info.format, slot->data.data(), slot->data.size());
  return true;
}

bool Warpgroup::executeWrite(const Instruction &i) {
  const FloatRegister &info = program.floats[i.operands[0]];
  const SlotValue &value = slots[i.operands[1]];
  const RingInfo &ring = *block.rings[value.ring].info;
  Slot &slot = block.rings[value.ring].slots[value.slot];
  int64_t self = std::max<int64_t>(consumer, 0);
  if (!ring.isLocal)
    return fault(i, "writes to " + describeSlot(value) +
                        ", which its producer fills");
  if (slot.got[self] > value.use)
    return fault(i, "writes to " + describeSlot(value) + " a second time");
  // A warp knows of its own products only, and of all at the last meeting.
  if (int64_t reader = slotReaders[value.ring][value.slot];
      reader > completedAtWrite)
    return fault(i, llvm::formatv("writes to {0} while another warp may be at "
                                  "product {1}, which reads it: its wait must "
                                  "be in front of the last write",
                                  describeSlot(value), reader));
  completedAtWrite = completed;
  record({Event::Kind::Compute, 0, 0, 0, double(info.getSize())});
  transpose(slot.data.data(), getFloats(i.operands[0]), info.rows,
            info.columns);
  slot.setFilled();
  slot.got[self] = value.use + 1;
  slot.released[self] = value.use;
  return true;
}

bool Warpgroup::executeRelease(const Instruction &i) {
  const SlotValue &value = slots[i.operands[0]];
  Slot &slot = block.rings[value.ring].slots[value.slot];
  int64_t self = std::max<int64_t>(consumer, 0);
  if (slot.got[self] <= value.use)
    return fault(i,
                 "releases " + describeSlot(value) + ", which it has not got");
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
  Ring &ring = block.rings[value.emptyRing];
  ArrayRef<ThreadBlock *> fillers = machine.getFillers(ring, block);
  int64_t expected =
      ring.info->owner < 0 ? slot.released.size() * fillers.size() : 1;
  for (ThreadBlock *other : fillers) {
    Slot &empty = other->rings[value.emptyRing].slots[value.emptySlot];
    if (++empty.arrivals == expected) {
      empty.arrivals = 0;
      ++empty.emptied;
    }
  }
  machine.notify();
  return true;
}
