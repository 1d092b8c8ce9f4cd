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
  Value inside; ///< i1: the columns are some of the tensor's; null: all are.
};

/// Which of the thread's two rows f32 element `i` of a fragment belongs to.
inline int64_t getFragmentRow(int64_t i) { return i / 2 % 2; }

/// Where f32 element `i` of a tile of `columns` columns lies, from the thread's
/// first row and column on.
struct FragmentPlace {
  int64_t row, column;
};
FragmentPlace getFragmentPlace(int64_t i, int64_t columns);

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

/// The lane of this thread in its quad, i32.
Value getQuadLane(OpBuilder &b, Location loc);

/// Exchanges four words among the four lanes of a quad so that lane t holds
/// those that lanes 0 to 3 had at position t: a 4 x 4 transposition in two
/// rounds, after which each lane holds 16 contiguous bytes.
void transposeQuad(OpBuilder &b, Location loc, Value quadLane,
                   MutableArrayRef<Value> words);

/// The address of `tensor[indices[0], indices[1], row, column]`.
Value getAddress(OpBuilder &b, Location loc, Value tensor, ValueRange indices,
                 Value row, Value column);

/// A transposed tile, as one thread holds it: its columns are rows of a tensor,
/// and its rows are columns there.
struct TransposedPlace {
  /// The rows of the tensor that the thread has, in the order of the columns of
  /// its elements: 0, 1, 8, 9, 16, ..
  SmallVector<FragmentRow> rows;
  /// The first column of the tensor that the thread has.
  Value column;

  /// The row of the tensor of what is at `place`.
  const FragmentRow &getRow(FragmentPlace place) const {
    return rows[place.column / 8 * 2 + place.column % 2];
  }
  /// i1: whether what is at `place` is less than the extent of dimension 3;
  /// null where the whole warpgroup tile is.
  Value isColumnInside(OpBuilder &b, Location loc, Value tensor,
                       FragmentPlace place) const;
};

/// The place of a tile of `columns` columns, from row `row` and column `column`
/// (null: 0) of the rank-4 memref `tensor` on.
TransposedPlace getTransposedPlace(OpBuilder &b, Location loc, Value tensor,
                                   Value row, Value column, int64_t columns);

/// The values of a transposed f32 fragment of `columns` columns, each a run of
/// its own, with their places in rows of `width` elements.
SmallVector<FragmentRun> getTransposedRuns(OpBuilder &b, Location loc,
                                           ValueRange values, int64_t columns,
                                           int64_t width);

/// Loads `tensor[indices[0], indices[1], indices[2] + j, indices[3]]` for this
/// thread's columns j of a tile of `columns`; 0 outside.
SmallVector<Value> loadColumns(OpBuilder &b, Location loc, Value tensor,
                               ValueRange indices, int64_t columns);

/// `loadFragment` and `storeFragment` of a transposed tile. 16-bit tensors have
/// rows of a multiple of 8 elements.
SmallVector<Value> loadTransposed(OpBuilder &b, Location loc, Value tensor,
                                  ValueRange indices, VectorType type);
void storeTransposed(OpBuilder &b, Location loc, ValueRange values,
                     Value tensor, ValueRange indices, VectorType type);

/// Packs two 16-bit values into a word.
Value packPair(OpBuilder &b, Location loc, Value low, Value high);
/// Element `i` of a vector of two.
Value getHalf(OpBuilder &b, Location loc, Value pair, int64_t i);

/// Loads this thread's part of a tile of `type` at `indices`.
SmallVector<Value> loadFragment(OpBuilder &b, Location loc, Value tensor,
                                ValueRange indices, VectorType type);

/// Stores this thread's part of a tile of `type` at `indices`. 16-bit tensors
/// must be 16-byte aligned in base and strides.
void storeFragment(OpBuilder &b, Location loc, ValueRange values, Value tensor,
                   ValueRange indices, VectorType type);

} // namespace mlir::hopper

#endif // FLASHMHF_LIB_CONVERSION_HOPPERTONVVM_FRAGMENT_H
