//===- FlashMHFOps.cpp - flashmhf operations ------------------------------===//
//
/// \file
/// Builders, memory effects and the verifier of the operations. Passes rely on
/// every rule that is stated here.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

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
  if (!getResult())
    return failure();
  SmallVector<OpFoldResult> &shape = shapes.emplace_back();
  for (int64_t dim = 0; dim < 4; ++dim)
    shape.push_back(linalg::createFoldedDimOp(b, getLoc(), getInit(), dim));
  return success();
}

void MHFFNOp::getEffects(
    SmallVectorImpl<SideEffects::EffectInstance<MemoryEffects::Effect>>
        &effects) {
  for (OpOperand &operand : getOperation()->getOpOperands()) {
    if (!isa<MemRefType>(operand.get().getType()))
      continue;
    effects.emplace_back(MemoryEffects::Read::get(), &operand);
    if (isDpsInit(&operand))
      effects.emplace_back(MemoryEffects::Write::get(), &operand);
  }
}

namespace {
/// One size of the problem: its name and where it is first read.
struct NamedSize {
  char name;
  int64_t size;
  StringRef operand;
};
} // namespace

static bool sizesMatch(int64_t lhs, int64_t rhs) {
  return ShapedType::isDynamic(lhs) || ShapedType::isDynamic(rhs) || lhs == rhs;
}

LogicalResult MHFFNOp::verify() {
  // Tensors or memrefs, not both.
  bool onTensors = isa<TensorType>(getInit().getType());
  auto verifyKind = [&](StringRef name, Value value) -> LogicalResult {
    if (!value || isa<TensorType>(value.getType()) == onTensors)
      return success();
    return emitOpError("operands must be all tensors or all memrefs, but '")
           << name << "' is " << value.getType() << " and 'init' is "
           << getInit().getType();
  };
  std::pair<StringRef, Value> operands[] = {{"q", getQ()},
                                            {"k", getK()},
                                            {"u", getU()},
                                            {"v", getV()},
                                            {"r", getR()}};
  for (auto [name, value] : operands)
    if (failed(verifyKind(name, value)))
      return failure();
  if (onTensors != static_cast<bool>(getResult()))
    return emitOpError(onTensors ? "on tensors must have one result"
                                 : "on memrefs must have no result");
  if (onTensors && getResult().getType() != getInit().getType())
    return emitOpError("result type ")
           << getResult().getType() << " differs from the type of 'init' "
           << getInit().getType();

  for (auto [index, operand] : llvm::enumerate(getOperandTypes()))
    if (auto type = dyn_cast<MemRefType>(operand); type && !type.isStrided())
      return emitOpError("operand #")
             << index << " must have a strided layout, got " << type;

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
  Type output = getElementTypeOrSelf(getInit().getType());
  if (output != input && output != accumulator)
    return emitOpError("element type of 'init' must be ")
           << input << " or the accumulation type " << accumulator << ", got "
           << output;

  // Sizes: each named size agrees wherever it occurs.
  NamedSize b{'B', getBatches(), "q"}, h{'H', getHeads(), "q"},
      l{'L', getTokens(), "q"}, d{'D', getHeadWidth(), "q"},
      g{'G', getKVHeads(), "k"}, e{'E', getSubNetworks(), "k"},
      f{'F', getSubWidth(), "k"};
  auto verifySizes = [&](StringRef name, Value value,
                         ArrayRef<NamedSize> expected) -> LogicalResult {
    if (!value)
      return success();
    for (auto [dim, size] : llvm::enumerate(getShapeOf(value)))
      if (!sizesMatch(size, expected[dim].size))
        return emitOpError("size ")
               << StringRef(&expected[dim].name, 1) << " differs: dimension "
               << dim << " of '" << name << "' is " << size << ", but '"
               << expected[dim].operand << "' has " << expected[dim].size;
    return success();
  };
  if (failed(verifySizes("k", getK(), {g, e, f, d})) ||
      failed(verifySizes("u", getU(), {g, e, f, d})) ||
      failed(verifySizes("v", getV(), {g, e, f, d})) ||
      failed(verifySizes("r", getR(), {b, h, l, e})) ||
      failed(verifySizes("init", getInit(), {b, h, l, d})))
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
