//===- StreamK.h - Who computes which steps of which tile -------*- C++ -*-===//
//
/// \file
/// The arithmetic of hopper.work_range and hopper.work_item.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_HOPPER_IR_STREAMK_H
#define FLASHMHF_DIALECT_HOPPER_IR_STREAMK_H

#include <algorithm>
#include <cstdint>

namespace mlir::hopper {

/// Blocks of a launch that shares tiles, at most, and steps of such a tile: the
/// products of both and of themselves fit 32 bits.
inline constexpr int64_t kMaxStreamBlocks = 256;
inline constexpr int64_t kMaxStreamSteps = 1 << 15;
/// Blocks that share a tile, at most, but for two at its ends: each has a
/// partial sum to bring to memory, and one block reads them all.
inline constexpr int64_t kMaxStreamParts = 4;
/// Steps that sharing must save each block: it costs two ends of tiles and a
/// partial sum for one, 3 to 7 us (docs/performance.md).
inline constexpr int64_t kLeastStreamGain = 4;

/// What one block of a persistent grid does. It has `whole` tiles of its own,
/// block + n * blocks. Where blocks share, they have the same number of these,
/// and the `left` tiles that remain are one range of left * steps steps, cut
/// evenly into shares for the first `sharers` blocks. The share of a block may
/// hold the end of a tile, whose number among the remaining ones is `ended`,
/// from step `endFirst` on, and of one more tile, `begun`, the steps from
/// `beginFirst` to `beginLast` - 1 but never its end.
///
/// The block has its whole tiles first: while all blocks are at the same step,
/// L2 answers several at once. Then comes the latter, whose sum it leaves to a
/// block of a higher number, and last the former. So nobody waits for a block
/// that has not started, nor long.
///
/// In clusters all this is of clusters instead of blocks, and a tile is one for
/// each block of a cluster.
struct StreamWork {
  int64_t whole = 0;
  int64_t ended = 0, endFirst = 0;
  int64_t begun = 0, beginFirst = 0, beginLast = 0;
  bool ends = false, begins = false;
  /// Blocks in front of this one that have the first steps of `ended`.
  int64_t givers = 0;
};

/// Blocks that share the `left` tiles. 0 where none do, since nothing is left,
/// not all blocks run at once, or sharing would not pay.
inline int64_t countSharers(int64_t left, int64_t steps, int64_t blocks,
                            bool isResident) {
  int64_t sharers = std::min(blocks, left * std::min(kMaxStreamParts, steps));
  bool pays = left * steps <= (steps - kLeastStreamGain) * sharers;
  return isResident && pays ? sharers : 0;
}

inline StreamWork computeWork(int64_t tiles, int64_t steps, int64_t blocks,
                              int64_t block, bool isResident) {
  StreamWork work;
  work.whole = tiles / blocks;
  int64_t left = tiles % blocks;
  int64_t sharers = countSharers(left, steps, blocks, isResident);
  if (sharers == 0) {
    work.whole += block < left;
    return work;
  }
  int64_t all = left * steps;
  int64_t from = std::min(block, sharers) * all / sharers;
  int64_t to = std::min(block + 1, sharers) * all / sharers;
  work.ended = from / steps;
  work.endFirst = from % steps;
  work.begun = to / steps;
  work.beginFirst = std::max<int64_t>(from - work.begun * steps, 0);
  work.beginLast = to % steps;
  work.ends = work.begun > work.ended;
  work.begins = work.beginLast > work.beginFirst;
  // The first whose share goes beyond the tile's first step.
  if (work.ends && work.endFirst > 0)
    work.givers =
        block + 1 - ((work.ended * steps + 1) * sharers + all - 1) / all;
  return work;
}

} // namespace mlir::hopper

#endif // FLASHMHF_DIALECT_HOPPER_IR_STREAMK_H
