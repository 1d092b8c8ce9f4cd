//===- Timeline.cpp - When a block does what ------------------------------===//
//
/// \file
/// In: records of a block's warpgroups. Out: slices. Each warpgroup has a
/// clock; of those whose next event can be timed, the earliest goes on, so that
/// the units that they share serve them in order.
//
//===----------------------------------------------------------------------===//

#include "Events.h"
#include "Program.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

namespace {
/// One unit of the multiprocessor: it does one thing after another.
struct Unit {
  double free = 0;
  double busy = 0;

  /// Starts at `now` at the earliest; returns when.
  double occupy(double now, double cycles) {
    double begin = std::max(now, free);
    free = begin + cycles;
    busy += cycles;
    return begin;
  }
};

/// When each use of a slot was full and became empty.
struct SlotTimes {
  std::vector<double> filled;
  std::vector<std::pair<int64_t, double>> releases; ///< count, latest
};

struct Actor {
  std::string name;
  const Record *record;
  int64_t consumer;
  size_t next = 0;
  double now = 0;
  double loaded = 0;            ///< when what was loaded so far has arrived
  double pushed = 0;            ///< when what was sent so far has arrived
  std::vector<double> products; ///< ends
};

class Prediction {
public:
  Prediction(const Kernel &kernel, const std::vector<Record> &records,
             const CostTable &costs)
      : kernel(kernel), costs(costs) {
    timeline.kernel = kernel.name;
    timeline.costs = costs;
    for (const RingInfo &ring : kernel.rings)
      slots.emplace_back(ring.slots);
    int64_t producers = kernel.producers.size();
    int64_t consumer = -producers;
    for (const Record &record : records) {
      std::string name =
          consumer >= 0    ? "consumer " + std::to_string(consumer)
          : producers == 1 ? "producer"
                           : "producer " + std::to_string(producers + consumer);
      actors.push_back({name, &record, consumer, 0, 0, 0, 0, {}});
      ++consumer;
    }
  }

  Timeline run();

private:
  /// When the event of `actor` can begin, if that is known.
  std::optional<double> getReady(const Actor &actor, const Event &event);
  void step(Actor &actor, const Event &event, double ready);
  void slice(StringRef track, const Twine &name, double begin, double end) {
    if (end > begin)
      timeline.slices.push_back({track.str(), name.str(), begin, end});
  }

  const Kernel &kernel;
  const CostTable &costs;
  Timeline timeline;
  std::vector<Actor> actors;
  std::vector<std::vector<SlotTimes>> slots;
  Unit tensor, memory, special, floats;
  int64_t turn = 0;
  double turnSince = 0;
};
} // namespace

std::optional<double> Prediction::getReady(const Actor &actor,
                                           const Event &event) {
  switch (event.kind) {
  case Event::Kind::Put: {
    if (event.use == 0)
      return actor.now;
    const SlotTimes &slot = slots[event.ring][event.slot];
    if (int64_t(slot.releases.size()) < event.use ||
        slot.releases[event.use - 1].first <
            (kernel.rings[event.ring].owner < 0 ? kernel.consumers : 1))
      return std::nullopt;
    return std::max(actor.now, slot.releases[event.use - 1].second);
  }
  case Event::Kind::Get: {
    const SlotTimes &slot = slots[event.ring][event.slot];
    if (int64_t(slot.filled.size()) <= event.use)
      return std::nullopt;
    return std::max(actor.now, slot.filled[event.use]);
  }
  case Event::Kind::Wait:
    return event.use < 1 ? actor.now
                         : std::max(actor.now, actor.products[event.use - 1]);
  case Event::Kind::Receive:
    // The other blocks of the cluster do the same at the same time.
    return std::max(actor.now, actor.pushed);
  case Event::Kind::TakeTurn:
    if (turn != actor.consumer)
      return std::nullopt;
    return std::max(actor.now, turnSince);
  default:
    return actor.now;
  }
}

