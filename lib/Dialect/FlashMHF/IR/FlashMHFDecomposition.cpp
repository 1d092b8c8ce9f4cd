//===- FlashMHFDecomposition.cpp - mhffn in terms of linalg ---------------===//
//
/// \file
/// AggregatedOpInterface of mhffn: the meaning of the operation as linalg
/// operations on tensors or memrefs.
///
///   S = Q K^T, T = Q U^T      contractions in the accumulation type
///   A = R * act(S) * T        element-wise, rounded to the input type
///   O = O + A V               contraction in the accumulation type, rounded
///
/// Where heads share K, U and V, the head dimension of Q, R and O is split into
/// KUV-head and head within its group, so that every indexing map is a
/// projected permutation.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/ActivationBuilder.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
/// Builds the linalg operations of one mhffn.
class Decomposer {
public:
  Decomposer(OpBuilder &b, MHFFNOp op)
      : b(b), op(op), loc(op.getLoc()),
        onTensors(isa<TensorType>(op.getInit().getType())) {}

  /// Returns the value that replaces the result, null on memrefs.
  FailureOr<Value> run();

private:
  LogicalResult initGroups();
  Value splitHeads(Value value);
  Value mergeHeads(Value value);
  OpFoldResult dim(Value value, int64_t index) {
    return linalg::createFoldedDimOp(b, loc, value, index);
  }

  Value createGeneric(ValueRange inputs, Value out,
                      ArrayRef<ArrayRef<AffineExpr>> accesses,
                      ArrayRef<utils::IteratorType> loops,
                      function_ref<Value(OpBuilder &, ValueRange)> body);
  Value createContraction(Value lhs, Value rhs, Value out,
                          ArrayRef<ArrayRef<AffineExpr>> accesses,
                          int64_t numReductions);
  Value createScores(Value q, Value weights);
  Value createHidden(Value s, Value t, Value r);

  /// `{b, g, r, rest...}`, without `r` where no heads are shared; `rest` are
  /// positions after these.
  SmallVector<AffineExpr> headed(ArrayRef<int64_t> rest) {
    SmallVector<AffineExpr> exprs;
    for (int64_t i = 0; i < numHeadDims; ++i)
      exprs.push_back(b.getAffineDimExpr(i));
    for (int64_t i : rest)
      exprs.push_back(b.getAffineDimExpr(numHeadDims + i));
    return exprs;
  }
  /// `{g, rest...}`.
  SmallVector<AffineExpr> shared(ArrayRef<int64_t> rest) {
    SmallVector<AffineExpr> exprs = {b.getAffineDimExpr(1)};
    for (int64_t i : rest)
      exprs.push_back(b.getAffineDimExpr(numHeadDims + i));
    return exprs;
  }

  OpBuilder &b;
  MHFFNOp op;
  Location loc;
  bool onTensors;
  /// G and H / G where heads are split, else empty.
  SmallVector<OpFoldResult> groups;
  /// Leading dimensions of a split operand: batch, KUV-head and, where heads
  /// are split, head within the group.
  int64_t numHeadDims = 2;
  /// Sizes of S: those leading dimensions, E, L and F.
  SmallVector<OpFoldResult> scoreSizes;
};
} // namespace

LogicalResult Decomposer::initGroups() {
  int64_t h = op.getHeads(), g = op.getKVHeads();
  // Upstream cannot lower a dimension split into two dynamic ones.
  if (ShapedType::isDynamic(h) || ShapedType::isDynamic(g))
    return op.emitOpError("cannot be decomposed with dynamic H or G; tile the "
                          "heads by one first");
  if (h == g)
    return success();
  groups = {b.getIndexAttr(g), b.getIndexAttr(h / g)};
  numHeadDims = 3;
  return success();
}

/// The dimensions of a rank 4 operand among those of its split form.
static SmallVector<ReassociationIndices> getHeadReassociation() {
  return {{0}, {1, 2}, {3}, {4}};
}

/// [B, H, x, y] -> [B, G, H / G, x, y].
Value Decomposer::splitHeads(Value value) {
  if (groups.empty())
    return value;
  auto type = cast<ShapedType>(value.getType());
  if (type.isDynamicDim(1)) {
    SmallVector<int64_t> known(type.getShape());
    known[1] = op.getHeads();
    type = type.clone(known);
    if (onTensors)
      value = tensor::CastOp::create(b, loc, type, value);
    else
      value = memref::CastOp::create(b, loc, type, value);
  }
  SmallVector<OpFoldResult> sizes = {dim(value, 0), groups[0], groups[1],
                                     dim(value, 2), dim(value, 3)};
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamicSizes;
  dispatchIndexOpFoldResults(sizes, dynamicSizes, shape);
  if (onTensors)
    return tensor::ExpandShapeOp::create(
        b, loc, RankedTensorType::get(shape, type.getElementType()), value,
        getHeadReassociation(), sizes);
  return memref::ExpandShapeOp::create(b, loc, shape, value,
                                       getHeadReassociation(), sizes);
}

/// [B, G, H / G, x, y] -> [B, H, x, y], of contiguous memory.
Value Decomposer::mergeHeads(Value value) {
  if (groups.empty())
    return value;
  ArrayRef<int64_t> split = cast<ShapedType>(value.getType()).getShape();
  SmallVector<int64_t> shape = {split[0], op.getHeads(), split[3], split[4]};
  Type element = getElementTypeOrSelf(value.getType());
  if (onTensors)
    return tensor::CollapseShapeOp::create(
        b, loc, RankedTensorType::get(shape, element), value,
        getHeadReassociation());
  return memref::CollapseShapeOp::create(
      b, loc, MemRefType::get(shape, element), value, getHeadReassociation());
}

