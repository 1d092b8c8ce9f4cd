//===- Versions.h - Schedules for a range of token counts -------*- C++ -*-===//
//
/// \file
/// Few schedules for an operator of any number of tokens, and the rule by which
/// one of them is taken.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_VERSIONS_H
#define FLASHMHF_SCHEDULE_VERSIONS_H

#include "flashmhf/Dialect/FlashMHF/IR/VariantRule.h"
#include "flashmhf/Schedule/Choice.h"

namespace mlir::flashmhf {

/// Variants where the caller does not say how many there may be.
inline constexpr int64_t kMaxVariants = 10;

struct VersionOptions {
  /// Schedules, at most.
  int64_t maxVariants = kMaxVariants;
  /// How much longer than with the best schedule for a count alone it may take.
  /// Half of that is aimed at, as far as `maxVariants` allow.
  double tolerance = 1.05;
};

struct Version {
  ScheduleFields schedule;
  ChoiceSource source = ChoiceSource::None;
};

struct Versions {
  /// By number. The first is what `choose` takes for many tokens.
  std::vector<Version> variants;
  VariantRule rule;
};

/// Schedules for `op`, whose batch or tokens are dynamic and nothing else: for
/// each count as fast, by the tuning databases and the model, as the options
/// ask. One of them where the batch and the tokens are static, or something
/// else is not. A batch that is dynamic beside dynamic tokens counts as 1: the
/// rule compares B L and the tiles that the batch really has.
Versions chooseVersions(const OperatorFacts &op, const ChooseOptions &options,
                        const VersionOptions &versions, Location loc);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_VERSIONS_H
