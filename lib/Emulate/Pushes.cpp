//===- Pushes.cpp - Pieces that push their sums ---------------------------===//
//
/// \file
/// Inboxes: rows arrive from every block of the cluster and are counted in
/// bytes. What the hardware would lose, mix up or never finish is a fault: rows
/// for a block that may not have begun, rows that arrive twice or not at all,
/// another number of bytes than was expected, and the end of a block that
/// others still write to.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "llvm/Support/FormatVariadic.h"

#include <cstring>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

bool Warpgroup::executeOwnedRows(const Instruction &i) {
  int64_t piece = scalars[i.operands[0]], row = scalars[i.operands[2]];
  int64_t tokens = getTensor(i.operands[1]).sizes[2];
  if (row < 0)
    return fault(i, llvm::formatv("owns rows of a tile at row {0}", row));
  int64_t left = std::clamp<int64_t>(tokens - row, 0, i.tiles[0]);
  if (piece < 0 || piece >= i.target)
    return fault(i, llvm::formatv("is piece {0} of {1}", piece, i.target));
  scalars[i.result] = (left + i.target - 1 - piece) / i.target;
  return true;
}

bool Warpgroup::executeExpect(const Instruction &i) {
  const InboxInfo &info = *machine.grid.launch.kernel.inbox;
  int64_t rows = scalars[i.operands[1]];
  if (rows < 0 || rows > info.rows)
    return fault(i, llvm::formatv("expects {0} rows of each piece, but its "
                                  "inbox has room for {1}",
                                  rows, info.rows));
  std::unique_lock<std::mutex> lock(machine.mutex);
  InboxPart &part = getInbox();
  if (part.expected) {
    lock.unlock();
    return fault(i, "says a second time what it expects in its inbox");
  }
  part.expected = rows * info.pieces * info.getRowBytes();
  machine.notify();
  return true;
}

bool Warpgroup::executePush(const Instruction &i) {
  const InboxInfo &info = *machine.grid.launch.kernel.inbox;
  const FloatRegister &value = program.floats[i.operands[0]];
  int64_t piece = scalars[i.operands[2]], first = scalars[i.operands[3]];
  int64_t tokens = getTensor(i.operands[4]).sizes[2];
  if (!hasAwaitedCluster)
    return fault(i, "sends rows to blocks that may not have begun: it has not "
                    "awaited its cluster");
  if (piece < 0 || piece >= info.pieces || first < 0)
    return fault(i, llvm::formatv("sends the rows from {0} on as piece {1} of "
                                  "{2}",
                                  first, piece, info.pieces));
  int64_t height = value.rows, width = value.columns;
  std::vector<float> turned;
  if (i.transposed) {
    turned.resize(value.getSize());
    transpose(turned.data(), getFloats(i.operands[0]), height, width);
    std::swap(height, width);
  }
  int64_t rows = std::clamp<int64_t>(tokens - first, 0, height);
  record({Event::Kind::Push, 0, 0, 0, double(rows * info.getRowBytes())});
  const float *values = i.transposed ? turned.data() : getFloats(i.operands[0]);
  std::unique_lock<std::mutex> lock(machine.mutex);
  for (int64_t row = 0; row < rows; ++row, values += width) {
    int64_t place = row / info.pieces;
    ThreadBlock &owner = *machine.getGroup()[row % info.pieces];
    InboxPart &part = owner.inbox[getPart()];
    int64_t number = piece * info.rows + place;
    if (place >= info.rows || ++part.sent[number] > 1) {
      lock.unlock();
      if (place >= info.rows)
        return fault(i, llvm::formatv("sends row {0} to block {1}, whose inbox "
                                      "has room for {2} rows of a piece",
                                      row, owner.number, info.rows));
      return fault(i, llvm::formatv("sends row {0} of piece {1} to block {2} a "
                                    "second time",
                                    row, piece, owner.number));
    }
    std::memcpy(part.data.data() + number * info.columns, values,
                info.getRowBytes());
    part.received += info.getRowBytes();
  }
  machine.notify();
  return true;
}

