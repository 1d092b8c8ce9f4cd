//===- Units.h - What shares of a tile are made of --------------*- C++ -*-===//
//
/// \file
/// A unit as one thread of a warpgroup holds it: four elements of one of its
/// rows, two in each of two groups of 8 columns. In memory it is 16 bytes,
/// stored and loaded by threads of the same number: nothing is traded between
/// lanes but sums. See `countUnits`.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_UNITS_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_UNITS_H

#include "Fragment.h"
#include "IndexBuilder.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

namespace mlir::hopper {

/// Bytes of a unit that one thread holds.
inline constexpr int64_t kThreadUnitBytes = kUnitBytes / kWarpgroupThreads;

/// Unit `unit` of the elements of a fragment.
SmallVector<Value> getUnit(ValueRange values, int64_t unit);

/// The number of this thread in its warpgroup, index.
Value getThreadOfWarpgroup(IndexBuilder i);

/// The `k`-th unit of one of `pieces` shares.
struct UnitOfShare {
  Value number; ///< index
  Value exists; ///< i1, or null: it does.
  SmallVector<Value> own;
};
/// That of share `share` (index); `own` is of the fragment `values`.
UnitOfShare getUnitOfShare(IndexBuilder i, ValueRange values, Value share,
                           int64_t pieces, int64_t k);

/// Stores sums of units to the rank-4 memref `dest`.
class UnitStore {
public:
  /// For a tile whose first element goes to `dest[batch, head, row, 0]`.
  UnitStore(IndexBuilder i, Value dest, Value batch, Value head, Value row,
            bool accumulate);

  /// Row 0 or 1 of the thread.
  const FragmentRow &getRow(int64_t n) const { return rows[n]; }
  /// The row of a unit; inside where the unit `exists`, unless that is null.
  FragmentRow getRow(Value unit, Value exists);
  /// Stores the sum of a unit, rounded once, where `row` is inside.
  void store(Value unit, const FragmentRow &row, ValueRange sum);

private:
  IndexBuilder i;
  Value dest, batch, head;
  bool accumulate;
  SmallVector<FragmentRow, 2> rows;
  Value isOdd, column; ///< Of the lane, after a trade: see pairColumns.
};

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_UNITS_H
