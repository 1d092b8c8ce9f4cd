//===- Choice.h - Which schedule an operator gets ---------------*- C++ -*-===//
//
/// \file
/// Legal schedules, ranked by the cost model, and the one that a tuning
/// database knows better.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_SCHEDULE_CHOICE_H
#define FLASHMHF_SCHEDULE_CHOICE_H

#include "flashmhf/Schedule/CostModel.h"
#include "flashmhf/Schedule/Database.h"

namespace mlir::flashmhf {

/// A legal schedule and what the model says of it.
struct Candidate {
  ScheduleFields schedule;
  Prediction prediction;
};

/// Every legal schedule that is worth a look, in order of preference where
/// predictions tie. Empty where no kernel can be made of `op`. `programmatic`:
/// kernels start before the one in front of them ends.
std::vector<Candidate> getCandidates(const OperatorFacts &op, const Chip &chip,
                                     bool programmatic = false);

/// Where a choice comes from.
enum class ChoiceSource {
  Model,    ///< The fastest by the model.
  Database, ///< An entry of a tuning database.
  None      ///< There is no legal one: smallest tiles, for a pass to reject.
};

struct Choice {
  ScheduleFields schedule;
  ChoiceSource source = ChoiceSource::None;
  /// Of a legal schedule.
  std::optional<Prediction> prediction;
  /// Of a database's: measured.
  double microseconds = 0;
  /// All candidates, the fastest first.
  std::vector<Candidate> candidates;
};

struct ChooseOptions {
  const Chip *chip = &kChips[0];
  /// Asked in this order before the model.
  SmallVector<std::shared_ptr<const TuningDatabase>> databases;
  /// The caller lets kernels start before the one in front of them ends: each
  /// schedule is `programmatic`.
  bool programmatic = false;
};

/// What the options of a pass or a tool ask for. `gpu`: see getChip;
/// `database`: a file to ask first, "" for none; `tuned`: false for no database
/// at all, which `database` then must not name. Says at `loc` what is wrong.
FailureOr<ChooseOptions> readChooseOptions(StringRef gpu, StringRef database,
                                           bool tuned, bool programmatic,
                                           Location loc);

/// Chooses. Of all databases entries are preferred that were measured with
/// programmatic starts if the options allow them, else without; then those of
/// the other kind, made `programmatic` or not as the options ask. An entry that
/// this compiler cannot read or whose schedule `op` must not have is passed
/// over with a warning at `loc`.
Choice choose(const OperatorFacts &op, const ChooseOptions &options,
              Location loc);

} // namespace mlir::flashmhf

#endif // FLASHMHF_SCHEDULE_CHOICE_H
