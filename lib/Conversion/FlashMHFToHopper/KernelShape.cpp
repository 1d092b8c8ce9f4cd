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

/// Steps and heads are counted when the kernel is made, of the whole tensors.
static LogicalResult checkStatic(scf::ForallOp forall, MHFFNOp op) {
  Value q = getTensor(forall, op.getQ()), k = getTensor(forall, op.getK());
  if (!q || !k)
    return success(); // Diagnosed where parameters are made.
  auto queries = cast<MemRefType>(q.getType());
  auto weights = cast<MemRefType>(k.getType());
  if (queries.getRank() != 4 || weights.getRank() != 4)
    return success();
  std::pair<char, int64_t> sizes[] = {{'H', queries.getDimSize(1)},
                                      {'G', weights.getDimSize(0)},
                                      {'E', weights.getDimSize(1)},
                                      {'F', weights.getDimSize(2)}};
  if (llvm::none_of(
          sizes, [](auto size) { return ShapedType::isDynamic(size.second); }))
    return success();
  InFlightDiagnostic diag =
      op.emitOpError("needs static H, G, E and F on a GPU, has ");
  llvm::interleaveComma(sizes, diag, [&](auto size) {
    diag << size.first << " = ";
    if (ShapedType::isDynamic(size.second))
      diag << "?";
    else
      diag << size.second;
  });
  return diag;
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
  if (failed(checkStatic(forall, op)) || failed(checkTiled(op)))
    return failure();
  int64_t tokens = facts.tokens;
  if (!ShapedType::isDynamic(tokens) && tokens > schedule.tokenTile)
    return op.emitOpError("has tiles of ")
           << tokens << " tokens, but token_tile is " << schedule.tokenTile;
  return KernelShape{schedule.tokenTile, flashmhf::getStepRows(rows, schedule),
                     facts.headWidth, schedule.exchange};
}
