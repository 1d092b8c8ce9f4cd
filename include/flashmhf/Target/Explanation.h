//===- Explanation.h - Why a schedule was chosen ----------------*- C++ -*-===//
//
/// \file
/// What the choice of a schedule rests on, as JSON.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_EXPLANATION_H
#define FLASHMHF_TARGET_EXPLANATION_H

#include "flashmhf/Schedule/Versions.h"
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
///      "runners_up": [{"schedule", "microseconds", "limit"}, ..],
///      "variants": [{"schedule", "source"}, ..], // of several, and their
///      rule: "rule": {"cases": [{"tokens", "tile", "tiles", "variant"}, ..],
///               "otherwise": 0}}]}
///
/// Then each project: sizes "batch", "heads", "groups", "tokens", "columns" and
/// "depth", "schedule", "source" and, where there is one, "fault".
///
/// Where there are variants, "schedule" and what follows it are of the one for
/// many tokens, the first. At most `runnersUp` of the candidates are named, the
/// fastest first.
std::string explainSchedules(ModuleOp module, const ChooseOptions &options,
                             const VersionOptions &versions, int64_t runnersUp);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_EXPLANATION_H
