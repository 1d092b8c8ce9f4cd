//===- Versions.cpp - Schedules for a range of token counts ---------------===//
//
/// \file
/// In: an operator of any number of tokens. Out: few schedules that together
/// are near the best for each count. Counts stand for those up to them: between
/// two of them no tile grid changes, and so the model's times hardly do.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/Versions.h"

#include "llvm/ADT/STLExtras.h"
#include <cmath>

using namespace mlir;
using namespace mlir::flashmhf;

/// Counts looked at: up to a tile of one and of two consumers, which have less
/// to store the emptier they are, multiples of these; above, of the last.
static constexpr int64_t kFewStep = 8, kSomeStep = 16, kStep = 64;
/// The largest count looked at: this many waves of tiles of kManyRows tokens.
/// With more of them the last one, which may be almost empty, weighs little.
static constexpr int64_t kWaves = 4, kManyRows = 128;
static constexpr int64_t kLeastRange = 4096, kMostRange = 65536;
/// Schedules are looked for at counts that grow by this; every multiple of 64
/// up to kDense is one too, where other tiles suit other numbers of pieces.
static constexpr double kStride = 1.2;
static constexpr int64_t kDense = 1024;
/// What a database found fastest, beside what the model thinks just as fast:
/// less than the tolerance allows to give up.
static constexpr double kMeasured = 0.94;
/// A neighbour's variant is kept where another is no better than this: the
/// model does not know better, and the rule stays short.
static constexpr double kKeep = 1.01;

namespace {
/// Sizes that stand for all with as many tokens or fewer, down to the previous.
struct Point {
  int64_t batches, length;
  double weight; ///< Octaves down to the previous one.

  int64_t getTokens() const { return batches * length; }
  int64_t getTiles(int64_t tile) const {
    return batches * llvm::divideCeil(length, tile);
  }
};

/// The search for one operator.
class Search {
public:
  Search(const OperatorFacts &op, const ChooseOptions &options,
         const VersionOptions &versions, Location loc)
      : op(op), options(options), versions(versions), loc(loc) {}

  Versions run();

private:
  OperatorFacts at(const Point &point) const {
    OperatorFacts facts = op;
    facts.batches = point.batches;
    facts.tokens = point.length;
    facts.hasAnyTokens = ShapedType::isDynamic(op.tokens);
    return facts;
  }
  void makePoints();
  unsigned add(const ScheduleFields &schedule, ChoiceSource source);
  void findSchedules();
  double predictAt(unsigned schedule, const Point &point) const;
  void predictAll();
  double getTime(unsigned schedule, unsigned point) const {
    return times[schedule][point];
  }
  /// Time over the least, of the best of `chosen`.
  double getLoss(ArrayRef<unsigned> chosen, unsigned point) const;
  /// What is lost above the tolerance, above half of it and in all, summed over
  /// octaves: in this order, since the model errs too.
  using Cost = std::tuple<double, double, double>;
  Cost getCost(ArrayRef<unsigned> chosen) const;
  /// Whether no point loses more than half of the tolerance.
  bool suffices(ArrayRef<unsigned> chosen) const {
    return std::get<1>(getCost(chosen)) == 0;
  }
  bool improve(SmallVectorImpl<unsigned> &chosen, size_t i) const;
  SmallVector<unsigned> select() const;
  VariantRule makeRule(ArrayRef<unsigned> chosen,
                       SmallVectorImpl<unsigned> &used) const;

  const OperatorFacts &op;
  const ChooseOptions &options;
  const VersionOptions &versions;
  Location loc;
  std::vector<Point> points;
  /// The first is that for many tokens.
  std::vector<Version> schedules;
  /// By class of tokens: a database's schedule, and how much the model
  /// overestimates it beside its own pick.
  struct Correction {
    int64_t tokenClass;
    unsigned schedule;
    double factor;
  };
  std::vector<Correction> corrections;
  std::vector<std::vector<double>> times; ///< By schedule and point.
  std::vector<double> least;              ///< By point.
};
} // namespace

/// Whether two schedules are the same in every key.
static bool isSame(const ScheduleFields &a, const ScheduleFields &b,
                   MLIRContext *context) {
  return ScheduleAttr::get(context, a) == ScheduleAttr::get(context, b);
}

