//===- Machine.h - Blocks that run together ---------------------*- C++ -*-===//
//
/// \file
/// The shared state of the blocks of one cluster: rings with the phases of
/// their barriers, and the threads that wait on them. Every wait goes through
/// `Machine::waitUntil`, which knows when nobody can go on.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_EMULATE_MACHINE_H
#define FLASHMHF_LIB_EMULATE_MACHINE_H

#include "Events.h"
#include "Program.h"
#include "flashmhf/Emulate/Emulator.h"
#include "llvm/ADT/FunctionExtras.h"

#include <atomic>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>

namespace mlir::hopper::emulation {

class Warpgroup;

/// A tile in global memory: the parameter, and where it starts.
using Tile = std::array<int64_t, 5>;

/// One slot. Barriers count phases; `got` and `released` count, for each
/// consumer, its gets and releases of this slot.
struct Slot {
  std::vector<float> data;
  int64_t filled = 0;   ///< Completed phases of the full barrier.
  int64_t emptied = 0;  ///< Completed phases of the empty barrier.
  int64_t arrivals = 0; ///< Of the current phase of the empty barrier.
  /// Of the current phase of the full barrier: whether this block has put its
  /// tile, and the blocks of the cluster whose shares have arrived.
  bool isPut = false;
  int64_t shares = 0;
  Tile tile = {}; ///< What is arriving.
  std::vector<int64_t> got;
  std::vector<int64_t> released;

  /// The data transposed, made by the first product that wants it.
  const float *getTransposed(const RingInfo &info);
  void setFilled() {
    ++filled;
    isPut = false;
    shares = 0;
    isTransposed = false;
  }
  void reset(int64_t consumers) {
    filled = emptied = arrivals = shares = 0;
    isPut = false;
    got.assign(consumers, 0);
    released.assign(consumers, 0);
  }

private:
  std::mutex mutex;
  std::vector<float> transposed;
  bool isTransposed = false;
};

struct Ring {
  const RingInfo *info = nullptr;
  int64_t puts = 0;
  std::vector<int64_t> gets; ///< For each consumer.
  std::deque<Slot> slots;
};

/// The part of an inbox that one consumer reads.
struct InboxPart {
  std::vector<float> data; ///< [piece][row][column]
  /// How often each row has been sent, [piece][row].
  std::vector<int64_t> sent;
  std::optional<int64_t> expected; ///< Bytes, once that is known.
  int64_t received = 0;            ///< Bytes.
  bool isRead = false;             ///< Somebody has waited for it.

  bool isComplete() const { return expected && received >= *expected; }
};

struct ThreadBlock {
  int64_t number = 0;
  int64_t rank = 0; ///< In its cluster.
  std::array<ThreadBlock *, 1> self = {this};
  std::deque<Ring> rings;
  /// The consumer whose turn it is, unless one has taken it.
  int64_t turn = 0;
  bool isTurnTaken = false;
  /// For each consumer whether it has met those of the other pieces.
  std::vector<bool> met;
  std::vector<InboxPart> inbox;
};

/// What blocks leave for blocks of higher numbers, by slot. The latter may run
/// on another machine, but they start later.
struct SharedParts {
  std::mutex mutex;
  std::condition_variable left;
  std::map<int64_t, std::vector<float>> bySlot;
  bool isAbandoned = false; ///< By a block that has failed.

  /// Wakes those who wait for what will not come.
  void abandon();
};

/// What the blocks of a launch share.
struct Workspace {
  /// Bits of a partial sum that nobody has stored: a NaN that no sum gives.
  static constexpr uint32_t kUnwritten = 0x7FC0DEAD;
  std::vector<float> partials;
  std::vector<int64_t> counters; ///< For each tile one for each consumer.
  bool isResident = true;
  SharedParts parts;
};

/// A launch under way.
struct Grid {
  const Launch &launch;
  ArrayRef<TensorRef> tensors; ///< One for each of the kernel's parameters.
  int64_t blocks;
  int64_t maxSteps;
  Workspace *workspace;
  /// Whether blocks of lower numbers run, too, and leave their partial sums.
  bool isWhole;
};

/// The first block of a cluster that ends a tile which others have begun and,
/// if there is such a one, begins another. None where none of the launch's
/// `tiles` is shared.
std::optional<int64_t> findSharer(const Grid &grid, int64_t tiles);

class Machine {
public:
  explicit Machine(const Grid &grid);
  ~Machine();

  /// Runs the blocks from `first` on that may wait for one another: a cluster,
  /// or those of all pieces of its tiles. False after a fault.
  bool runGroup(int64_t first);
  /// Records what the warpgroups of the next group's first block do.
  void record();
  /// The records, in the order of the warpgroups.
  std::vector<Record> takeRecords();
  llvm::Error takeError();

  const Grid &grid;
  std::mutex mutex;

  /// The blocks that fill the slots of `ring` of `block` together.
  ArrayRef<ThreadBlock *> getFillers(const Ring &ring,
                                     ThreadBlock &block) const {
    int64_t size = ring.info->cluster;
    if (size == 1)
      return block.self;
    int64_t first = block.number % int64_t(group.size()) / size * size;
    return ArrayRef(group).slice(first, size);
  }

  /// Sleeps until `isReady`, holding `lock` on `mutex` whenever that is called.
  /// False if the emulation has stopped. `describe` says what `warpgroup` waits
  /// for, where all of them turn out to wait.
  bool waitUntil(std::unique_lock<std::mutex> &lock, Warpgroup &warpgroup,
                 Location location, llvm::unique_function<bool()> isReady,
                 llvm::unique_function<std::string()> describe);
  /// To be called, under `mutex`, after a change that someone may wait for.
  void notify();
  /// Records the first fault and stops every warpgroup.
  void fault(Location location, const Twine &message);
  /// Stops every warpgroup, since another machine has a fault.
  void abandon();
  bool isStopped() const { return stopped.load(std::memory_order_relaxed); }

  /// The blocks that may wait for one another: pieces that push, by number.
  ArrayRef<ThreadBlock *> getGroup() const { return group; }

private:
  struct Waiter {
    Warpgroup *warpgroup;
    Location location;
    llvm::unique_function<bool()> isReady;
    llvm::unique_function<std::string()> describe;
    bool isAwake = false;
    std::condition_variable condition;
  };

  void faultLocked(Location location, const Twine &message);
  void reportDeadlock();
  void checkEnd();

  std::deque<ThreadBlock> blocks;
  SmallVector<ThreadBlock *> group; ///< The same.
  std::vector<std::unique_ptr<Warpgroup>> warpgroups;
  std::vector<Waiter *> waiters;
  size_t running = 0;
  std::atomic<bool> stopped = false;
  std::optional<std::pair<Location, std::string>> firstFault;
};

} // namespace mlir::hopper::emulation

#endif // FLASHMHF_LIB_EMULATE_MACHINE_H