Value Decomposer::createGeneric(
    ValueRange inputs, Value out, ArrayRef<ArrayRef<AffineExpr>> accesses,
    ArrayRef<utils::IteratorType> loops,
    function_ref<Value(OpBuilder &, ValueRange)> body) {
  SmallVector<AffineMap> maps;
  for (ArrayRef<AffineExpr> access : accesses)
    maps.push_back(AffineMap::get(loops.size(), 0, access, b.getContext()));
  SmallVector<Type> results;
  if (onTensors)
    results.push_back(out.getType());
  auto generic = linalg::GenericOp::create(
      b, loc, results, inputs, out, maps, loops,
      [&](OpBuilder &b, Location loc, ValueRange args) {
        linalg::YieldOp::create(b, loc, body(b, args));
      });
  return onTensors ? generic.getResult(0) : out;
}

/// out += lhs * rhs in the element type of `out`; the last `numReductions`
/// loops are summed over.
Value Decomposer::createContraction(Value lhs, Value rhs, Value out,
                                    ArrayRef<ArrayRef<AffineExpr>> accesses,
                                    int64_t numReductions) {
  SmallVector<utils::IteratorType> loops(accesses.back().size(),
                                         utils::IteratorType::parallel);
  loops.append(numReductions, utils::IteratorType::reduction);
  return createGeneric(
      {lhs, rhs}, out, accesses, loops, [&](OpBuilder &b, ValueRange args) {
        Value x = args[0], y = args[1];
        if (x.getType() != args[2].getType()) {
          x = arith::ExtFOp::create(b, loc, args[2].getType(), x);
          y = arith::ExtFOp::create(b, loc, args[2].getType(), y);
        }
        Value product = arith::MulFOp::create(b, loc, x, y);
        return arith::AddFOp::create(b, loc, args[2], product);
      });
}

/// S or T: [.., E, L, F] += [.., L, D] * [G, E, F, D].
Value Decomposer::createScores(Value q, Value weights) {
  enum { e, l, f, d };
  Value zero = createZeroFill(
      b, loc,
      createBuffer(b, loc, onTensors, scoreSizes, op.getAccumulatorType()));
  return createContraction(
      q, weights, zero, {headed({l, d}), shared({e, f, d}), headed({e, l, f})},
      /*numReductions=*/1);
}

/// A = R * act(S) * T, rounded to the input type; `t` and `r` may be null.
Value Decomposer::createHidden(Value s, Value t, Value r) {
  enum { e, l, f };
  Type input = op.getInputType();
  Value out = createBuffer(b, loc, onTensors, scoreSizes, input);
  SmallVector<AffineExpr> full = headed({e, l, f}), rows = headed({l, e});
  SmallVector<Value> inputs = {s};
  SmallVector<ArrayRef<AffineExpr>> accesses = {full};
  if (r) {
    inputs.push_back(r);
    accesses.push_back(rows);
  }
  if (t) {
    inputs.push_back(t);
    accesses.push_back(full);
  }
  accesses.push_back(full);
  SmallVector<utils::IteratorType> loops(full.size(),
                                         utils::IteratorType::parallel);
  return createGeneric(
      inputs, out, accesses, loops, [&](OpBuilder &b, ValueRange args) {
        Value a = createActivation(b, loc, op.getActivation(), args[0]);
        for (Value factor : args.drop_front().drop_back())
          a = arith::MulFOp::create(b, loc, a, factor);
        if (a.getType() != input)
          a = arith::TruncFOp::create(b, loc, input, a);
        return a;
      });
}

FailureOr<Value> Decomposer::run() {
  if (failed(initGroups()))
    return failure();
  Value q = splitHeads(op.getQ());
  scoreSizes = {dim(op.getQ(), 0)};
  if (groups.empty())
    scoreSizes.push_back(dim(op.getQ(), 1));
  llvm::append_range(scoreSizes, groups);
  scoreSizes.append({dim(op.getK(), 1), dim(op.getQ(), 2), dim(op.getK(), 2)});

  Value s = createScores(q, op.getK());
  Value t = op.getU() ? createScores(q, op.getU()) : Value();
  Value r = op.getR() ? splitHeads(op.getR()) : Value();
  Value a = createHidden(s, t, r);

  // O is summed in place if it can hold the sum, else beside it. A tensor whose
  // heads are split cannot: merging them again would copy strided memory.
  enum { l, d, e, f };
  Type accumulator = op.getAccumulatorType();
  bool inPlace = getElementTypeOrSelf(op.getInit().getType()) == accumulator &&
                 (groups.empty() || !onTensors);
  Value acc;
  if (inPlace) {
    acc = splitHeads(op.getInit());
  } else {
    SmallVector<OpFoldResult> sizes(scoreSizes.begin(),
                                    scoreSizes.begin() + numHeadDims);
    sizes.append({dim(op.getInit(), 2), dim(op.getInit(), 3)});
    acc = createZeroFill(b, loc,
                         createBuffer(b, loc, onTensors, sizes, accumulator));
  }
  Value out = createContraction(
      a, op.getV(), acc, {headed({e, l, f}), shared({e, f, d}), headed({l, d})},
      /*numReductions=*/2);
  if (!inPlace)
    out = createAccumulatorStore(b, loc, mergeHeads(out), op.getInit(),
                                 /*accumulate=*/true);
  return onTensors ? out : Value();
}

FailureOr<SmallVector<Value>> MHFFNOp::decomposeOperation(OpBuilder &b) {
  FailureOr<Value> out = Decomposer(b, *this).run();
  if (failed(out))
    return failure();
  SmallVector<Value> results;
  if (*out)
    results.push_back(*out);
  return results;
}
