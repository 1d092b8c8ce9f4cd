//===- Fragment.h - A tile as one thread of a warpgroup holds it -*- C++
//-*-===//
//
/// \file
/// Where the elements of a fragment lie, and its traffic with global memory.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_FRAGMENT_H
#define FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_FRAGMENT_H

#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinTypes.h"

namespace mlir::hopper {

/// One of the two rows of which a thread holds elements.
struct FragmentRow {
  Value index;  ///< Row of the tensor, index.
  Value inside; ///< i1: the row is less than the extent of dimension 2.
};

/// What a thread holds of one row of a tile, next to each other.
struct FragmentRun {
  Value row;      ///< In the tile, i32.
  Value column;   ///< Of the first value, less `offset`, i32.
  int64_t offset; ///< Columns.
  SmallVector<Value, 4> values;
};

/// Which of the thread's two rows f32 element `i` of a fragment belongs to.
inline int64_t getFragmentRow(int64_t i) { return i / 2 % 2; }

/// The lane of this thread in its warp, i32.
Value getLane(OpBuilder &b, Location loc);

/// Whether this thread is one of the first `lanes` of its warp (i1).
Value isLaneBelow(OpBuilder &b, Location loc, int64_t lanes);

/// Whether this thread is lane 0 of its warp (i1).
Value isFirstLane(OpBuilder &b, Location loc);

/// The two rows of this thread, for a tile that starts at row `first` of the
/// rank-4 memref `tensor`.
SmallVector<FragmentRow, 2> getFragmentRows(OpBuilder &b, Location loc,
                                            Value tensor, Value first);

/// The values of an f32 fragment with their places; those of one row share its
/// value.
SmallVector<FragmentRun> getFragmentRuns(OpBuilder &b, Location loc,
                                         ValueRange values);

/// Loads `tensor[indices[0], indices[1], row, column]`, 0 outside.
Value loadIfInside(OpBuilder &b, Location loc, Value tensor, ValueRange indices,
                   FragmentRow row, Value column);

/// The first column that this thread holds, for a tile at `column`.
Value getFirstColumn(OpBuilder &b, Location loc, Value column);

/// Trades elements with the neighbouring lane: of one row, a thread holds `low`
/// and `high`, at the same columns of two groups of 8. What it gets are twice
/// as many neighbouring columns of one group: lanes of even number of that of
/// `low`, those of odd number (`isOdd`) of that of `high`, from the column on
/// at which the even lane held its elements.
SmallVector<Value> pairColumns(OpBuilder &b, Location loc, Value isOdd,
                               ValueRange low, ValueRange high);

/// The address of `tensor[indices[0], indices[1], row, column]`.
Value getAddress(OpBuilder &b, Location loc, Value tensor, ValueRange indices,
                 Value row, Value column);

/// Loads this thread's part of a tile of `type` at `indices`.
SmallVector<Value> loadFragment(OpBuilder &b, Location loc, Value tensor,
                                ValueRange indices, VectorType type);

/// Stores this thread's part of a tile of `type` at `indices`. 16-bit tensors
/// must be 16-byte aligned in base and strides.
void storeFragment(OpBuilder &b, Location loc, ValueRange values, Value tensor,
                   ValueRange indices, VectorType type);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_FRAGMENT_H
