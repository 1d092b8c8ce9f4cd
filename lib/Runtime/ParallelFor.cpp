//===- ParallelFor.cpp - Parallel loops of compiled CPU code --------------===//
//
/// \file
/// A loop is a counter that threads draw indices from. The caller draws too and
/// waits only for indices that were drawn, never for a thread to show up: a
/// loop ends even where the pool is busy, or is gone since the process forked.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/ParallelFor.h"

#include "llvm/Support/ThreadPool.h"
#include "llvm/Support/Threading.h"

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <utility>

using namespace mlir::flashmhf;

/// See ParallelForLimit; 0 is no limit.
static thread_local unsigned threadLimit = 0;

namespace {
struct Loop {
  using Body = void (*)(int64_t, int64_t, void *);

  Loop(int64_t count, Body body, void *context)
      : count(count), body(body), context(context) {}

  /// Draws indices until none is left.
  void run() {
    int64_t done = 0;
    for (int64_t i; (i = next.fetch_add(1)) < count; ++done)
      body(i, i + 1, context);
    if (!done)
      return;
    std::lock_guard<std::mutex> lock(mutex);
    if ((finished += done) == count)
      allFinished.notify_all();
  }

  void wait() {
    std::unique_lock<std::mutex> lock(mutex);
    allFinished.wait(lock, [&] { return finished == count; });
  }

  const int64_t count;
  const Body body;
  void *const context;
  std::atomic<int64_t> next{0};
  std::mutex mutex;
  std::condition_variable allFinished;
  int64_t finished = 0;
};
} // namespace

/// One thread per core that this process may run on; made when first needed.
static llvm::DefaultThreadPool &getPool() {
  static llvm::DefaultThreadPool pool(llvm::hardware_concurrency());
  return pool;
}

extern "C" void flashmhf_parallel_for(int64_t count, Loop::Body body,
                                      void *context) {
  int64_t threads = threadLimit
                        ? threadLimit
                        : llvm::hardware_concurrency().compute_thread_count();
  threads = std::min(threads, count);
  if (threads <= 1) {
    if (count > 0)
      body(0, count, context);
    return;
  }
  // Shared: a thread of the pool may look at the loop after it has ended.
  auto loop = std::make_shared<Loop>(count, body, context);
  llvm::DefaultThreadPool &pool = getPool();
  for (int64_t i = 1; i < threads; ++i)
    pool.async([loop] { loop->run(); });
  loop->run();
  loop->wait();
}

ParallelForLimit::ParallelForLimit(unsigned threads)
    : previous(std::exchange(threadLimit, threads)) {}

ParallelForLimit::~ParallelForLimit() { threadLimit = previous; }
