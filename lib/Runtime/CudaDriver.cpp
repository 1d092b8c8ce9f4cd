//===- CudaDriver.cpp - The CUDA driver, opened at run time ---------------===//
//
/// \file
/// Opens the CUDA driver once per process and never closes it.
//
//===----------------------------------------------------------------------===//

#include "CudaDriver.h"
#include "flashmhf/Target/Errors.h"
#include <dlfcn.h>

using namespace mlir::flashmhf::cuda;
using llvm::Error;
using llvm::Expected;

namespace {
/// The driver or the reason why there is none, made once.
struct OpenedDriver {
  Driver driver = {};
  std::string error;

  OpenedDriver() {
    void *library = dlopen("libcuda.so.1", RTLD_NOW | RTLD_LOCAL);
    if (!library) {
      const char *reason = dlerror();
      error = std::string("no CUDA driver: ") + (reason ? reason : "unknown");
      return;
    }
    auto find = [&](const char *name, auto &function) {
      void *address = dlsym(library, name);
      if (!address && error.empty())
        error = std::string("the CUDA driver is too old: it has no ") + name;
      function = reinterpret_cast<std::decay_t<decltype(function)>>(address);
    };
    find("cuGetErrorString", driver.getErrorString);
    find("cuInit", driver.init);
    find("cuDeviceGetCount", driver.deviceGetCount);
    find("cuDeviceGet", driver.deviceGet);
    find("cuDeviceGetName", driver.deviceGetName);
    find("cuDeviceGetAttribute", driver.deviceGetAttribute);
    find("cuDevicePrimaryCtxRetain", driver.devicePrimaryCtxRetain);
    find("cuDevicePrimaryCtxRelease_v2", driver.devicePrimaryCtxRelease);
    find("cuCtxGetCurrent", driver.ctxGetCurrent);
    find("cuCtxPushCurrent_v2", driver.ctxPushCurrent);
    find("cuCtxPopCurrent_v2", driver.ctxPopCurrent);
    find("cuModuleLoadDataEx", driver.moduleLoadDataEx);
    find("cuModuleUnload", driver.moduleUnload);
    find("cuModuleGetFunction", driver.moduleGetFunction);
    find("cuFuncSetAttribute", driver.funcSetAttribute);
    find("cuTensorMapEncodeTiled", driver.tensorMapEncodeTiled);
    find("cuOccupancyMaxActiveBlocksPerMultiprocessor",
         driver.occupancyMaxActiveBlocksPerMultiprocessor);
    find("cuOccupancyMaxActiveClusters", driver.occupancyMaxActiveClusters);
    find("cuMemAlloc_v2", driver.memAlloc);
    find("cuMemFree_v2", driver.memFree);
    find("cuMemsetD8Async", driver.memsetD8Async);
    find("cuStreamCreate", driver.streamCreate);
    find("cuStreamSynchronize", driver.streamSynchronize);
    find("cuStreamDestroy_v2", driver.streamDestroy);
    find("cuThreadExchangeStreamCaptureMode",
         driver.threadExchangeStreamCaptureMode);
    find("cuLaunchKernelEx", driver.launchKernelEx);
    if (!error.empty())
      return;
    if (Error failure = driver.check(driver.init(0), "initialise CUDA"))
      error = llvm::toString(std::move(failure));
  }
};
} // namespace

Expected<const Driver &> Driver::get() {
  static const OpenedDriver opened;
  if (!opened.error.empty())
    return makeError(ErrorKind::Unavailable, opened.error);
  return opened.driver;
}

Error Driver::check(Result result, const llvm::Twine &action) const {
  if (result == 0)
    return Error::success();
  const char *reason = nullptr;
  getErrorString(result, &reason);
  return makeError(ErrorKind::Cuda, "could not " + action + ": " +
                                        (reason ? reason : "unknown error") +
                                        " (CUDA error " + llvm::Twine(result) +
                                        ")");
}