bool Warpgroup::awaitInbox(std::unique_lock<std::mutex> &lock,
                           const Instruction &i) {
  InboxPart &part = getInbox();
  part.isRead = true;
  record({Event::Kind::Receive});
  return machine.waitUntil(
      lock, *this, i.location, [&] { return part.isComplete(); },
      [&] {
        if (!part.expected)
          return std::string("for an inbox of which nobody has said what "
                             "to expect");
        return llvm::formatv("for {0} of {1} bytes in its inbox",
                             *part.expected - part.received, *part.expected)
            .str();
      });
}

bool Warpgroup::checkPlaceOfSum(const Instruction &i, const TensorRef &dest,
                                int64_t piece, std::array<int64_t, 3> at) {
  int64_t pieces = machine.grid.launch.kernel.inbox->pieces;
  auto [batch, head, row] = at;
  if (piece >= 0 && piece < pieces && batch >= 0 && batch < dest.sizes[0] &&
      head >= 0 && head < dest.sizes[1] && row >= 0)
    return true;
  return fault(
      i, llvm::formatv("stores as piece {0} of {1} to [{2}, {3}, "
                       "{4}] of a tensor of [{5}]",
                       piece, pieces, batch, head, row,
                       llvm::make_range(dest.sizes.begin(), dest.sizes.end())));
}

bool Warpgroup::executeSumPushed(const Instruction &i) {
  if (!checkPredecessor(i, "stores what was pushed"))
    return false;
  const InboxInfo &info = *machine.grid.launch.kernel.inbox;
  const TensorRef &dest = getTensor(i.operands[1]);
  Format format = machine.grid.launch.kernel.parameters[i.operands[1]].format;
  int64_t batch = scalars[i.operands[2]], head = scalars[i.operands[3]],
          first = scalars[i.operands[4]], piece = scalars[i.operands[5]],
          rows = scalars[i.operands[6]], width = info.columns;
  InboxPart &part = getInbox();
  {
    std::unique_lock<std::mutex> lock(machine.mutex);
    if (!awaitInbox(lock, i))
      return false;
  }
  if (rows > info.rows)
    return fault(i, llvm::formatv("adds up {0} rows of each piece, but its "
                                  "inbox has room for {1}",
                                  rows, info.rows));
  if (!checkPlaceOfSum(i, dest, piece, {batch, head, first}))
    return false;
  std::vector<float> sum(width);
  for (int64_t k = 0; k < rows; ++k) {
    int64_t index = first + piece + k * info.pieces;
    if (index >= dest.sizes[2])
      return fault(
          i, llvm::formatv("stores row {0} of {1}", index, dest.sizes[2]));
    // Where fewer bytes were expected than are sent, others still write.
    std::unique_lock<std::mutex> lock(machine.mutex);
    for (int64_t p = 0; p < info.pieces; ++p) {
      int64_t number = p * info.rows + k;
      if (!part.sent[number]) {
        lock.unlock();
        return fault(i, llvm::formatv("sums row {0}, of which piece {1} has "
                                      "not sent its part",
                                      index, p));
      }
      const float *values = part.data.data() + number * width;
      for (int64_t column = 0; column < width; ++column)
        sum[column] = p ? sum[column] + values[column] : values[column];
    }
    lock.unlock();
    storeSum(i, i.operands[1], {batch, head, index, 0}, sum);
    record({Event::Kind::Store, 0, 0, 0, double(width * getBytes(format))});
  }
  return true;
}

bool Warpgroup::checkInboxAtEnd(const Instruction &end) {
  if (block.inbox.empty() || consumer < 0)
    return true;
  std::unique_lock<std::mutex> lock(machine.mutex);
  InboxPart &part = getInbox();
  if (part.isRead || part.expected.value_or(0) == 0)
    return true;
  int64_t expected = *part.expected;
  lock.unlock();
  return fault(end, llvm::formatv("ends before {0} bytes that others send to "
                                  "its memory have arrived: it has not waited "
                                  "for them",
                                  expected));
}
