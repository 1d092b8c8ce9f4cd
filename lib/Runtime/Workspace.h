//===- Workspace.h - Memory that kernels share across blocks ----*- C++ -*-===//
//
/// \file
/// The workspaces of one kernel whose blocks share sums: one for each stream,
/// since launches on one stream follow one another.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_RUNTIME_WORKSPACE_H
#define FLASHMHF_LIB_RUNTIME_WORKSPACE_H

#include "CudaDriver.h"

#include <mutex>
#include <thread>
#include <vector>

namespace mlir::flashmhf::cuda {

/// Two buffers on the GPU.
struct Workspace {
  DevicePointer partials = 0, counters = 0;
  uint64_t partialBytes = 0, counterBytes = 0;
};

class WorkspacePool {
public:
  explicit WorkspacePool(const Driver &driver) : driver(driver) {}
  ~WorkspacePool();

  /// The workspace of `stream` with at least these sizes, allocated and cleared
  /// on the first call and when it must grow, which is no part of a graph that
  /// is being captured. A context is current. Safe to call from several
  /// threads.
  llvm::Expected<Workspace> get(Stream stream, uint64_t partialBytes,
                                uint64_t counterBytes);

private:
  struct Entry {
    Stream stream;
    std::thread::id thread; ///< Of the per-thread default stream.
    Workspace workspace;
  };
  llvm::Error grow(DevicePointer &buffer, uint64_t &size, uint64_t needed,
                   bool isZeroed);
  llvm::Error clear(DevicePointer buffer, uint64_t bytes);

  const Driver &driver;
  std::mutex mutex;
  std::vector<Entry> entries;
  /// Everything allocated. What was outgrown stays, for captured graphs.
  std::vector<DevicePointer> allocated;
};

} // namespace mlir::flashmhf::cuda

#endif // FLASHMHF_LIB_RUNTIME_WORKSPACE_H
