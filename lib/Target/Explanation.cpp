//===- Explanation.cpp - Why a schedule was chosen ------------------------===//
//
/// \file
/// In: operators with or without schedules. Out: JSON, its keys in the order of
/// the header; the chosen schedule is the first that is named.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Explanation.h"

#include "flashmhf/Schedule/Project.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"

using namespace mlir;
using namespace mlir::flashmhf;
namespace json = llvm::json;

static std::string print(const ScheduleFields &schedule, MLIRContext *context) {
  std::string text;
  llvm::raw_string_ostream os(text);
  Attribute attribute = ScheduleAttr::get(context, schedule);
  attribute.print(os);
  return text;
}

/// A number with three digits behind the point.
static void write(json::OStream &os, StringRef name, double value) {
  os.attributeBegin(name);
  os.rawValue(llvm::formatv("{0:f3}", value).str());
  os.attributeEnd();
}

static void
writeSizes(json::OStream &os,
           std::initializer_list<std::pair<StringRef, int64_t>> sizes) {
  os.attributeObject("sizes", [&] {
    for (auto [name, size] : sizes)
      os.attribute(name, ShapedType::isDynamic(size) ? json::Value(nullptr)
                                                     : json::Value(size));
  });
}

static void writePrediction(json::OStream &os, const Prediction &prediction) {
  write(os, "microseconds", prediction.microseconds);
  os.attribute("limit", prediction.limit);
  os.attribute("tiles", prediction.tiles);
  os.attribute("blocks", prediction.blocks);
  os.attribute("waves", prediction.waves);
  write(os, "occupancy", prediction.occupancy);
  os.attribute("steps", prediction.steps);
  write(os, "step_cycles", prediction.stepCycles);
  write(os, "tensor_cycles", prediction.tensorCycles);
  write(os, "special_cycles", prediction.specialCycles);
  write(os, "memory_cycles", prediction.memoryCycles);
  write(os, "launch_microseconds", prediction.launchMicroseconds);
  write(os, "power_microseconds", prediction.powerMicroseconds);
  write(os, "memory_microseconds", prediction.memoryMicroseconds);
  os.attribute("l2_bytes", static_cast<int64_t>(prediction.l2Bytes));
  os.attribute("shared_memory", prediction.sharedMemory);
  os.attribute("accumulators", prediction.accumulators);
}

static StringRef stringify(ChoiceSource source) {
  switch (source) {
  case ChoiceSource::Model:
    return "model";
  case ChoiceSource::Database:
    return "database";
  case ChoiceSource::None:
    return "none";
  }
  llvm_unreachable("unknown source");
}

/// The schedules for a range of token counts, if there are several.
static void writeVersions(json::OStream &os, MHFFNOp op,
                          const Versions &versions) {
  if (versions.variants.size() < 2)
    return;
  os.attributeArray("variants", [&] {
    for (const Version &variant : versions.variants)
      os.object([&] {
        os.attribute("schedule", print(variant.schedule, op.getContext()));
        os.attribute("source", stringify(variant.source));
      });
  });
  os.attributeObject("rule", [&] {
    os.attributeArray("cases", [&] {
      for (const VariantCase &each : versions.rule.cases)
        os.object([&] {
          os.attribute("tokens", each.tokens);
          os.attribute("tile", each.tile);
          os.attribute("tiles", each.tiles);
          os.attribute("variant", each.variant);
        });
    });
    os.attribute("otherwise", versions.rule.otherwise);
  });
}

static void explain(json::OStream &os, MHFFNOp op, const ChooseOptions &options,
                    const VersionOptions &limits, int64_t runnersUp) {
  OperatorFacts facts = OperatorFacts::get(op);
  Choice choice = choose(facts, options, op.getLoc());
  StringRef source = stringify(choice.source);
  if (ScheduleAttr given = op.getScheduleAttr()) {
    choice.schedule = given.getFields();
    choice.prediction = std::nullopt;
    source = "given";
  }
  std::optional<std::string> fault = findFault(facts, choice.schedule);
  if (!fault && !choice.prediction)
    choice.prediction = predict(facts, choice.schedule, *options.chip);

  writeSizes(os, {{"batch", facts.batches},
                  {"heads", facts.heads},
                  {"groups", facts.groups},
                  {"tokens", facts.tokens},
                  {"head_dim", facts.headWidth},
                  {"subnetworks", facts.subNetworks},
                  {"subnetwork_width", facts.subWidth}});
  os.attribute("schedule", print(choice.schedule, op.getContext()));
  os.attribute("source", source);
  if (source == "database")
    write(os, "measured_microseconds", choice.microseconds);
  if (fault)
    os.attribute("fault", *fault);
  else
    os.attributeObject("predicted",
                       [&] { writePrediction(os, *choice.prediction); });
  os.attribute("candidates", static_cast<int64_t>(choice.candidates.size()));
  os.attributeArray("runners_up", [&] {
    std::string chosen = print(choice.schedule, op.getContext());
    for (const Candidate &candidate : choice.candidates) {
      std::string schedule = print(candidate.schedule, op.getContext());
      if (schedule == chosen)
        continue;
      if (runnersUp-- <= 0)
        break;
      os.object([&] {
        os.attribute("schedule", schedule);
        write(os, "microseconds", candidate.prediction.microseconds);
        os.attribute("limit", candidate.prediction.limit);
      });
    }
  });
  if (!op.getScheduleAttr())
    writeVersions(os, op, chooseVersions(facts, options, limits, op.getLoc()));
}

static void explain(json::OStream &os, ProjectOp op,
                    const ChooseOptions &options) {
  ProjectFacts facts = ProjectFacts::get(op);
  std::optional<ScheduleFields> chosen =
      chooseProjectSchedule(facts, *options.chip, options.programmatic);
  StringRef source =
      stringify(chosen ? ChoiceSource::Model : ChoiceSource::None);
  if (ScheduleAttr given = op.getScheduleAttr()) {
    chosen = given.getFields();
    source = "given";
  }
  ScheduleFields schedule = chosen.value_or(ScheduleFields());
  writeSizes(os, {{"batch", facts.batches},
                  {"heads", facts.heads},
                  {"groups", facts.groups},
                  {"tokens", facts.tokens},
                  {"columns", facts.columns},
                  {"depth", facts.depth}});
  os.attribute("schedule", print(schedule, op.getContext()));
  os.attribute("source", source);
  if (std::optional<std::string> fault = findProjectFault(facts, schedule))
    os.attribute("fault", *fault);
}

std::string flashmhf::explainSchedules(ModuleOp module,
                                       const ChooseOptions &options,
                                       const VersionOptions &versions,
                                       int64_t runnersUp) {
  std::string text;
  llvm::raw_string_ostream stream(text);
  json::OStream os(stream, /*IndentSize=*/2);
  os.object([&] {
    os.attribute("gpu", options.chip->name);
    os.attributeArray("operators", [&] {
      module.walk([&](MHFFNOp op) {
        os.object([&] { explain(os, op, options, versions, runnersUp); });
      });
      module.walk(
          [&](ProjectOp op) { os.object([&] { explain(os, op, options); }); });
    });
  });
  stream << "\n";
  return text;
}
