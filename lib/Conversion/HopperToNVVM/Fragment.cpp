//===- Fragment.cpp - A tile as one thread of a warpgroup holds it --------===//

#include "Fragment.h"
#include "Constants.h"
#include "PTX.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

static Value getIndex(OpBuilder &b, Location loc, int64_t value) {
  return arith::ConstantIndexOp::create(b, loc, value);
}

static Value getThread(OpBuilder &b, Location loc) {
  return gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
}

static Value getLaneIndex(OpBuilder &b, Location loc) {
  return arith::RemUIOp::create(b, loc, getThread(b, loc),
                                getIndex(b, loc, 32));
}

Value hopper::getLane(OpBuilder &b, Location loc) {
  return arith::IndexCastOp::create(b, loc, b.getI32Type(),
                                    getLaneIndex(b, loc));
}

Value hopper::isLaneBelow(OpBuilder &b, Location loc, int64_t lanes) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult,
                               getLaneIndex(b, loc), getIndex(b, loc, lanes));
}

Value hopper::isFirstLane(OpBuilder &b, Location loc) {
  return arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq,
                               getLaneIndex(b, loc), getIndex(b, loc, 0));
}

/// The first row of this thread, in the tile.
static Value getFirstRow(OpBuilder &b, Location loc) {
  Value thread = getThread(b, loc);
  Value inWarpgroup = arith::RemUIOp::create(
      b, loc, thread, getIndex(b, loc, kWarpgroupThreads));
  Value warp =
      arith::DivUIOp::create(b, loc, inWarpgroup, getIndex(b, loc, 32));
  return arith::AddIOp::create(
      b, loc, arith::MulIOp::create(b, loc, warp, getIndex(b, loc, 16)),
      arith::DivUIOp::create(b, loc, getLaneIndex(b, loc),
                             getIndex(b, loc, 4)));
}

SmallVector<FragmentRow, 2> hopper::getFragmentRows(OpBuilder &b, Location loc,
                                                    Value tensor, Value first) {
  Value row = getFirstRow(b, loc);
  Value extent = memref::DimOp::create(b, loc, tensor, 2);
  SmallVector<FragmentRow, 2> rows;
  for (int64_t half : {0, 8}) {
    Value index =
        arith::AddIOp::create(b, loc, arith::AddIOp::create(b, loc, first, row),
                              getIndex(b, loc, half));
    rows.push_back(
        {index, arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, index,
                                      extent)});
  }
  return rows;
}

Value hopper::loadIfInside(OpBuilder &b, Location loc, Value tensor,
                           ValueRange indices, FragmentRow row, Value column) {
  // Reads row 0 instead of branching; a tile is never outside altogether.
  Value index = arith::SelectOp::create(b, loc, row.inside, row.index,
                                        getIndex(b, loc, 0));
  Value value = memref::LoadOp::create(
      b, loc, tensor, ValueRange{indices[0], indices[1], index, column});
  Value zero =
      arith::ConstantOp::create(b, loc, b.getZeroAttr(value.getType()));
  return arith::SelectOp::create(b, loc, row.inside, value, zero);
}

Value hopper::packPair(OpBuilder &b, Location loc, Value low, Value high) {
  Value vector =
      LLVM::UndefOp::create(b, loc, VectorType::get({2}, low.getType()));
  for (auto [i, value] : llvm::enumerate(ArrayRef<Value>{low, high}))
    vector =
        LLVM::InsertElementOp::create(b, loc, vector, value, getI32(b, loc, i));
  return LLVM::BitcastOp::create(b, loc, b.getI32Type(), vector);
}

Value hopper::getHalf(OpBuilder &b, Location loc, Value pair, int64_t i) {
  return LLVM::ExtractElementOp::create(b, loc, pair, getI32(b, loc, i));
}

Value hopper::getFirstColumn(OpBuilder &b, Location loc, Value column) {
  Value quad =
      arith::RemUIOp::create(b, loc, getLaneIndex(b, loc), getIndex(b, loc, 4));
  return arith::AddIOp::create(
      b, loc, column, arith::MulIOp::create(b, loc, quad, getIndex(b, loc, 2)));
}

