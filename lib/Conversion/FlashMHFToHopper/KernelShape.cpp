//===- KernelShape.cpp - What a kernel can compute ------------------------===//
//
/// \file
/// Whether a tile and its schedule can become a kernel. What depends on the
/// rings' places or the registers' sum is checked when those are known.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Schedule/Rules.h"

using namespace mlir;
using namespace mlir::hopper;
using flashmhf::MHFFNOp;

static LogicalResult checkTiled(MHFFNOp op) {
  for (auto [name, operand] : {std::pair("Q", op.getQ()), {"K", op.getK()}}) {
    auto type = cast<MemRefType>(operand.getType());
    if (type.getDimSize(0) != 1 || type.getDimSize(1) != 1)
      return op.emitOpError("must be tiled to one head and one sub-network, "
                            "but ")
             << name << " is " << type;
  }
  return success();
}

FailureOr<KernelShape> hopper::getKernelShape(scf::ForallOp forall,
                                              MHFFNOp op) {
  if (!op.getScheduleAttr())
    return op.emitOpError("has no schedule; run flashmhf-assign-schedule");
  flashmhf::ScheduleFields schedule = op.getScheduleAttr().getFields();
  flashmhf::OperatorFacts facts = flashmhf::OperatorFacts::get(op);
  int64_t rows = facts.subWidth;
  if (ShapedType::isDynamic(rows))
    rows = schedule.dffTile;
  // The F that the rules speak of is that of the whole tensor.
  Value tensor = getTensor(forall, op.getK());
  bool isCut = ShapedType::isDynamic(facts.subWidth) || !tensor;
  facts.subWidth = isCut ? ShapedType::kDynamic
                         : cast<MemRefType>(tensor.getType()).getDimSize(2);
  if (auto fault = flashmhf::findStepFault(facts, rows, schedule))
    return op.emitOpError(*fault);
  if (failed(checkTiled(op)))
    return failure();
  int64_t tokens = facts.tokens;
  if (!ShapedType::isDynamic(tokens) && tokens > schedule.tokenTile)
    return op.emitOpError("has tiles of ")
           << tokens << " tokens, but token_tile is " << schedule.tokenTile;
  return KernelShape{schedule.tokenTile, flashmhf::getStepRows(rows),
                     facts.headWidth};
}
