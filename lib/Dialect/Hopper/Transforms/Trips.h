//===- Trips.h - How often a loop runs --------------------------*- C++ -*-===//
//
/// \file
/// What the bounds of a loop say about its number of trips.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_DIALECT_HOPPER_TRANSFORMS_TRIPS_H
#define FLASHMHF_LIB_DIALECT_HOPPER_TRANSFORMS_TRIPS_H

#include "mlir/Dialect/SCF/IR/SCF.h"

namespace mlir::hopper {

struct Trips {
  int64_t least = 0;
  bool isExact = false; ///< There are no more than that.
};

/// The trips of `loop`: exact where its bounds are a constant apart; else the
/// proof that there is one, which the bounds of a piece allow, or nothing.
Trips countTrips(scf::ForOp loop);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_DIALECT_HOPPER_TRANSFORMS_TRIPS_H
