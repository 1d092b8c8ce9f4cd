//===- ParallelFor.h - Parallel loops of compiled CPU code ------*- C++ -*-===//
//
/// \file
/// The one symbol that code from the pipeline `flashmhf-to-cpu` needs at run
/// time. A JIT defines `flashmhf_parallel_for` as the address of this function.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_PARALLELFOR_H
#define FLASHMHF_RUNTIME_PARALLELFOR_H

#include <cstdint>

extern "C" {
/// Calls `body(begin, end, context)` on disjoint ranges that cover
/// [0, count), from several threads, and returns when all have returned. May
/// be called from several threads at once and from within a body.
void flashmhf_parallel_for(int64_t count,
                           void (*body)(int64_t begin, int64_t end,
                                        void *context),
                           void *context);
}

namespace mlir::flashmhf {

/// While it lives, parallel loops that this thread starts use at most `threads`
/// threads, itself among them; 0 is one for each core that it may run on.
class ParallelForLimit {
public:
  explicit ParallelForLimit(unsigned threads);
  ~ParallelForLimit();
  ParallelForLimit(const ParallelForLimit &) = delete;
  ParallelForLimit &operator=(const ParallelForLimit &) = delete;

private:
  unsigned previous;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_PARALLELFOR_H