SmallVector<FragmentRun> hopper::getFragmentRuns(OpBuilder &b, Location loc,
                                                 ValueRange values) {
  auto toI32 = [&](Value value) -> Value {
    return arith::IndexCastOp::create(b, loc, b.getI32Type(), value);
  };
  Value column = toI32(getFirstColumn(b, loc, getIndex(b, loc, 0)));
  Value first = toI32(getFirstRow(b, loc));
  Value rows[] = {first,
                  arith::AddIOp::create(b, loc, first, getI32(b, loc, 8))};
  SmallVector<FragmentRun> runs;
  for (auto [half, row] : llvm::enumerate(rows))
    for (size_t group = 0; group < values.size() / 4; ++group) {
      ValueRange pair = values.slice(4 * group + 2 * half, 2);
      runs.push_back({row, column, static_cast<int64_t>(8 * group),
                      SmallVector<Value, 4>(pair), Value()});
    }
  return runs;
}

SmallVector<Value> hopper::loadFragment(OpBuilder &b, Location loc,
                                        Value tensor, ValueRange indices,
                                        VectorType type) {
  auto rows = getFragmentRows(b, loc, tensor, indices[2]);
  Value column = getFirstColumn(b, loc, indices[3]);
  bool isPacked = type.getElementTypeBitWidth() == 16;
  SmallVector<Value> values;
  for (int64_t group = 0; group < type.getDimSize(1); group += 8)
    for (FragmentRow row : rows) {
      Value pair[2];
      for (int64_t i : {0, 1})
        pair[i] = loadIfInside(
            b, loc, tensor, indices, row,
            arith::AddIOp::create(b, loc, column, getIndex(b, loc, group + i)));
      if (!isPacked) {
        values.append({pair[0], pair[1]});
        continue;
      }
      values.push_back(packPair(b, loc, pair[0], pair[1]));
    }
  return values;
}

Value hopper::getQuadLane(OpBuilder &b, Location loc) {
  return arith::IndexCastOp::create(
      b, loc, b.getI32Type(),
      arith::RemUIOp::create(b, loc, getLaneIndex(b, loc),
                             getIndex(b, loc, 4)));
}

void hopper::transposeQuad(OpBuilder &b, Location loc, Value quadLane,
                           MutableArrayRef<Value> words) {
  for (int64_t bit : {1, 2}) {
    Value isOdd = arith::CmpIOp::create(
        b, loc, arith::CmpIPredicate::ne,
        arith::AndIOp::create(b, loc, quadLane, getI32(b, loc, bit)),
        getI32(b, loc, 0));
    for (int64_t k = 0; k < 4; ++k) {
      if (k & bit)
        continue;
      Value &low = words[k], &high = words[k + bit];
      Value sent = arith::SelectOp::create(b, loc, isOdd, low, high);
      Value received = NVVM::ShflOp::create(
          b, loc, b.getI32Type(), getI32(b, loc, -1), sent, getI32(b, loc, bit),
          getI32(b, loc, 31), NVVM::ShflKind::bfly, UnitAttr());
      Value newLow = arith::SelectOp::create(b, loc, isOdd, received, low);
      high = arith::SelectOp::create(b, loc, isOdd, high, received);
      low = newLow;
    }
  }
}

SmallVector<Value> hopper::pairColumns(OpBuilder &b, Location loc, Value isOdd,
                                       ValueRange low, ValueRange high) {
  auto select = [&](Value odd, Value even) -> Value {
    return arith::SelectOp::create(b, loc, isOdd, odd, even);
  };
  SmallVector<Value> received;
  for (auto [fromLow, fromHigh] : llvm::zip_equal(low, high))
    received.push_back(NVVM::ShflOp::create(
        b, loc, fromLow.getType(), getI32(b, loc, -1),
        select(fromLow, fromHigh), getI32(b, loc, 1), getI32(b, loc, 31),
        NVVM::ShflKind::bfly, UnitAttr()));
  SmallVector<Value> paired;
  for (auto [own, other] : llvm::zip(low, received))
    paired.push_back(select(other, own));
  for (auto [own, other] : llvm::zip(high, received))
    paired.push_back(select(own, other));
  return paired;
}