void Search::makePoints() {
  int64_t most = options.chip->multiprocessors * kWaves * kManyRows / op.heads;
  most = std::clamp(most, kLeastRange, kMostRange);
  double previous = 1;
  auto addPoint = [&](int64_t batches, int64_t length) {
    double tokens = double(batches) * double(length);
    points.push_back({batches, length, std::log2(tokens / previous) + 1e-3});
    previous = tokens;
  };
  if (!ShapedType::isDynamic(op.tokens)) {
    int64_t rows = llvm::alignTo(op.tokens, kFewStep);
    for (int64_t batches = 1; batches * rows <= most; ++batches)
      addPoint(batches, op.tokens);
    return;
  }
  int64_t batches = ShapedType::isDynamic(op.batches) ? 1 : op.batches;
  for (int64_t length = kFewStep; batches * length <= most;
       length += length < kStep       ? kFewStep
                 : length < 2 * kStep ? kSomeStep
                                      : kStep)
    addPoint(batches, length);
}

unsigned Search::add(const ScheduleFields &schedule, ChoiceSource source) {
  for (auto [i, known] : llvm::enumerate(schedules))
    if (isSame(known.schedule, schedule, loc.getContext())) {
      if (source == ChoiceSource::Database)
        known.source = source;
      return i;
    }
  schedules.push_back({schedule, source});
  return schedules.size() - 1;
}

void Search::findSchedules() {
  double last = 0;
  int64_t lastWave = 0;
  for (const Point &point : points) {
    double tokens = point.getTokens();
    bool isDense = tokens <= kDense && point.batches == 1;
    // Databases know most of powers of two. Behind a full wave of large tiles
    // small ones may do better, but not for long.
    int64_t wave =
        op.heads * point.getTiles(kManyRows) / options.chip->multiprocessors;
    if (!isDense && tokens < last * kStride && wave == lastWave &&
        !llvm::isPowerOf2_64(point.getTokens()))
      continue;
    lastWave = wave;
    last = tokens;
    OperatorFacts facts = at(point);
    Choice choice = choose(facts, options, loc);
    unsigned taken = add(choice.schedule, choice.source);
    if (choice.source != ChoiceSource::Database || choice.candidates.empty())
      continue;
    const Candidate &pick = choice.candidates.front();
    add(pick.schedule, ChoiceSource::Model);
    // What was measured was measured with as many tokens as the class has.
    std::optional<int64_t> tokenClass = getTokenClass(facts);
    if (tokenClass == point.getTokens())
      corrections.push_back(
          {*tokenClass, taken,
           kMeasured * std::min(1.0, pick.prediction.microseconds /
                                         choice.prediction->microseconds)});
  }
}

double Search::predictAt(unsigned schedule, const Point &point) const {
  const ScheduleFields &fields = schedules[schedule].schedule;
  OperatorFacts facts = at(point);
  Prediction prediction = predict(facts, fields, *options.chip);
  // Pieces that cannot all run at once are no candidates of the choice either.
  if (fields.split > 1 && prediction.waves > 1)
    return INFINITY;
  double time = prediction.microseconds;
  std::optional<int64_t> tokenClass = getTokenClass(facts);
  for (const Correction &correction : corrections)
    if (correction.schedule == schedule && correction.tokenClass == tokenClass)
      time *= correction.factor;
  return time;
}

void Search::predictAll() {
  least.assign(points.size(), INFINITY);
  for (unsigned i = 0; i < schedules.size(); ++i) {
    std::vector<double> &row = times.emplace_back();
    for (auto [p, point] : llvm::enumerate(points)) {
      row.push_back(predictAt(i, point));
      least[p] = std::min(least[p], row.back());
    }
  }
}

double Search::getLoss(ArrayRef<unsigned> chosen, unsigned point) const {
  double time = INFINITY;
  for (unsigned schedule : chosen)
    time = std::min(time, getTime(schedule, point));
  return time / least[point];
}

