//===- FlashMHFOps.cpp - flashmhf operations ------------------------------===//
//
/// \file
/// Builders, memory effects and the verifier of the operations. Passes rely on
/// every rule that is stated here.
//
//===----------------------------------------------------------------------===//

#include "Destination.h"

#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

using namespace mlir;
using namespace mlir::flashmhf;

#define GET_OP_CLASSES
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.cpp.inc"

//===----------------------------------------------------------------------===//
// MHFFNOp
//===----------------------------------------------------------------------===//

void MHFFNOp::build(OpBuilder &builder, OperationState &state,
                    Activation activation, Value q, Value k, Value u, Value v,
                    Value r, Value init, ScheduleAttr schedule) {
  Type result = isa<TensorType>(init.getType()) ? init.getType() : Type();
  build(builder, state, result, activation, q, k, u, v, r, init, schedule);
}

Type MHFFNOp::getAccumulatorType(Type input) {
  return input.isF64() ? input : Float32Type::get(input.getContext());
}

LogicalResult MHFFNOp::reifyResultShapes(OpBuilder &b,
                                         ReifiedRankedShapedTypeDims &shapes) {
  return reifyInitShape(b, *this, shapes);
}

void MHFFNOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  addMemoryEffects(*this, effects);
}

static bool sizesMatch(int64_t lhs, int64_t rhs) {
  return ShapedType::isDynamic(lhs) || ShapedType::isDynamic(rhs) || lhs == rhs;
}

LogicalResult flashmhf::verifySizes(Operation *op, StringRef name, Value value,
                                    ArrayRef<NamedSize> expected) {
  if (!value)
    return success();
  ArrayRef<int64_t> shape = cast<ShapedType>(value.getType()).getShape();
  for (auto [dim, size] : llvm::enumerate(shape))
    if (!sizesMatch(size, expected[dim].size))
      return op->emitOpError("size ")
             << StringRef(&expected[dim].name, 1) << " differs: dimension "
             << dim << " of '" << name << "' is " << size << ", but '"
             << expected[dim].operand << "' has " << expected[dim].size;
  return success();
}

/// Tensors or memrefs, not both.
LogicalResult
flashmhf::verifyDestination(DestinationStyleOpInterface op,
                            ArrayRef<std::pair<StringRef, Value>> operands) {
  Value init = op.getDpsInits()[0];
  bool onTensors = isa<TensorType>(init.getType());
  for (auto [name, value] : operands)
    if (value && isa<TensorType>(value.getType()) != onTensors)
      return op->emitOpError(
                 "operands must be all tensors or all memrefs, but '")
             << name << "' is " << value.getType() << " and 'init' is "
             << init.getType();
  if (onTensors != (op->getNumResults() == 1))
    return op->emitOpError(onTensors ? "on tensors must have one result"
                                     : "on memrefs must have no result");
  if (onTensors && op->getResult(0).getType() != init.getType())
    return op->emitOpError("result type ")
           << op->getResult(0).getType() << " differs from the type of 'init' "
           << init.getType();
  for (auto [index, operand] : llvm::enumerate(op->getOperandTypes()))
    if (auto type = dyn_cast<MemRefType>(operand); type && !type.isStrided())
      return op->emitOpError("operand #")
             << index << " must have a strided layout, got " << type;
  return success();
}

LogicalResult flashmhf::verifyOutputType(DestinationStyleOpInterface op,
                                         Type input, Type accumulator) {
  Type output = getElementTypeOrSelf(op.getDpsInits()[0].getType());
  if (output == input || output == accumulator)
    return success();
  return op->emitOpError("element type of 'init' must be ")
         << input << " or the accumulation type " << accumulator << ", got "
         << output;
}

void flashmhf::addMemoryEffects(
    DestinationStyleOpInterface op,
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : op->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (op.isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

LogicalResult flashmhf::reifyInitShape(OpBuilder &b,
                                       DestinationStyleOpInterface op,
                                       ReifiedRankedShapedTypeDims &shapes) {
  if (!op->getNumResults())
    return failure();
  Value init = op.getDpsInits()[0];
  SmallVector<OpFoldResult> &shape = shapes.emplace_back();
  for (int64_t dim = 0; dim < 4; ++dim)
    shape.push_back(linalg::createFoldedDimOp(b, op->getLoc(), init, dim));
  return success();
}

LogicalResult MHFFNOp::verify() {
  std::pair<StringRef, Value> operands[] = {{"q", getQ()},
                                            {"k", getK()},
                                            {"u", getU()},
                                            {"v", getV()},
                                            {"r", getR()}};
  if (failed(verifyDestination(*this, operands)))
    return failure();

  // Element types.
  Type input = getInputType(), accumulator = getAccumulatorType();
  for (auto [name, value] : operands) {
    if (!value)
      continue;
    Type element = getElementTypeOrSelf(value.getType());
    Type expected = name == "r" ? accumulator : input;
    if (element != expected)
      return emitOpError("element type of '")
             << name << "' must be " << expected << " when 'q' has " << input
             << ", got " << element;
  }
  if (failed(verifyOutputType(*this, input, accumulator)))
    return failure();

  // Sizes: each named size agrees wherever it occurs.
  NamedSize b{'B', getBatches(), "q"}, h{'H', getHeads(), "q"},
      l{'L', getTokens(), "q"}, d{'D', getHeadWidth(), "q"},
      g{'G', getKVHeads(), "k"}, e{'E', getSubNetworks(), "k"},
      f{'F', getSubWidth(), "k"};
  if (failed(verifySizes(*this, "k", getK(), {g, e, f, d})) ||
      failed(verifySizes(*this, "u", getU(), {g, e, f, d})) ||
      failed(verifySizes(*this, "v", getV(), {g, e, f, d})) ||
      failed(verifySizes(*this, "r", getR(), {b, h, l, e})) ||
      failed(verifySizes(*this, "init", getInit(), {b, h, l, d})))
    return failure();

  if (!ShapedType::isDynamic(h.size) && !ShapedType::isDynamic(g.size) &&
      (g.size == 0 ? h.size != 0 : h.size % g.size != 0))
    return emitOpError("number of heads H = ")
           << h.size
           << " must be a multiple of the number of KUV-heads G = " << g.size;
  return success();
}

//===----------------------------------------------------------------------===//
// PickVariantOp
//===----------------------------------------------------------------------===//

VariantRule PickVariantOp::getRule() {
  VariantRule rule;
  for (auto each : getCases().getAsRange<VariantCaseAttr>())
    rule.cases.push_back(
        {each.getTokens(), each.getTile(), each.getTiles(), each.getVariant()});
  rule.otherwise = getOtherwise();
  return rule;
}

OpFoldResult PickVariantOp::fold(FoldAdaptor adaptor) {
  auto batch = dyn_cast_or_null<IntegerAttr>(adaptor.getBatch());
  auto length = dyn_cast_or_null<IntegerAttr>(adaptor.getLength());
  if (!batch || !length || batch.getInt() < 0 || length.getInt() < 0)
    return {};
  return IntegerAttr::get(
      getType(), getRule().getVariant(batch.getInt(), length.getInt()));
}
