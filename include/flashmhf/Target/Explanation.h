//===- Explanation.h - Why a schedule was chosen ----------------*- C++ -*-===//
//
/// \file
/// What the choice of a schedule rests on, as JSON.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_EXPLANATION_H
#define FLASHMHF_TARGET_EXPLANATION_H

#include "flashmhf/Schedule/Choice.h"
#include "mlir/IR/BuiltinOps.h"

namespace mlir::flashmhf {

/// For each mhffn of `module`, which the choice has not been made for yet:
///
///   {"gpu": .., "operators": [{
///      "sizes": {"batch", "heads", "groups", "tokens", "head_dim",
///                "subnetworks", "subnetwork_width"}, // null where dynamic
///      "schedule": "#flashmhf.schedule<..>",
///      "source": "model", "database", "given" or "none",
///      "measured_microseconds": ..,  // source "database"
///      "fault": "..",                // the schedule cannot be compiled: why
///      "predicted": {"microseconds", "limit", ..},
///      "candidates": how many legal schedules were compared,
///      "runners_up": [{"schedule", "microseconds", "limit"}, ..]}]}
///
/// At most `runnersUp` of the candidates are named, the fastest first.
std::string explainSchedules(ModuleOp module, const ChooseOptions &options,
                             int64_t runnersUp);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_EXPLANATION_H
