//===- VariantSwitch.cpp - A program of several variants ------------------===//
//
/// \file
/// From an scf.index_switch to its rule and its regions. Invariant: every
/// variant that the rule can name has a region.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/VariantSwitch.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::flashmhf;

/// The argument of the function whose size `dim` `value` is, if it is one.
static BlockArgument getSizedArgument(Value value, int64_t dim) {
  auto size = value.getDefiningOp<memref::DimOp>();
  if (!size || size.getConstantIndex() != dim)
    return {};
  Value source = size.getSource();
  while (auto cast = source.getDefiningOp<memref::CastOp>())
    source = cast.getSource();
  auto argument = dyn_cast<BlockArgument>(source);
  if (!argument || !isa<func::FuncOp>(argument.getOwner()->getParentOp()) ||
      cast<MemRefType>(argument.getType()).getRank() < 3)
    return {};
  return argument;
}

/// Whether `value` is size `dim` of `argument`.
static bool isSizeOf(Value value, BlockArgument argument, int64_t dim) {
  int64_t size = cast<MemRefType>(argument.getType()).getDimSize(dim);
  if (!ShapedType::isDynamic(size))
    return isConstantIntValue(value, size);
  return getSizedArgument(value, dim) == argument;
}

FailureOr<VariantSwitch> VariantSwitch::get(scf::IndexSwitchOp op) {
  auto pick = op.getArg().getDefiningOp<PickVariantOp>();
  if (!pick)
    return op.emitOpError("is left for the host to run: it does not choose by "
                          "a flashmhf.pick_variant");
  VariantSwitch result;
  result.rule = pick.getRule();
  BlockArgument argument = getSizedArgument(pick.getBatch(), 0);
  if (!argument)
    argument = getSizedArgument(pick.getLength(), 2);
  if (!argument || !isSizeOf(pick.getBatch(), argument, 0) ||
      !isSizeOf(pick.getLength(), argument, 2))
    return pick.emitOpError("must be of the batch and the length, dimensions 0 "
                            "and 2, of one argument of the function");
  result.argument = argument.getArgNumber();

  result.regions.push_back(&op.getDefaultRegion());
  for (auto [i, value] : llvm::enumerate(op.getCases())) {
    if (value != int64_t(i) + 1)
      return op.emitOpError("must have the cases 1, 2, .. in their order, has ")
             << value;
    result.regions.push_back(&op.getCaseRegions()[i]);
  }
  auto check = [&](int64_t variant) -> LogicalResult {
    if (variant < int64_t(result.regions.size()))
      return success();
    return pick.emitOpError("names variant ")
           << variant << " of " << result.regions.size();
  };
  for (const VariantCase &each : result.rule.cases)
    if (failed(check(each.variant)))
      return failure();
  if (failed(check(result.rule.otherwise)))
    return failure();
  return result;
}
