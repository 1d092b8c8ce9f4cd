//===- VariantRule.h - Which of several variants is taken -------*- C++ -*-===//
//
/// \file
/// The rule by which a program of several variants takes one, as plain numbers:
/// flashmhf.pick_variant, the launch contract and the emulator go by it alike.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_VARIANTRULE_H
#define FLASHMHF_DIALECT_FLASHMHF_IR_VARIANTRULE_H

#include "llvm/Support/MathExtras.h"
#include <cstdint>
#include <vector>

namespace mlir::flashmhf {

/// Sizes for which one variant is taken: B L is at most `tokens`, and
/// B ceildiv(L, tile) at most `tiles`.
struct VariantCase {
  int64_t tokens = 0;
  int64_t tile = 1;
  int64_t tiles = 0;
  int64_t variant = 0;

  /// For sizes that are not negative.
  bool holds(int64_t batch, int64_t length) const {
    uint64_t perBatch = llvm::divideCeil(uint64_t(length), uint64_t(tile));
    return llvm::SaturatingMultiply<uint64_t>(batch, length) <=
               uint64_t(tokens) &&
           llvm::SaturatingMultiply<uint64_t>(batch, perBatch) <=
               uint64_t(tiles);
  }
};

/// The variant of the first case that holds, else `otherwise`.
struct VariantRule {
  std::vector<VariantCase> cases;
  int64_t otherwise = 0;

  int64_t getVariant(int64_t batch, int64_t length) const {
    for (const VariantCase &each : cases)
      if (each.holds(batch, length))
        return each.variant;
    return otherwise;
  }
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_VARIANTRULE_H
