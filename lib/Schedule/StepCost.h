//===- StepCost.h - How long one step takes ---------------------*- C++ -*-===//
//
/// \file
/// The part of the cost model that is about one step of a block.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_SCHEDULE_STEPCOST_H
#define FLASHMHF_LIB_SCHEDULE_STEPCOST_H

#include "flashmhf/Schedule/Chip.h"
#include "flashmhf/Schedule/Rules.h"

namespace mlir::flashmhf {

/// Cycles of one step.
struct StepCost {
  double tensor = 0;  ///< All consumers.
  double special = 0; ///< All consumers.
  double chain = 0;   ///< One consumer, one thing after another.
  double total = 0;   ///< All in all, but for other multiprocessors.
  StringRef limit;    ///< As in Prediction.
};

/// `rows`: see getStepRows; `overlaps`: there is another step to overlap with;
/// `sharing`: blocks that share a multiprocessor.
StepCost getStepCost(const OperatorFacts &op, const ScheduleFields &schedule,
                     int64_t rows, bool overlaps, int64_t sharing);

/// The time of two things that hide each other in part: the larger one, and
/// more where they are about as long. Less is hidden the smaller `exponent`.
double joinTimes(double a, double b, double exponent);

} // namespace mlir::flashmhf

#endif // FLASHMHF_LIB_SCHEDULE_STEPCOST_H
