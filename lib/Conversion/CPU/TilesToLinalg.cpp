//===- TilesToLinalg.cpp - Tiles of mhffn as linalg -----------------------===//
//
/// \file
/// In: mhffn on tensors with one batch, head, KUV-head and sub-network, whose
/// destination has the accumulation type. Out: contractions and elementwise ops
/// on matrices, S and T with their rows along d_ff so that vectors run along
/// tokens. Operands are widened before they meet a contraction.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"
#include "flashmhf/Dialect/FlashMHF/IR/ActivationBuilder.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/IR/Builders.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFTILESTOLINALG
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// Writes one tile. Every method returns a tensor of the accumulation type.
class TileWriter {
public:
  explicit TileWriter(MHFFNOp op)
      : op(op), builder(op), loc(op.getLoc()), input(op.getInputType()),
        accumulator(op.getAccumulatorType()) {}

  /// The tile's result, of the type of `init`.
  Value write();

private:
  Value makeMatrix(Value value, ArrayRef<int64_t> dims);
  Value makeEmpty(ArrayRef<OpFoldResult> sizes) {
    return tensor::EmptyOp::create(builder, loc, sizes, accumulator);
  }
  Value makeZeros(ArrayRef<OpFoldResult> sizes) {
    Value zero = arith::ConstantOp::create(builder, loc,
                                           builder.getZeroAttr(accumulator));
    return linalg::FillOp::create(builder, loc, zero, makeEmpty(sizes))
        .getResult(0);
  }
  Value makeCopy(Value value, AffineMap map);
  Value makeProduct(Value rows, Value columns);
  Value makeActivated(Value s, Value t, Value r);

  MHFFNOp op;
  OpBuilder builder;
  Location loc;
  Type input, accumulator;
};
} // namespace

/// `value` without its unit dimensions, those that are not in `dims`.
Value TileWriter::makeMatrix(Value value, ArrayRef<int64_t> dims) {
  auto type = cast<RankedTensorType>(value.getType());
  SmallVector<OpFoldResult> sizes = tensor::getMixedSizes(builder, loc, value),
                            offsets(type.getRank(), builder.getIndexAttr(0)),
                            strides(type.getRank(), builder.getIndexAttr(1));
  SmallVector<int64_t> shape;
  for (int64_t dim = 0; dim < type.getRank(); ++dim) {
    if (llvm::is_contained(dims, dim))
      shape.push_back(type.getDimSize(dim));
    else
      sizes[dim] = builder.getIndexAttr(1);
  }
  auto reduced = RankedTensorType::get(shape, type.getElementType());
  return tensor::ExtractSliceOp::create(builder, loc, reduced, value, offsets,
                                        sizes, strides);
}

/// A widened copy whose dimensions are permuted by `map`: element i of the
/// result is element map(i) of `value`.
Value TileWriter::makeCopy(Value value, AffineMap map) {
  SmallVector<OpFoldResult> from = tensor::getMixedSizes(builder, loc, value);
  SmallVector<OpFoldResult> sizes(from.size());
  for (auto [i, size] : llvm::enumerate(from))
    sizes[map.getDimPosition(i)] = size;
  Value empty = makeEmpty(sizes);
  AffineMap identity = builder.getMultiDimIdentityMap(sizes.size());
  SmallVector<utils::IteratorType> iterators(sizes.size(),
                                             utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, empty.getType(), value, empty,
             ArrayRef<AffineMap>{map, identity}, iterators,
             [&](OpBuilder &b, Location l, ValueRange args) {
               Value result = args[0];
               if (result.getType() != accumulator)
                 result = arith::ExtFOp::create(b, l, accumulator, result);
               linalg::YieldOp::create(b, l, result);
             })
      .getResult(0);
}

/// rows * columns.
Value TileWriter::makeProduct(Value rows, Value columns) {
  SmallVector<OpFoldResult> sizes = {
      tensor::getMixedSize(builder, loc, rows, 0),
      tensor::getMixedSize(builder, loc, columns, 1)};
  return linalg::MatmulOp::create(builder, loc, ValueRange{rows, columns},
                                  makeZeros(sizes))
      .getResult(0);
}

