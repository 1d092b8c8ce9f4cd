//===- AssignSchedule.cpp - Write a schedule on every mhffn ---------------===//
//
/// \file
/// In: mhffn with or without a schedule. Out: every mhffn has one, from a
/// tuning database or the cost model.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h"
#include "flashmhf/Schedule/Choice.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFASSIGNSCHEDULE
#include "flashmhf/Dialect/FlashMHF/Transforms/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

namespace {
struct AssignSchedulePass
    : flashmhf::impl::FlashMHFAssignScheduleBase<AssignSchedulePass> {
  using FlashMHFAssignScheduleBase::FlashMHFAssignScheduleBase;

  LogicalResult initialize(MLIRContext *context) override {
    llvm::Expected<DatabaseChoice> chosen =
        DatabaseChoice::get(database, tuned);
    if (!chosen)
      return emitError(UnknownLoc::get(context),
                       llvm::toString(chosen.takeError()));
    databases = std::move(*chosen);
    return success();
  }

  void runOnOperation() override {
    ChooseOptions options;
    options.chip = &getChip(gpu);
    options.databases = databases.get();
    getOperation()->walk([&](MHFFNOp op) {
      if (op.getScheduleAttr())
        return;
      Choice choice = choose(OperatorFacts::get(op), options, op.getLoc());
      op.setScheduleAttr(ScheduleAttr::get(op.getContext(), choice.schedule));
    });
  }

private:
  DatabaseChoice databases;
};
} // namespace
