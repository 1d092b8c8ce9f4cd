//===- Project.h - Schedules of projections ---------------------*- C++ -*-===//
//
/// \file
/// What a kernel of flashmhf.project can be, and which one is taken where
/// nobody says.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_PROJECT_H
#define FLASHMHF_SCHEDULE_PROJECT_H

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Schedule/Chip.h"

#include <optional>
#include <string>

namespace mlir::flashmhf {

/// One project as a schedule sees it. A size that is not static is
/// ShapedType::kDynamic.
struct ProjectFacts {
  int64_t batches = ShapedType::kDynamic; ///< B
  int64_t groups = ShapedType::kDynamic;  ///< G
  int64_t tokens = ShapedType::kDynamic;  ///< L
  int64_t depth = ShapedType::kDynamic;   ///< K
  int64_t heads = ShapedType::kDynamic;   ///< H
  int64_t columns = ShapedType::kDynamic; ///< N
  Type inputType;

  static ProjectFacts get(ProjectOp op);
};

/// Rows of W in one step: N, with exchanged roles whole warpgroup tiles.
int64_t getWeightRows(const ProjectFacts &op, const ScheduleFields &schedule);

/// Steps of the sum over G and K; none spans two groups.
int64_t countProjectSteps(const ProjectFacts &op,
                          const ScheduleFields &schedule);

/// Why no kernel of `op` can be made under `schedule`; nothing if one can.
/// Completes the name of an operation: "needs .., has ..".
std::optional<std::string> findProjectFault(const ProjectFacts &op,
                                            const ScheduleFields &schedule);

/// The schedule of the least estimated time: of what the busiest multiprocessor
/// and all together read or multiply, and of the sums that are pushed. What the
/// weights take from device memory is the same for all. Tokens that are not
/// static count as 256. Nothing where no kernel can be made. `programmatic`:
/// the kernel may start before the one in front of it ends.
std::optional<ScheduleFields> chooseProjectSchedule(const ProjectFacts &op,
                                                    const Chip &chip,
                                                    bool programmatic);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_PROJECT_H
