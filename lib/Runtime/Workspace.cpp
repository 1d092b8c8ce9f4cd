//===- Workspace.cpp - Memory that kernels share across blocks ------------===//
//
/// \file
/// Allocation is rare: sizes double, and nothing is freed before the kernel is,
/// since graphs that were captured hold the addresses.
//
//===----------------------------------------------------------------------===//

#include "Workspace.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::flashmhf;
using namespace mlir::flashmhf::cuda;
using llvm::Error;
using llvm::Expected;

/// CU_STREAM_PER_THREAD, one handle for a stream of each thread.
static const Stream perThreadStream = reinterpret_cast<Stream>(2);

WorkspacePool::~WorkspacePool() {
  for (DevicePointer buffer : allocated)
    driver.memFree(buffer);
}

namespace {
/// Lets this thread allocate while a stream is being captured.
class RelaxedCapture {
public:
  explicit RelaxedCapture(const Driver &driver) : driver(driver) {
    driver.threadExchangeStreamCaptureMode(&mode);
  }
  ~RelaxedCapture() { driver.threadExchangeStreamCaptureMode(&mode); }

private:
  const Driver &driver;
  int mode = Relaxed;
};
} // namespace

/// Clears what a graph must not clear again.
Error WorkspacePool::clear(DevicePointer buffer, uint64_t bytes) {
  Stream stream = nullptr;
  if (Error error = driver.check(driver.streamCreate(&stream, NonBlocking),
                                 "create a stream"))
    return error;
  Result result = driver.memsetD8Async(buffer, 0, bytes, stream);
  if (result == 0)
    result = driver.streamSynchronize(stream);
  driver.streamDestroy(stream);
  return driver.check(result, "clear the workspace");
}

Error WorkspacePool::grow(DevicePointer &buffer, uint64_t &size,
                          uint64_t needed, bool isZeroed) {
  if (needed <= size)
    return Error::success();
  RelaxedCapture relaxed(driver);
  constexpr uint64_t alignment = 256;
  uint64_t bytes = llvm::alignTo(std::max(needed, 2 * size), alignment);
  DevicePointer fresh = 0;
  if (Error error = driver.check(driver.memAlloc(&fresh, bytes),
                                 "allocate " + llvm::Twine(bytes) +
                                     " bytes of workspace"))
    return error;
  allocated.push_back(fresh);
  if (isZeroed)
    if (Error error = clear(fresh, bytes))
      return error;
  buffer = fresh;
  size = bytes;
  return Error::success();
}

Expected<Workspace> WorkspacePool::get(Stream stream, uint64_t partialBytes,
                                       uint64_t counterBytes) {
  std::lock_guard<std::mutex> lock(mutex);
  std::thread::id thread;
  if (stream == perThreadStream)
    thread = std::this_thread::get_id();
  Entry *entry = nullptr;
  for (Entry &candidate : entries)
    if (candidate.stream == stream && candidate.thread == thread)
      entry = &candidate;
  if (!entry)
    entry = &entries.emplace_back(Entry{stream, thread, {}});
  Workspace &workspace = entry->workspace;
  if (Error error = grow(workspace.partials, workspace.partialBytes,
                         partialBytes, /*isZeroed=*/false))
    return std::move(error);
  if (Error error = grow(workspace.counters, workspace.counterBytes,
                         counterBytes, /*isZeroed=*/true))
    return std::move(error);
  return workspace;
}
