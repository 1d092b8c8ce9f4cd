//===- Machine.cpp - Blocks that run together -----------------------------===//
//
/// \file
/// Starts the warpgroups of a cluster, puts them to sleep and wakes them, and
/// finds out when none of them can ever go on.
//
//===----------------------------------------------------------------------===//

#include "Machine.h"

#include "Warpgroup.h"

#include <thread>

using namespace mlir;
using namespace mlir::hopper;
using namespace mlir::hopper::emulation;

const float *Slot::getTransposed(const RingInfo &info) {
  std::lock_guard<std::mutex> guard(mutex);
  if (!isTransposed) {
    transposed.resize(data.size());
    transpose(transposed.data(), data.data(), info.rows, info.columns);
    isTransposed = true;
  }
  return transposed.data();
}

Machine::Machine(const Grid &grid) : grid(grid) {
  const Kernel &kernel = grid.launch.kernel;
  blocks.resize(grid.launch.getGroup());
  for (ThreadBlock &block : blocks) {
    block.rank = group.size() % grid.launch.cluster;
    group.push_back(&block);
    block.rings.resize(kernel.rings.size());
    for (auto [ring, info] : llvm::zip_equal(block.rings, kernel.rings)) {
      ring.info = &info;
      ring.slots.resize(info.slots);
      for (Slot &slot : ring.slots)
        slot.data.resize(info.rows * info.columns);
    }
    if (kernel.inbox)
      block.inbox.resize(kernel.inbox->parts);
    int64_t producers = kernel.producers.size();
    for (int64_t i = 0; i < producers; ++i)
      warpgroups.push_back(std::make_unique<Warpgroup>(
          *this, block, kernel.producers[i], i - producers));
    for (int64_t i = 0; i < kernel.consumers; ++i)
      warpgroups.push_back(
          std::make_unique<Warpgroup>(*this, block, kernel.consumer, i));
  }
}

Machine::~Machine() = default;

llvm::Error Machine::takeError() {
  if (!firstFault)
    return llvm::Error::success();
  return llvm::make_error<EmulationFault>(firstFault->first,
                                          std::move(firstFault->second));
}

void Machine::record() {
  for (auto &warpgroup : warpgroups)
    if (warpgroup->isIn(blocks.front()))
      warpgroup->startRecord();
}

std::vector<Record> Machine::takeRecords() {
  std::vector<Record> records;
  for (auto &warpgroup : warpgroups)
    if (warpgroup->isIn(blocks.front()))
      records.push_back(warpgroup->takeRecord());
  return records;
}

bool Machine::runGroup(int64_t first) {
  int64_t consumers = grid.launch.kernel.consumers;
  for (auto [i, block] : llvm::enumerate(blocks)) {
    block.number = first + i;
    block.turn = 0;
    block.isTurnTaken = false;
    block.met.assign(consumers, false);
    if (const auto &info = grid.launch.kernel.inbox)
      for (InboxPart &part : block.inbox) {
        part = {};
        part.sent.assign(info->pieces * info->rows, 0);
        part.data.resize(part.sent.size() * info->columns);
      }
    for (Ring &ring : block.rings) {
      ring.puts = 0;
      ring.gets.assign(consumers, 0);
      for (Slot &slot : ring.slots)
        slot.reset(consumers);
    }
  }
  running = warpgroups.size();
  std::vector<std::thread> threads;
  threads.reserve(warpgroups.size());
  for (auto &warpgroup : warpgroups)
    threads.emplace_back([this, &warpgroup = *warpgroup] {
      warpgroup.run();
      std::lock_guard<std::mutex> guard(mutex);
      --running;
      if (running && waiters.size() == running)
        reportDeadlock();
    });
  for (std::thread &thread : threads)
    thread.join();
  if (!isStopped())
    checkEnd();
  return !firstFault;
}

/// Whatever travels when a block ends would land in the next block's memory.
void Machine::checkEnd() {
  for (ThreadBlock &block : blocks) {
    if (!firstFault && (block.turn != 0 || block.isTurnTaken))
      fault(grid.launch.kernel.location,
            "block " + Twine(block.number) + " ends at the turn of consumer " +
                Twine(block.turn) +
                ": not every consumer took the same number of turns");
    for (Ring &ring : block.rings)
      for (auto [i, gets] : llvm::enumerate(ring.gets))
        if (!firstFault && !ring.info->isLocal && ring.info->isFor(i) &&
            gets != ring.puts)
          fault(ring.info->location,
                "block " + Twine(block.number) + " ends with tiles in ring \"" +
                    ring.info->name +
                    "\" that nobody waited for: " + Twine(ring.puts) +
                    " were put, consumer " + Twine(i) + " got " + Twine(gets));
    for (auto [i, part] : llvm::enumerate(block.inbox))
      if (!firstFault && part.received != part.expected.value_or(0))
        fault(grid.launch.kernel.inbox->location,
              "block " + Twine(block.number) + " ends with " +
                  Twine(part.received) + " bytes in the inbox of consumer " +
                  Twine(i) + ", which expected " +
                  Twine(part.expected.value_or(0)));
  }
}

//===----------------------------------------------------------------------===//
// Waiting
//===----------------------------------------------------------------------===//

bool Machine::waitUntil(std::unique_lock<std::mutex> &lock,
                        Warpgroup &warpgroup, Location location,
                        llvm::unique_function<bool()> isReady,
                        llvm::unique_function<std::string()> describe) {
  if (isStopped())
    return false;
  if (isReady())
    return true;
  Waiter waiter{&warpgroup,          location, std::move(isReady),
                std::move(describe), false,    {}};
  waiters.push_back(&waiter);
  // Whoever could go on has been taken off the list, so this is exact.
  if (waiters.size() == running)
    reportDeadlock();
  waiter.condition.wait(lock, [&] { return waiter.isAwake; });
  return !isStopped();
}

void Machine::notify() {
  llvm::erase_if(waiters, [this](Waiter *waiter) {
    if (!isStopped() && !waiter->isReady())
      return false;
    waiter->isAwake = true;
    waiter->condition.notify_one();
    return true;
  });
}

void Machine::reportDeadlock() {
  // The order of the warpgroups, not of their arrival.
  llvm::sort(waiters, [](Waiter *a, Waiter *b) {
    return a->warpgroup->getOrder() < b->warpgroup->getOrder();
  });
  std::string message = "deadlock: no warpgroup can go on";
  for (Waiter *waiter : waiters)
    message +=
        "\n  " + waiter->warpgroup->getName() + " waits " + waiter->describe();
  for (auto &warpgroup : warpgroups)
    if (llvm::none_of(waiters, [&](Waiter *waiter) {
          return waiter->warpgroup == warpgroup.get();
        }))
      message += "\n  " + warpgroup->getName() + " has ended";
  faultLocked(waiters.front()->location, message);
}

void Machine::fault(Location location, const Twine &message) {
  std::lock_guard<std::mutex> guard(mutex);
  faultLocked(location, message);
}

void Machine::abandon() {
  std::lock_guard<std::mutex> guard(mutex);
  stopped = true;
  notify();
}

void Machine::faultLocked(Location location, const Twine &message) {
  if (!firstFault)
    firstFault.emplace(location, message.str());
  stopped = true;
  notify();
}
