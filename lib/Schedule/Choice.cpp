//===- Choice.cpp - Which schedule an operator gets -----------------------===//
//
/// \file
/// In: the candidates and databases; out: the schedule that a database has, or
/// the candidate with the least predicted time.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/Choice.h"

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/Diagnostics.h"

using namespace mlir;
using namespace mlir::flashmhf;

/// Predictions this close count as a tie, which the order of candidates breaks:
/// the model does not know better.
static constexpr double kTie = 1.002;

/// The fastest first; among those that tie with it, the one preferred.
static void rank(std::vector<Candidate> &candidates) {
  if (candidates.empty())
    return;
  auto time = [](const Candidate &candidate) {
    return candidate.prediction.microseconds;
  };
  double least = time(candidates.front());
  for (const Candidate &candidate : candidates)
    least = std::min(least, time(candidate));
  auto preferred = llvm::find_if(candidates, [&](const Candidate &candidate) {
    return time(candidate) <= least * kTie;
  });
  // By time, then by preference.
  std::vector<std::pair<double, size_t>> order;
  for (auto [i, candidate] : llvm::enumerate(candidates))
    order.emplace_back(time(candidate), i);
  order[preferred - candidates.begin()].first = 0;
  llvm::sort(order);
  std::vector<Candidate> ranked;
  ranked.reserve(order.size());
  for (auto [_, i] : order)
    ranked.push_back(std::move(candidates[i]));
  candidates = std::move(ranked);
}

/// The schedule of an entry, nothing with a warning if it is of no use.
static std::optional<ScheduleFields>
readEntry(const TunedSchedule &entry, StringRef database,
          const OperatorFacts &op, bool programmatic, Location loc) {
  MLIRContext *context = loc.getContext();
  ScheduleAttr schedule;
  std::string reason;
  {
    ScopedDiagnosticHandler handler(context, [&](Diagnostic &diagnostic) {
      reason = diagnostic.str();
      return success();
    });
    schedule =
        dyn_cast_or_null<ScheduleAttr>(parseAttribute(entry.schedule, context));
  }
  auto warn = [&](const Twine &what) {
    emitWarning(loc) << "tuning database '" << database << "' is passed over: "
                     << "its schedule for " << entry.key << " " << what
                     << "; run python -m flashmhf tune again";
    return std::nullopt;
  };
  if (!schedule)
    return warn("cannot be read: " + reason);
  ScheduleFields fields = schedule.getFields();
  fields.programmatic = programmatic;
  if (auto fault = findFault(op, fields))
    return warn(*fault);
  return fields;
}

FailureOr<ChooseOptions>
flashmhf::readChooseOptions(StringRef gpu, StringRef database, bool tuned,
                            bool programmatic, Location loc) {
  auto databases = getDatabases(database, tuned);
  if (!databases) {
    emitError(loc, llvm::toString(databases.takeError()));
    return failure();
  }
  return ChooseOptions{&getChip(gpu), std::move(*databases), programmatic};
}

Choice flashmhf::choose(const OperatorFacts &facts,
                        const ChooseOptions &options, Location loc) {
  OperatorFacts op = facts;
  // What fits the widest head fits any narrower one.
  if (ShapedType::isDynamic(op.headWidth))
    op.headWidth = kMaxTile;
  Choice choice;
  choice.candidates = getCandidates(op, *options.chip, options.programmatic);
  rank(choice.candidates);
  for (bool kind : {options.programmatic, !options.programmatic})
    for (const auto &database : options.databases) {
      const TunedSchedule *entry = database->find(facts, *options.chip, kind);
      if (!entry)
        continue;
      auto schedule =
          readEntry(*entry, database->getName(), op, options.programmatic, loc);
      if (!schedule)
        continue;
      choice.schedule = *schedule;
      choice.source = ChoiceSource::Database;
      choice.microseconds = entry->microseconds;
      choice.prediction = predict(op, choice.schedule, *options.chip);
      return choice;
    }
  if (choice.candidates.empty()) {
    choice.schedule.dffTile = kProductStep;
    choice.schedule.stages = {1, 1, 1};
    choice.schedule.persistent = true;
    choice.schedule.overlap = true;
    return choice;
  }
  choice.schedule = choice.candidates.front().schedule;
  choice.prediction = choice.candidates.front().prediction;
  choice.source = ChoiceSource::Model;
  return choice;
}