Search::Cost Search::getCost(ArrayRef<unsigned> chosen) const {
  double aim = 1 + (versions.tolerance - 1) / 2;
  double tooMuch = 0, above = 0, all = 0;
  for (auto [p, point] : llvm::enumerate(points)) {
    double loss = getLoss(chosen, p);
    double excess = std::max(0.0, loss - versions.tolerance);
    tooMuch += excess * excess * point.weight;
    above += std::max(0.0, loss - aim) * point.weight;
    all += (loss - 1) * point.weight;
  }
  return {tooMuch, above, all};
}

/// Puts the schedule that helps most in the place `i` of `chosen`. Returns
/// whether one helps.
bool Search::improve(SmallVectorImpl<unsigned> &chosen, size_t i) const {
  Cost least = getCost(chosen);
  unsigned before = chosen[i], best = before;
  for (unsigned other = 1; other < schedules.size(); ++other) {
    chosen[i] = other;
    Cost cost = getCost(chosen);
    if (cost < least) {
      least = cost;
      best = other;
    }
  }
  chosen[i] = best;
  return best != before;
}

/// Schedules one by one, each the one that helps most; then others in their
/// places, and none where the rest will do.
SmallVector<unsigned> Search::select() const {
  SmallVector<unsigned> chosen = {0};
  while (int64_t(chosen.size()) < versions.maxVariants && !suffices(chosen)) {
    chosen.push_back(0);
    if (!improve(chosen, chosen.size() - 1)) {
      chosen.pop_back();
      break;
    }
  }
  for (bool changed = true; changed;) {
    changed = false;
    for (size_t i = 1; i < chosen.size(); ++i)
      changed |= improve(chosen, i);
  }
  Cost limit = getCost(chosen);
  std::get<2>(limit) = INFINITY;
  for (size_t i = 1; i < chosen.size();) {
    SmallVector<unsigned> others = chosen;
    others.erase(others.begin() + i);
    if (getCost(others) <= limit)
      chosen = std::move(others);
    else
      ++i;
  }
  return chosen;
}

/// The variant of each point, and the points at which it ends. `used`: the
/// schedule of each variant.
VariantRule Search::makeRule(ArrayRef<unsigned> chosen,
                             SmallVectorImpl<unsigned> &used) const {
  VariantRule rule;
  used.push_back(chosen.front());
  unsigned current = chosen.front();
  for (unsigned p = points.size(); p-- > 0;) {
    auto isFaster = [&](unsigned a, unsigned b) {
      return getTime(a, p) < getTime(b, p);
    };
    unsigned best = *llvm::min_element(chosen, isFaster);
    if (getTime(current, p) <= getTime(best, p) * kKeep)
      continue;
    current = best;
    auto *it = llvm::find(used, best);
    int64_t variant = it - used.begin();
    if (it == used.end())
      used.push_back(best);
    // Of which there are whole clusters in each sequence.
    const ScheduleFields &fields = schedules[best].schedule;
    int64_t tile = fields.tokenTile * fields.cluster;
    rule.cases.push_back(
        {points[p].getTokens(), tile, points[p].getTiles(tile), variant});
  }
  // Found from the largest count on; asked from the smallest.
  std::reverse(rule.cases.begin(), rule.cases.end());
  return rule;
}

Versions Search::run() {
  Choice many = choose(op, options, loc);
  Versions result;
  result.variants.push_back({many.schedule, many.source});
  auto isStatic = [](int64_t size) {
    return !ShapedType::isDynamic(size) && size > 0;
  };
  if (versions.maxVariants < 2 || many.source == ChoiceSource::None ||
      (!ShapedType::isDynamic(op.batches) &&
       !ShapedType::isDynamic(op.tokens)) ||
      op.batches == 0 || op.tokens == 0 || !isStatic(op.heads) ||
      !isStatic(op.groups) || !isStatic(op.headWidth) ||
      !isStatic(op.subNetworks) || !isStatic(op.subWidth))
    return result;
  schedules = result.variants;
  makePoints();
  findSchedules();
  predictAll();
  SmallVector<unsigned> used;
  result.rule = makeRule(select(), used);
  for (unsigned schedule : ArrayRef(used).drop_front())
    result.variants.push_back(schedules[schedule]);
  return result;
}

Versions flashmhf::chooseVersions(const OperatorFacts &op,
                                  const ChooseOptions &options,
                                  const VersionOptions &versions,
                                  Location loc) {
  return Search(op, options, versions, loc).run();
}
