//===- SplitSum.h - The sum over the pieces of a split --------*- C++ -*-===//
//
/// \file
/// Recognises what flashmhf-split-dff leaves around a loop over pieces.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_SPLITSUM_H
#define FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_SPLITSUM_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {

/// The loop that adds partial sums up.
struct SplitSum {
  memref::AllocOp workspace; ///< [P, B, H, L, D] of f32.
  scf::ForallOp forall;
  Value output;             ///< The tensor that it writes.
  bool accumulates = false; ///< It adds to what the output holds.
};

/// The sum of the partial tiles `partial` that `pieces` writes. Diagnoses on
/// failure, on `op` where there is no such loop.
FailureOr<SplitSum> matchSplitSum(scf::ForallOp pieces, flashmhf::MHFFNOp op,
                                  Value partial);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_FLASHMHFTOHOPPER_SPLITSUM_H
