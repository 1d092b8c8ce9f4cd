//===- PushedShares.cpp - Pieces that push shares -------------------------===//
//
/// \file
/// Inboxes of shares. In each there is a tile for every piece, of which the
/// elements of the block's share arrive.
//
//===----------------------------------------------------------------------===//

#include "Warpgroup.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "llvm/Support/FormatVariadic.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

/// Bytes of a share of the tile.
static int64_t getShareBytes(const InboxInfo &info, int64_t share) {
  int64_t units = countUnits(info.columns);
  return share < units
             ? (units - 1 - share) / info.pieces * kUnitBytes + kUnitBytes
             : 0;
}

bool Warpgroup::executePushShares(const Instruction &i) {
  const InboxInfo &info = *machine.grid.launch.kernel.inbox;
  const float *values = getFloats(i.operands[0]);
  int64_t piece = scalars[i.operands[2]];
  if (!hasAwaitedCluster)
    return fault(i, "sends shares to blocks that may not have begun: it has "
                    "not awaited its cluster");
  if (piece < 0 || piece >= info.pieces)
    return fault(i, llvm::formatv("sends shares as piece {0} of {1}", piece,
                                  info.pieces));
  int64_t bytes = 0;
  std::unique_lock<std::mutex> lock(machine.mutex);
  for (int64_t share = 0; share < info.pieces; ++share) {
    if (share == piece)
      continue;
    InboxPart &part = machine.getGroup()[share]->inbox[getPart()];
    if (++part.sent[piece * info.rows] > 1) {
      lock.unlock();
      return fault(i, llvm::formatv("sends the share of piece {0} of piece {1} "
                                    "a second time",
                                    share, piece));
    }
    float *tile = part.data.data() + piece * info.rows * info.columns;
    for (int64_t row = 0; row < info.rows; ++row)
      for (int64_t column = 0; column < info.columns; ++column)
        if (getShare(row, column, info.pieces) == share)
          tile[row * info.columns + column] =
              values[row * info.columns + column];
    part.received += getShareBytes(info, share);
    bytes += getShareBytes(info, share);
  }
  machine.notify();
  lock.unlock();
  record({Event::Kind::Push, 0, 0, 0, double(bytes)});
  return true;
}

bool Warpgroup::executeSumPushedShares(const Instruction &i) {
  if (!checkPredecessor(i, "stores what was pushed"))
    return false;
  const InboxInfo &info = *machine.grid.launch.kernel.inbox;
  const TensorRef &dest = getTensor(i.operands[3]);
  Format format = machine.grid.launch.kernel.parameters[i.operands[3]].format;
  const float *values = getFloats(i.operands[0]);
  int64_t own = scalars[i.operands[2]], batch = scalars[i.operands[4]],
          head = scalars[i.operands[5]], first = scalars[i.operands[6]];
  if (!checkPlaceOfSum(i, dest, own, {batch, head, first}))
    return false;
  InboxPart &part = getInbox();
  {
    std::unique_lock<std::mutex> lock(machine.mutex);
    if (part.expected) {
      lock.unlock();
      return fault(i, "says a second time what it expects in its inbox");
    }
    part.expected = (info.pieces - 1) * getShareBytes(info, own);
    machine.notify();
    if (!awaitInbox(lock, i))
      return false;
    for (int64_t piece = 0; *part.expected && piece < info.pieces; ++piece)
      if (piece != own && !part.sent[piece * info.rows]) {
        lock.unlock();
        return fault(i, llvm::formatv("sums shares, of which piece {0} has not "
                                      "sent its part",
                                      piece));
      }
  }
  int64_t summed = 0;
  for (int64_t row = 0; row < info.rows && first + row < dest.sizes[2]; ++row)
    for (int64_t column = 0; column < info.columns; ++column) {
      if (getShare(row, column, info.pieces) != own)
        continue;
      int64_t at = row * info.columns + column;
      float sum = 0;
      for (int64_t piece = 0; piece < info.pieces; ++piece) {
        float value = piece == own
                          ? values[at]
                          : part.data[piece * info.rows * info.columns + at];
        sum = piece ? sum + value : value;
      }
      storeSum(i, i.operands[3], {batch, head, first + row, column}, sum);
      ++summed;
    }
  record({Event::Kind::Store, 0, 0, 0, double(summed * getBytes(format))});
  return true;
}