/// A = r * activation(s) * t, rounded to the input type; `t` and `r` may be
/// null.
Value TileWriter::makeActivated(Value s, Value t, Value r) {
  AffineMap identity = builder.getMultiDimIdentityMap(2);
  SmallVector<Value> inputs = {s};
  SmallVector<AffineMap> maps = {identity};
  if (t) {
    inputs.push_back(t);
    maps.push_back(identity);
  }
  if (r) {
    inputs.push_back(r);
    maps.push_back(AffineMap::get(2, 0, builder.getAffineDimExpr(1)));
  }
  maps.push_back(identity);
  Value empty = makeEmpty(tensor::getMixedSizes(builder, loc, s));
  SmallVector<utils::IteratorType> iterators(2, utils::IteratorType::parallel);
  return linalg::GenericOp::create(
             builder, loc, empty.getType(), inputs, empty, maps, iterators,
             [&](OpBuilder &b, Location l, ValueRange args) {
               Value a = createActivation(b, l, op.getActivation(), args[0]);
               if (r)
                 a = arith::MulFOp::create(b, l, a, args[t ? 2 : 1]);
               if (t)
                 a = arith::MulFOp::create(b, l, a, args[1]);
               if (input != accumulator) {
                 a = arith::TruncFOp::create(b, l, input, a);
                 a = arith::ExtFOp::create(b, l, accumulator, a);
               }
               linalg::YieldOp::create(b, l, a);
             })
      .getResult(0);
}

Value TileWriter::write() {
  MLIRContext *context = builder.getContext();
  AffineExpr x, y, z;
  bindDims(context, x, y, z);
  AffineMap identity = builder.getMultiDimIdentityMap(2);
  // A widened copy only where there is something to widen.
  auto widen = [&](Value value) -> Value {
    if (!value)
      return value;
    Value matrix = makeMatrix(value, {2, 3});
    return input == accumulator ? matrix : makeCopy(matrix, identity);
  };
  Value q = makeCopy(makeMatrix(op.getQ(), {2, 3}),
                     AffineMap::get(2, 0, {y, x}, context));
  // A column of R is strided; vectors are read from a copy. Not a generic op,
  // which would be folded away as the identity.
  Value r;
  if (op.getR()) {
    Value column = makeMatrix(op.getR(), {2});
    Value empty = makeEmpty(tensor::getMixedSizes(builder, loc, column));
    r = linalg::CopyOp::create(builder, loc, column, empty).getResult(0);
  }
  Value s = makeProduct(widen(op.getK()), q);
  Value t = op.getU() ? makeProduct(widen(op.getU()), q) : Value();
  Value a = makeActivated(s, t, r);
  Value out = makeMatrix(op.getInit(), {2, 3});
  // A^T V over (m, d, f).
  SmallVector<AffineMap> maps = {AffineMap::get(3, 0, {z, x}, context),
                                 AffineMap::get(3, 0, {z, y}, context),
                                 AffineMap::get(3, 0, {x, y}, context)};
  Value product =
      linalg::ContractOp::create(
          builder, loc, out.getType(), ValueRange{a, widen(op.getV())},
          makeZeros(tensor::getMixedSizes(builder, loc, out)),
          builder.getAffineMapArrayAttr(maps))
          .getResult(0);
  // A sum of its own for each tile: rounding grows with the size of a tile and
  // the number of tiles, not with their product.
  Value sum =
      linalg::GenericOp::create(
          builder, loc, out.getType(), product, out,
          ArrayRef<AffineMap>{identity, identity},
          SmallVector<utils::IteratorType>(2, utils::IteratorType::parallel),
          [&](OpBuilder &b, Location l, ValueRange args) {
            Value added = arith::AddFOp::create(b, l, args[1], args[0]);
            linalg::YieldOp::create(b, l, added);
          })
          .getResult(0);
  SmallVector<OpFoldResult> offsets(4, builder.getIndexAttr(0)),
      strides(4, builder.getIndexAttr(1));
  return tensor::InsertSliceOp::create(
      builder, loc, sum, op.getInit(), offsets,
      tensor::getMixedSizes(builder, loc, op.getInit()), strides);
}

/// Emits an error unless `op` is one tile.
static LogicalResult verifyIsTile(MHFFNOp op) {
  std::pair<StringRef, int64_t> sizes[] = {{"B", op.getBatches()},
                                           {"H", op.getHeads()},
                                           {"G", op.getKVHeads()},
                                           {"E", op.getSubNetworks()}};
  for (auto [name, size] : sizes)
    if (size != 1)
      return op.emitOpError("is not one tile: ")
             << name << " is "
             << (ShapedType::isDynamic(size) ? "dynamic" : std::to_string(size))
             << ", expected 1";
  Type out = getElementTypeOrSelf(op.getInit().getType());
  if (out != op.getAccumulatorType())
    return op.emitOpError("accumulates into ")
           << out << ", expected " << op.getAccumulatorType();
  return success();
}

namespace {
struct TilesToLinalg
    : public flashmhf::impl::FlashMHFTilesToLinalgBase<TilesToLinalg> {
  void runOnOperation() override {
    SmallVector<MHFFNOp> ops;
    getOperation()->walk([&](MHFFNOp op) {
      if (op.getResult())
        ops.push_back(op);
    });
    for (MHFFNOp op : ops) {
      if (failed(verifyIsTile(op)))
        return signalPassFailure();
      op.getResult().replaceAllUsesWith(TileWriter(op).write());
      op.erase();
    }
  }
};
} // namespace
