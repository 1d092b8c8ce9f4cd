//===- Split.h - Pieces of a sum over d_ff ----------------------*- C++ -*-===//
//
/// \file
/// How `split` of a schedule deals the tiles of d_ff out to pieces.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_SPLIT_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_SPLIT_H

#include "llvm/Support/MathExtras.h"
#include <algorithm>
#include <cstdint>

namespace mlir::flashmhf {

/// The tiles of `dffTile` rows in `subNetworks` (E) times `width` (F) rows of
/// d_ff; none spans two sub-networks. Every `split` from 1 to this is legal.
inline int64_t countDffTiles(int64_t subNetworks, int64_t width,
                             int64_t dffTile) {
  if (subNetworks < 1 || width < 1)
    return 0;
  return subNetworks * llvm::divideCeil(width, std::min(dffTile, width));
}

/// The first tile of `piece`, one of `split`; that of piece `split` is `tiles`.
inline int64_t getFirstTile(int64_t piece, int64_t split, int64_t tiles) {
  return piece * tiles / split;
}

/// The largest number of tiles that a piece has.
inline int64_t getMaxTilesOfPiece(int64_t split, int64_t tiles) {
  return llvm::divideCeil(tiles, split);
}

/// Sub-networks that one of `split` pieces has tiles of, at most: wherever the
/// tiles of a piece begin, they come in a row.
inline int64_t countSubNetworksOfPiece(int64_t subNetworks, int64_t width,
                                       int64_t tile, int64_t split) {
  int64_t tiles = countDffTiles(subNetworks, width, tile);
  if (tiles == 0)
    return 0;
  int64_t each = tiles / subNetworks;
  int64_t most = getMaxTilesOfPiece(split, tiles);
  return std::min(subNetworks, (most + each - 2) / each + 1);
}

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_SPLIT_H
