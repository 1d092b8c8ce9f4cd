//===- CudaDriver.h - The CUDA driver, opened at run time -------*- C++ -*-===//
//
/// \file
/// The few functions and constants of the CUDA driver that a launch needs,
/// found in libcuda.so.1 at run time: nothing of CUDA is needed to build or to
/// import the library. Numbers are those of the driver's stable ABI.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_CUDADRIVER_H
#define FLASHMHF_RUNTIME_CUDADRIVER_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <cstdint>

namespace mlir::flashmhf::cuda {

using Result = int; // CUresult; 0 is success
using Device = int;
using Context = struct ContextImpl *;
using Module = struct ModuleImpl *;
using Function = struct FunctionImpl *;
using Stream = struct StreamImpl *;
using DevicePointer = uint64_t; // CUdeviceptr

struct alignas(128) TensorMap {
  uint64_t opaque[16];
};

struct LaunchAttribute {
  static constexpr unsigned clusterDimension = 4;
  static constexpr unsigned programmaticStreamSerialization = 6;
  unsigned id;
  unsigned padding;
  union {
    unsigned clusterDim[3];
    int isProgrammatic;
    char bytes[64];
  };
};
static_assert(sizeof(LaunchAttribute) == 72, "the driver's layout");

struct LaunchConfig {
  unsigned gridDim[3];
  unsigned blockDim[3];
  unsigned sharedMemBytes;
  Stream stream;
  LaunchAttribute *attributes;
  unsigned numAttributes;
};
static_assert(sizeof(LaunchConfig) == 56, "the driver's layout");

/// CUdevice_attribute
enum DeviceAttribute : int {
  MultiprocessorCount = 16,
  ComputeCapabilityMajor = 75,
  ComputeCapabilityMinor = 76
};
/// CUfunction_attribute
enum FunctionAttribute : int {
  MaxDynamicSharedSizeBytes = 8,
  NonPortableClusterSizeAllowed = 14
};
/// CUjit_option
enum JitOption : int { ErrorLogBuffer = 5, ErrorLogBufferSizeBytes = 6 };
/// CUtensorMapDataType
enum TensorMapDataType : int {
  Float16 = 6,
  Float32 = 7,
  Float64 = 8,
  BFloat16 = 9
};
/// CUtensorMapSwizzle
enum TensorMapSwizzle : int { Swizzle32B = 1, Swizzle64B = 2, Swizzle128B = 3 };
/// CUtensorMapL2promotion
enum TensorMapL2Promotion : int { L2Promotion256B = 3 };

/// CUstream_flags
enum StreamFlag : unsigned { NonBlocking = 1 };
/// CUstreamCaptureMode
enum StreamCaptureMode : int { Relaxed = 2 };

struct Driver {
  Result (*getErrorString)(Result, const char **);
  Result (*init)(unsigned flags);
  Result (*deviceGetCount)(int *count);
  Result (*deviceGet)(Device *device, int ordinal);
  Result (*deviceGetName)(char *name, int size, Device device);
  Result (*deviceGetAttribute)(int *value, int attribute, Device device);
  Result (*devicePrimaryCtxRetain)(Context *context, Device device);
  Result (*devicePrimaryCtxRelease)(Device device);
  Result (*ctxGetCurrent)(Context *context);
  Result (*ctxPushCurrent)(Context context);
  Result (*ctxPopCurrent)(Context *context);
  Result (*moduleLoadDataEx)(Module *module, const void *image,
                             unsigned numOptions, int *options, void **values);
  Result (*moduleUnload)(Module module);
  Result (*moduleGetFunction)(Function *function, Module module,
                              const char *name);
  Result (*funcSetAttribute)(Function function, int attribute, int value);
  Result (*tensorMapEncodeTiled)(TensorMap *map, int dataType, uint32_t rank,
                                 void *address, const uint64_t *dims,
                                 const uint64_t *strides, const uint32_t *box,
                                 const uint32_t *elementStrides, int interleave,
                                 int swizzle, int l2Promotion, int oobFill);
  Result (*occupancyMaxActiveBlocksPerMultiprocessor)(int *blocks,
                                                      Function function,
                                                      int blockSize,
                                                      size_t sharedMemory);
  Result (*occupancyMaxActiveClusters)(int *clusters, Function function,
                                       const LaunchConfig *config);
  Result (*memAlloc)(DevicePointer *address, size_t bytes);
  Result (*memFree)(DevicePointer address);
  Result (*memsetD8Async)(DevicePointer address, unsigned char value,
                          size_t bytes, Stream stream);
  Result (*streamCreate)(Stream *stream, unsigned flags);
  Result (*streamSynchronize)(Stream stream);
  Result (*streamDestroy)(Stream stream);
  /// Sets the calling thread's CUstreamCaptureMode, and returns what it was.
  Result (*threadExchangeStreamCaptureMode)(int *mode);
  Result (*launchKernelEx)(const LaunchConfig *config, Function function,
                           void **parameters, void **extra);

  /// The driver, opened and initialised on the first call; or why not.
  static llvm::Expected<const Driver &> get();

  /// Success, or a Cuda error that says what was being done and what CUDA said.
  llvm::Error check(Result result, const llvm::Twine &action) const;
};

} // namespace mlir::flashmhf::cuda

#endif // FLASHMHF_RUNTIME_CUDADRIVER_H
