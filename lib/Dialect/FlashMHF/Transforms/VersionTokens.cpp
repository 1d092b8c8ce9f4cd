//===- VersionTokens.cpp - Variants of an mhffn by its number of tokens ---===//
//
/// \file
/// In: mhffn, some without a schedule and with a dynamic batch or length. Out:
/// in place of each of those a switch over variants with a schedule each, where
/// one schedule would not do for all sizes.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/Accumulation.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"
#include "flashmhf/Schedule/Versions.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/Dialect/Linalg/IR/Linalg.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Tensor/IR/Tensor.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFVERSIONTOKENS
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

/// The rule of `versions` for the sizes of `op`.
static Value createPick(OpBuilder &b, MHFFNOp op, const Versions &versions) {
  Location loc = op.getLoc();
  auto getSize = [&](int64_t dim) {
    return getValueOrCreateConstantIndexOp(
        b, loc, linalg::createFoldedDimOp(b, loc, op.getQ(), dim));
  };
  SmallVector<Attribute> cases;
  for (const VariantCase &each : versions.rule.cases)
    cases.push_back(VariantCaseAttr::get(b.getContext(), each.tokens, each.tile,
                                         each.tiles, each.variant));
  Value batch = getSize(0), length = getSize(2);
  return PickVariantOp::create(b, loc, batch, length, b.getArrayAttr(cases),
                               versions.rule.otherwise);
}

static void version(RewriterBase &b, MHFFNOp op, const Versions &versions) {
  Location loc = op.getLoc();
  linalg::FillOp fill = getZeroFillOfInit(op);
  b.setInsertionPoint(op);
  Value variant = createPick(b, op, versions);
  SmallVector<int64_t> cases;
  for (size_t i = 1; i < versions.variants.size(); ++i)
    cases.push_back(i);
  auto choice = scf::IndexSwitchOp::create(b, loc, op->getResultTypes(),
                                           variant, cases, cases.size());
  for (auto [i, version] : llvm::enumerate(versions.variants)) {
    Region &region =
        i == 0 ? choice.getDefaultRegion() : choice.getCaseRegions()[i - 1];
    b.setInsertionPointToEnd(&region.emplaceBlock());
    // Each variant needs to see that its init is zero.
    IRMapping mapping;
    if (fill)
      b.clone(*fill, mapping);
    auto copy = cast<MHFFNOp>(b.clone(*op, mapping));
    copy.setScheduleAttr(ScheduleAttr::get(b.getContext(), version.schedule));
    scf::YieldOp::create(b, loc, copy->getResults());
  }
  b.replaceOp(op, choice.getResults());
  if (fill && fill->use_empty())
    b.eraseOp(fill);
}

namespace {
struct VersionTokensPass
    : flashmhf::impl::FlashMHFVersionTokensBase<VersionTokensPass> {
  using FlashMHFVersionTokensBase::FlashMHFVersionTokensBase;

  LogicalResult initialize(MLIRContext *context) override {
    FailureOr<ChooseOptions> read = readChooseOptions(
        gpu, database, tuned, programmatic, UnknownLoc::get(context));
    if (failed(read))
      return failure();
    options = std::move(*read);
    if (maxVariants < 1)
      return emitError(UnknownLoc::get(context), "max-variants is ")
             << int64_t(maxVariants) << ", expected at least 1";
    if (!(tolerance >= 1))
      return emitError(UnknownLoc::get(context), "tolerance is ")
             << double(tolerance) << ", expected at least 1";
    return success();
  }

  void runOnOperation() override {
    if (maxVariants == 1)
      return;
    VersionOptions limits;
    limits.maxVariants = maxVariants;
    limits.tolerance = tolerance;
    SmallVector<MHFFNOp> ops;
    // What stands in a loop may be a tile, whose tokens are no choice.
    for (auto op : getOperation().getOps<MHFFNOp>())
      if (!op.getScheduleAttr())
        ops.push_back(op);
    IRRewriter rewriter(&getContext());
    for (MHFFNOp op : ops) {
      Versions versions =
          chooseVersions(OperatorFacts::get(op), options, limits, op.getLoc());
      if (versions.variants.size() > 1)
        version(rewriter, op, versions);
    }
  }

private:
  ChooseOptions options;
};
} // namespace