void Prediction::step(Actor &actor, const Event &event, double ready) {
  StringRef ring =
      event.kind == Event::Kind::Put || event.kind == Event::Kind::Get
          ? StringRef(kernel.rings[event.ring].name)
          : StringRef();
  double begin = actor.now;
  switch (event.kind) {
  case Event::Kind::Put: {
    slice(actor.name, "wait for empty " + ring, begin, ready);
    actor.now = ready + costs.issue;
    slice(actor.name, "put " + ring, ready, actor.now);
    double cycles = event.amount / costs.memoryBytes;
    double start = memory.occupy(actor.now, cycles);
    slots[event.ring][event.slot].filled.push_back(start + cycles +
                                                   costs.memoryLatency);
    slice("TMA", ring, start, start + cycles);
    return;
  }
  case Event::Kind::Get:
    slice(actor.name, "wait for full " + ring, begin, ready);
    actor.now = ready + costs.barrier;
    return;
  case Event::Kind::Release: {
    auto &releases = slots[event.ring][event.slot].releases;
    if (int64_t(releases.size()) <= event.use)
      releases.resize(event.use + 1);
    ++releases[event.use].first;
    releases[event.use].second =
        std::max(releases[event.use].second, actor.now);
    return;
  }
  case Event::Kind::Product: {
    actor.now += costs.issue;
    slice(actor.name, "wgmma", begin, actor.now);
    double cycles = event.amount / costs.tensorFlops;
    double start = tensor.occupy(actor.now, cycles);
    actor.products.push_back(start + cycles);
    slice("tensor cores", actor.name, start, start + cycles);
    return;
  }
  case Event::Kind::Wait:
    slice(actor.name, "wait for product", begin, ready);
    actor.now = ready;
    return;
  case Event::Kind::Compute: {
    double specials = event.special / costs.specialOps;
    double others = event.amount / costs.floatOps;
    // What a warpgroup loads it waits for where it computes.
    slice(actor.name, "wait for load", begin, actor.loaded);
    begin = std::max(begin, actor.loaded);
    double start =
        std::max(special.occupy(begin, specials), floats.occupy(begin, others));
    actor.now = start + std::max(specials, others);
    slice(actor.name, specials > 0 ? "activation" : "elementwise", begin,
          actor.now);
    return;
  }
  case Event::Kind::Load: {
    actor.now += costs.issue;
    slice(actor.name, "load", begin, actor.now);
    double cycles = event.amount / costs.memoryBytes;
    actor.loaded =
        memory.occupy(actor.now, cycles) + cycles + costs.memoryLatency;
    return;
  }
  case Event::Kind::Store: {
    double cycles = event.amount / costs.memoryBytes;
    actor.now = memory.occupy(begin, cycles) + cycles;
    slice(actor.name, "store", begin, actor.now);
    return;
  }
  case Event::Kind::Push: {
    double cycles = event.amount / costs.memoryBytes;
    actor.now = memory.occupy(begin, cycles) + cycles;
    actor.pushed = actor.now + costs.clusterLatency;
    slice(actor.name, "push", begin, actor.now);
    return;
  }
  case Event::Kind::Receive:
    slice(actor.name, "wait for pieces", begin, ready);
    actor.now = ready + costs.barrier;
    return;
  case Event::Kind::TakeTurn:
    slice(actor.name, "wait for turn", begin, ready);
    actor.now = ready + costs.barrier;
    return;
  case Event::Kind::PassTurn:
    turn = (actor.consumer + 1) % kernel.consumers;
    turnSince = actor.now;
    return;
  }
}

Timeline Prediction::run() {
  while (true) {
    Actor *first = nullptr;
    double ready = 0;
    for (Actor &actor : actors) {
      if (actor.next == actor.record->size())
        continue;
      // In the order of their beginning: units serve who comes first.
      auto time = getReady(actor, (*actor.record)[actor.next]);
      if (time && (!first || *time < ready)) {
        first = &actor;
        ready = *time;
      }
    }
    if (!first)
      break;
    step(*first, (*first->record)[first->next++], ready);
  }
  for (const Actor &actor : actors)
    timeline.cycles = std::max(timeline.cycles, actor.now);
  double cycles = std::max(timeline.cycles, 1.0);
  timeline.tensorBusy = tensor.busy / cycles;
  timeline.memoryBusy = memory.busy / cycles;
  timeline.specialBusy = special.busy / cycles;
  return std::move(timeline);
}

Timeline hopper::emulation::predict(const Kernel &kernel,
                                    const std::vector<Record> &records,
                                    const CostTable &costs) {
  return Prediction(kernel, records, costs).run();
}

//===----------------------------------------------------------------------===//
// Output
//===----------------------------------------------------------------------===//

std::string Timeline::toJSON() const {
  llvm::json::Array events;
  std::vector<StringRef> tracks;
  for (const Slice &slice : slices) {
    auto it = llvm::find(tracks, slice.track);
    int64_t track = it - tracks.begin();
    if (it == tracks.end()) {
      tracks.emplace_back(slice.track);
      events.push_back(llvm::json::Object{
          {"name", "thread_name"},
          {"ph", "M"},
          {"pid", 0},
          {"tid", track},
          {"args", llvm::json::Object{{"name", slice.track}}}});
    }
    double microseconds = 1 / (costs.clockGHz * 1000);
    events.push_back(
        llvm::json::Object{{"name", slice.name},
                           {"ph", "X"},
                           {"pid", 0},
                           {"tid", track},
                           {"ts", slice.begin * microseconds},
                           {"dur", (slice.end - slice.begin) * microseconds}});
  }
  llvm::json::Value trace =
      llvm::json::Object{{"displayTimeUnit", "ns"},
                         {"otherData", llvm::json::Object{{"kernel", kernel}}},
                         {"traceEvents", std::move(events)}};
  return llvm::formatv("{0}\n", trace).str();
}

double Timeline::getMicroseconds(int64_t multiprocessors) const {
  int64_t atOnce =
      flashmhf::countClusteredBlocks(multiprocessors, cluster, /*together=*/1);
  int64_t waves = llvm::divideCeil(blocks, atOnce);
  double share = double(std::min(blocks, atOnce)) / double(multiprocessors);
  double busy =
      waves * cycles / (costs.clockGHz * 1000) * (1 + costs.load * share);
  return costs.launch + std::max(busy, bytes / (costs.memoryGBs * 1000));
}

std::string Timeline::toText(int64_t multiprocessors) const {
  double microseconds = cycles / (costs.clockGHz * 1000);
  std::string text;
  llvm::raw_string_ostream os(text);
  os << llvm::formatv("kernel {0}: {1} blocks on {2} multiprocessors\n", kernel,
                      blocks, multiprocessors)
     << llvm::formatv("block {0}: {1:f0} cycles, {2:f1} us at {3:f3} GHz; "
                      "all: {4:f1} us\n",
                      block, cycles, microseconds, costs.clockGHz,
                      getMicroseconds(multiprocessors))
     << llvm::formatv("busy: tensor cores {0:P1}, memory {1:P1}, special "
                      "functions {2:P1}\n",
                      tensorBusy, memoryBusy, specialBusy);
  return text;
}