Value hopper::getAddress(OpBuilder &b, Location loc, Value tensor,
                         ValueRange indices, Value row, Value column) {
  auto metadata = memref::ExtractStridedMetadataOp::create(b, loc, tensor);
  Value offset = metadata.getOffset();
  Value at[] = {indices[0], indices[1], row, column};
  for (auto [index, stride] : llvm::zip(at, metadata.getStrides()))
    offset = arith::AddIOp::create(
        b, loc, offset, arith::MulIOp::create(b, loc, index, stride));
  int64_t bytes =
      cast<MemRefType>(tensor.getType()).getElementTypeBitWidth() / 8;
  Value address = arith::AddIOp::create(
      b, loc, memref::ExtractAlignedPointerAsIndexOp::create(b, loc, tensor),
      arith::MulIOp::create(b, loc, offset, getIndex(b, loc, bytes)));
  Value word = arith::IndexCastOp::create(b, loc, b.getI64Type(), address);
  return LLVM::IntToPtrOp::create(
      b, loc, LLVM::LLVMPointerType::get(b.getContext(), 1), word);
}

/// 16-byte stores: each lane writes 8 columns of every 32.
static void storePacked(OpBuilder &b, Location loc, ValueRange words,
                        Value tensor, ValueRange indices, int64_t columns) {
  auto rows = getFragmentRows(b, loc, tensor, indices[2]);
  Value quadLane = getQuadLane(b, loc);
  Value quadIndex =
      arith::IndexCastOp::create(b, loc, b.getIndexType(), quadLane);
  for (auto [half, row] : llvm::enumerate(rows)) {
    Value column = arith::AddIOp::create(
        b, loc, indices[3],
        arith::MulIOp::create(b, loc, quadIndex, getIndex(b, loc, 8)));
    Value address = getAddress(b, loc, tensor, indices, row.index, column);
    for (int64_t start = 0; start < columns; start += 32) {
      SmallVector<Value, 4> quad;
      for (int64_t group = 0; group < 4; ++group) {
        // The last 32 columns may be short: the lanes past the end store
        // nothing.
        int64_t word = 2 * (start / 8 + group) + half;
        quad.push_back(word < static_cast<int64_t>(words.size())
                           ? words[word]
                           : getI32(b, loc, 0));
      }
      transposeQuad(b, loc, quadLane, quad);
      Value stores = row.inside;
      if (start + 32 > columns)
        stores = arith::AndIOp::create(
            b, loc, stores,
            arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ult, quadLane,
                                  getI32(b, loc, (columns - start) / 8)));
      Value pointer = LLVM::GEPOp::create(
          b, loc, address.getType(), b.getI8Type(), address,
          ArrayRef<LLVM::GEPArg>{static_cast<int32_t>(2 * start)});
      ptx::storeVectorIf(b, loc, pointer, quad, stores);
    }
  }
}

void hopper::storeFragment(OpBuilder &b, Location loc, ValueRange values,
                           Value tensor, ValueRange indices, VectorType type) {
  if (type.getElementTypeBitWidth() == 16)
    return storePacked(b, loc, values, tensor, indices, type.getDimSize(1));
  auto rows = getFragmentRows(b, loc, tensor, indices[2]);
  Value column = getFirstColumn(b, loc, indices[3]);
  for (auto [half, row] : llvm::enumerate(rows)) {
    auto ifOp = scf::IfOp::create(b, loc, row.inside, /*withElseRegion=*/false);
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointToStart(ifOp.thenBlock());
    for (auto [i, value] : llvm::enumerate(values)) {
      if (getFragmentRow(i) != static_cast<int64_t>(half))
        continue;
      Value at = arith::AddIOp::create(b, loc, column,
                                       getIndex(b, loc, i / 4 * 8 + i % 2));
      memref::StoreOp::create(
          b, loc, value, tensor,
          ValueRange{indices[0], indices[1], row.index, at});
    }
  }
}
