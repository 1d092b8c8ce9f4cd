//===- Workspace.cpp - Memory that kernels share across blocks ------------===//
//
/// \file
/// Allocation is rare: sizes double, and nothing is freed before the kernel is,
/// since graphs that were captured hold the addresses.
//
//===----------------------------------------------------------------------===//

#include "Workspace.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/Support/FormatVariadic.h"
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

Error WorkspacePool::grow(Stream stream, DevicePointer &buffer, uint64_t &size,
                          uint64_t needed, bool isZeroed) {
  if (needed <= size)
    return Error::success();
  int isCapturing = 0;
  if (Error error = driver.check(driver.streamIsCapturing(stream, &isCapturing),
                                 "query the stream"))
    return error;
  if (isCapturing)
    return makeError(
        ErrorKind::InvalidArgument,
        llvm::formatv("the kernel needs {0} bytes of workspace, which cannot "
                      "be allocated while the stream is being captured: launch "
                      "it once with the same sizes on this stream before, or "
                      "pass a workspace",
                      needed));
  constexpr uint64_t alignment = 256;
  uint64_t bytes = llvm::alignTo(std::max(needed, 2 * size), alignment);
  DevicePointer fresh = 0;
  if (Error error = driver.check(driver.memAlloc(&fresh, bytes),
                                 "allocate " + llvm::Twine(bytes) +
                                     " bytes of workspace"))
    return error;
  allocated.push_back(fresh);
  if (isZeroed)
    if (Error error =
            driver.check(driver.memsetD8Async(fresh, 0, bytes, stream),
                         "clear the workspace"))
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
  if (Error error = grow(stream, workspace.partials, workspace.partialBytes,
                         partialBytes, /*isZeroed=*/false))
    return std::move(error);
  if (Error error = grow(stream, workspace.counters, workspace.counterBytes,
                         counterBytes, /*isZeroed=*/true))
    return std::move(error);
  return workspace;
}
