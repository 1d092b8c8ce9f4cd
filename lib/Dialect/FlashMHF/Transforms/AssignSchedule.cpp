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
#include "flashmhf/Schedule/Project.h"

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
    FailureOr<ChooseOptions> read = readChooseOptions(
        gpu, database, tuned, programmatic, UnknownLoc::get(context));
    if (failed(read))
      return failure();
    options = std::move(*read);
    return success();
  }

  void runOnOperation() override {
    getOperation()->walk([&](MHFFNOp op) {
      if (op.getScheduleAttr())
        return;
      Choice choice = choose(OperatorFacts::get(op), options, op.getLoc());
      op.setScheduleAttr(ScheduleAttr::get(op.getContext(), choice.schedule));
    });
    getOperation()->walk([&](ProjectOp op) {
      if (op.getScheduleAttr())
        return;
      // Why there is none is for the lowering to say.
      ScheduleFields schedule =
          chooseProjectSchedule(ProjectFacts::get(op), *options.chip,
                                options.programmatic)
              .value_or(ScheduleFields());
      op.setScheduleAttr(ScheduleAttr::get(op.getContext(), schedule));
    });
  }

private:
  ChooseOptions options;
};
} // namespace
