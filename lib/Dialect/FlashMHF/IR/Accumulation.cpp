//===- Accumulation.cpp - Sums in the accumulation type -------------------===//
//
/// \file
/// Accumulators and their one store; see Accumulation.h.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"
#include "mlir/IR/Matchers.h"

using namespace mlir;
using namespace mlir::flashmhf;

Value flashmhf::createBuffer(OpBuilder &b, Location loc, bool onTensors,
                             ArrayRef<OpFoldResult> sizes, Type elementType) {
  if (onTensors)
    return tensor::EmptyOp::create(b, loc, sizes, elementType);
  SmallVector<int64_t> shape;
  SmallVector<Value> dynamicSizes;
  dispatchIndexOpFoldResults(sizes, dynamicSizes, shape);
  return memref::AllocOp::create(b, loc, MemRefType::get(shape, elementType),
                                 dynamicSizes);
}

/// The tensor that `op` produced for `out`, or the memref that it wrote.
static Value resultOrBuffer(Operation *op, Value out) {
  return op->getNumResults() ? Value(op->getResult(0)) : out;
}

Value flashmhf::createZeroFill(OpBuilder &b, Location loc, Value buffer) {
  Type element = getElementTypeOrSelf(buffer.getType());
  Value zero = arith::ConstantOp::create(b, loc, b.getZeroAttr(element));
  return resultOrBuffer(linalg::FillOp::create(b, loc, zero, buffer), buffer);
}

Value flashmhf::createAccumulatorStore(OpBuilder &b, Location loc, Value acc,
                                       Value out, bool accumulate) {
  auto outType = cast<ShapedType>(out.getType());
  Type narrow = outType.getElementType();
  Type wide = getElementTypeOrSelf(acc.getType());
  int64_t rank = outType.getRank();
  SmallVector<AffineMap> maps(2, b.getMultiDimIdentityMap(rank));
  SmallVector<utils::IteratorType> loops(rank, utils::IteratorType::parallel);
  SmallVector<Type> results;
  if (isa<TensorType>(outType))
    results.push_back(outType);
  auto body = [&](OpBuilder &b, Location loc, ValueRange args) {
    Value sum = args[0];
    if (accumulate) {
      Value old = args[1];
      if (narrow != wide)
        old = arith::ExtFOp::create(b, loc, wide, old);
      sum = arith::AddFOp::create(b, loc, old, sum);
    }
    if (narrow != wide)
      sum = arith::TruncFOp::create(b, loc, narrow, sum);
    linalg::YieldOp::create(b, loc, sum);
  };
  auto store =
      linalg::GenericOp::create(b, loc, results, acc, out, maps, loops, body);
  return resultOrBuffer(store, out);
}

static bool fillsWithZero(linalg::FillOp fill) {
  return fill && matchPattern(fill.getInputs()[0], m_AnyZeroFloat());
}

linalg::FillOp flashmhf::getZeroFillOfInit(DestinationStyleOpInterface op) {
  Value init = op.getDpsInits()[0];
  if (isa<TensorType>(init.getType())) {
    auto fill = init.getDefiningOp<linalg::FillOp>();
    return fillsWithZero(fill) ? fill : linalg::FillOp();
  }
  for (Operation *prev = op->getPrevNode(); prev; prev = prev->getPrevNode()) {
    if (auto fill = dyn_cast<linalg::FillOp>(prev);
        fill && fill.getOutputs()[0] == init)
      return fillsWithZero(fill) ? fill : linalg::FillOp();
    // An allocation neither reads nor writes memory that exists already.
    if (!isMemoryEffectFree(prev) && !isa<memref::AllocOp>(prev))
      return {};
  }
  return {};
}

bool flashmhf::replaceIfEmpty(RewriterBase &rewriter,
                              DestinationStyleOpInterface op) {
  auto isEmpty = [](Value operand) {
    return llvm::is_contained(cast<ShapedType>(operand.getType()).getShape(),
                              0);
  };
  if (llvm::none_of(op->getOperands(), isEmpty))
    return false;
  if (op->getNumResults())
    rewriter.replaceOp(op, op.getDpsInits()[0]);
  else
    rewriter.eraseOp(op);
  return true;
}
