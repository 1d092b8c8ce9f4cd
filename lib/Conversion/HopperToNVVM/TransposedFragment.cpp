//===- TransposedFragment.cpp - Tiles whose columns are rows of a tensor --===//
//
/// \file
/// Where the elements of a transposed tile lie in global memory. Neighbouring
/// rows of a tile, which eight lanes hold, are neighbours in memory.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "Fragment.h"
#include "PTX.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

static Value getIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

static Value add(OpBuilder &b, Location loc, Value value, int64_t offset) {
  return offset ? arith::AddIOp::create(b, loc, value, getIndex(b, loc, offset))
                : value;
}

FragmentPlace hopper::getFragmentPlace(int64_t i, int64_t columns) {
  int64_t ofTile = columns / 2, inTile = i % ofTile;
  return {i / ofTile * kWarpgroupRows + 8 * getFragmentRow(inTile),
          inTile / 4 * 8 + inTile % 2};
}

/// i1: whether what is at `place` is less than `width`, with `column` the first
/// column of the tensor that the thread has; null where the whole warpgroup
/// tile is.
static Value isColumnInside(OpBuilder &b, Location loc, Value column,
                            int64_t width, FragmentPlace place) {
  if (place.row / kWarpgroupRows < width / kWarpgroupRows)
    return {};
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                               add(b, loc, column, place.row),
                               getIndex(b, loc, width));
}

Value TransposedPlace::isColumnInside(OpBuilder &b, Location loc, Value tensor,
                                      FragmentPlace place) const {
  return ::isColumnInside(
      b, loc, column, cast<MemRefType>(tensor.getType()).getDimSize(3), place);
}

/// The first row of a tile that this thread has, index.
static Value getFirstTileRow(OpBuilder &b, Location loc) {
  Value thread = arith::RemUIOp::create(
      b, loc, gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x),
      getIndex(b, loc, kWarpgroupThreads));
  Value warp =
      arith::DivUIOp::create(b, loc, thread, getIndex(b, loc, kWarpThreads));
  Value lane =
      arith::RemUIOp::create(b, loc, thread, getIndex(b, loc, kWarpThreads));
  return arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, warp, getIndex(b, loc, 16)),
      arith::DivUIOp::create(b, loc, lane, getIndex(b, loc, 4)));
}

SmallVector<FragmentRun> hopper::getTransposedRuns(OpBuilder &b, Location loc,
                                                   ValueRange values,
                                                   int64_t columns,
                                                   int64_t width) {
  auto toI32 = [&](Value value) -> Value {
    return arith::IndexCastOp::create(b, loc, b.getI32Type(), value);
  };
  Value first = getFirstColumn(b, loc, getIndex(b, loc, 0));
  Value column = getFirstTileRow(b, loc);
  Value column32 = toI32(column);
  DenseMap<int64_t, Value> rows;
  SmallVector<FragmentRun> runs;
  for (auto [i, value] : llvm::enumerate(values)) {
    FragmentPlace place = getFragmentPlace(i, columns);
    Value &row = rows[place.column];
    if (!row)
      row = toI32(add(b, loc, first, place.column));
    Value inside = isColumnInside(b, loc, column, width, place);
    runs.push_back({row, column32, place.row, {value}, inside});
  }
  return runs;
}

TransposedPlace hopper::getTransposedPlace(OpBuilder &b, Location loc,
                                           Value tensor, Value row,
                                           Value column, int64_t columns) {
  TransposedPlace place;
  place.column = getFirstTileRow(b, loc);
  if (column)
    place.column = arith::AddIOp::create(b, loc, column, place.column);
  Value first = getFirstColumn(b, loc, row);
  Value extent = memref::DimOp::create(b, loc, tensor, 2);
  for (int64_t group = 0; group < columns; group += 8)
    for (int64_t i : {0, 1}) {
      Value index = add(b, loc, first, group + i);
      place.rows.push_back(
          {index, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                                        index, extent)});
    }
  return place;
}

SmallVector<Value> hopper::loadColumns(OpBuilder &b, Location loc, Value tensor,
                                       ValueRange indices, int64_t columns) {
  TransposedPlace place =
      getTransposedPlace(b, loc, tensor, indices[2], Value(), columns);
  SmallVector<Value> values;
  for (FragmentRow row : place.rows)
    values.push_back(loadIfInside(b, loc, tensor, indices, row, indices[3]));
  return values;
}

SmallVector<Value> hopper::loadTransposed(OpBuilder &b, Location loc,
                                          Value tensor, ValueRange indices,
                                          VectorType type) {
  int64_t columns = type.getDimSize(1);
  TransposedPlace at =
      getTransposedPlace(b, loc, tensor, indices[2], indices[3], columns);
  SmallVector<Value> values;
  for (int64_t i = 0; i < type.getNumElements() / kWarpgroupThreads; ++i) {
    FragmentPlace place = getFragmentPlace(i, columns);
    FragmentRow row = at.getRow(place);
    Value column = add(b, loc, at.column, place.row);
    Value inside = at.isColumnInside(b, loc, tensor, place);
    if (inside) {
      column =
          arith::SelectOp::create(b, loc, inside, column, getIndex(b, loc, 0));
      row.inside = arith::AndIOp::create(b, loc, row.inside, inside);
    }
    values.push_back(loadIfInside(b, loc, tensor, indices, row, column));
  }
  if (type.getElementTypeBitWidth() != 16)
    return values;
  SmallVector<Value> words;
  for (size_t i = 0; i < values.size(); i += 2)
    words.push_back(packPair(b, loc, values[i], values[i + 1]));
  return words;
}

