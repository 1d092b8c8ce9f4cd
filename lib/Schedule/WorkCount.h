//===- WorkCount.h - Tiles, blocks and waves --------------------*- C++ -*-===//
//
/// \file
/// The part of the cost model that counts what blocks have to do.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_SCHEDULE_WORKCOUNT_H
#define FLASHMHF_LIB_SCHEDULE_WORKCOUNT_H

#include "flashmhf/Schedule/CostModel.h"

namespace mlir::flashmhf {

/// Sets what is counted: tiles, steps, blocks, waves of them, and those that
/// share tiles. `tile`: dff_tile, at most F.
void countWork(Prediction &result, const OperatorFacts &op,
               const ScheduleFields &schedule, int64_t tile, const Chip &chip);

/// Steps of the busiest block.
double countBusySteps(const Prediction &counts);

} // namespace mlir::flashmhf

#endif // FLASHMHF_LIB_SCHEDULE_WORKCOUNT_H