/// 16-byte stores. Four words of a lane are 8 rows and 8 more of two groups of
/// 8 columns; after the transpositions, lane t of a quad has what its quad had
/// in word t: 8 rows of the tile, neighbours in memory, of one column.
static void storePackedTransposed(OpBuilder &b, Location loc, ValueRange words,
                                  Value tensor, ValueRange indices,
                                  int64_t columns) {
  auto index = [&](int64_t value) { return getIndex(b, loc, value); };
  auto isBelow = [&](Value value, Value limit) -> Value {
    return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, value,
                                 limit);
  };
  Value quadLane = getQuadLane(b, loc);
  Value word = arith::IndexCastOp::create(b, loc, b.getIndexType(), quadLane);
  auto scaled = [&](Value value, int64_t factor) -> Value {
    return arith::MulIOp::create(b, loc, value, index(factor));
  };
  Value group = arith::DivUIOp::create(b, loc, word, index(2));
  Value half = arith::RemUIOp::create(b, loc, word, index(2));
  Value thread = arith::RemUIOp::create(
      b, loc, gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x),
      index(kWarpgroupThreads));
  Value warp = arith::DivUIOp::create(b, loc, thread, index(kWarpThreads));
  Value lane = arith::RemUIOp::create(b, loc, thread, index(kWarpThreads));
  Value first = arith::AddIOp::create(
      b, loc, indices[2],
      arith::AddIOp::create(b, loc, scaled(group, 8),
                            arith::DivUIOp::create(b, loc, lane, index(4))));
  Value column = arith::AddIOp::create(
      b, loc, indices[3],
      arith::AddIOp::create(b, loc, scaled(warp, 16), scaled(half, 8)));
  Value extent = memref::DimOp::create(b, loc, tensor, 2);
  int64_t width = cast<MemRefType>(tensor.getType()).getDimSize(3);

  int64_t wordsOfTile = columns / 4;
  for (int64_t start = 0; start < wordsOfTile; start += 4) {
    int64_t count = std::min<int64_t>(wordsOfTile - start, 4);
    Value row = add(b, loc, first, 4 * start);
    Value address = getAddress(b, loc, tensor, indices, row, column);
    Value rowInside = isBelow(row, extent);
    // Of the last 8 columns alone, half of the lanes have nothing.
    if (count < 4)
      rowInside =
          arith::AndIOp::create(b, loc, rowInside, isBelow(word, index(count)));
    for (int64_t from = 0; from < static_cast<int64_t>(words.size());
         from += wordsOfTile) {
      SmallVector<Value, 4> quad;
      for (Value own : words.slice(from + start, count))
        quad.push_back(ptx::transposeMatrix(b, loc, own));
      quad.resize(4, getI32(b, loc, 0));
      transposeQuad(b, loc, quadLane, quad);
      int64_t tileRow = from / wordsOfTile * kWarpgroupRows;
      Value stores = rowInside;
      if (Value inside =
              ::isColumnInside(b, loc, column, width, {tileRow, /*column=*/0}))
        stores = arith::AndIOp::create(b, loc, stores, inside);
      Value pointer = LLVM::GEPOp::create(
          b, loc, address.getType(), b.getI8Type(), address,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(2 * tileRow)});
      ptx::storeVectorIf(b, loc, pointer, quad, stores);
    }
  }
}

void hopper::storeTransposed(OpBuilder &b, Location loc, ValueRange values,
                             Value tensor, ValueRange indices,
                             VectorType type) {
  int64_t columns = type.getDimSize(1);
  if (type.getElementTypeBitWidth() == 16)
    return storePackedTransposed(b, loc, values, tensor, indices, columns);
  TransposedPlace at =
      getTransposedPlace(b, loc, tensor, indices[2], indices[3], columns);
  for (const FragmentRow &row : at.rows) {
    auto ifOp = scf::IfOp::create(b, loc, row.inside, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    for (auto [i, value] : llvm::enumerate(values)) {
      FragmentPlace place = getFragmentPlace(i, columns);
      if (&at.getRow(place) != &row)
        continue;
      OpBuilder::InsertionGuard guard(b);
      if (Value inside = at.isColumnInside(b, loc, tensor, place))
        b.setInsertionPointToStart(
            scf::IfOp::create(b, loc, inside, /*withElseRegion=*/false)
                .thenBlock());
      memref::StoreOp::create(b, loc, value, tensor,
                              ValueRange{indices[0], indices[1], row.index,
                                         add(b, loc, at.column, place.row)});
    }
  }
}
