//===- CudaLoad.cpp - Loading kernels on a GPU ----------------------------===//
//
/// \file
/// From an image and its contract to functions that can be launched, one for
/// each variant.
//
//===----------------------------------------------------------------------===//

#include "CudaKernelImpl.h"
#include "flashmhf/Dialect/Hopper/IR/StreamK.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::flashmhf;
using namespace mlir::flashmhf::cuda;
using llvm::Error;
using llvm::Expected;

static Error missing(const llvm::Twine &message) {
  return makeError(ErrorKind::Unavailable, message);
}

/// GPU number `ordinal`.
static Expected<Device> openGpu(const Driver &driver, int ordinal) {
  int count = 0;
  if (Error error =
          driver.check(driver.deviceGetCount(&count), "count the GPUs"))
    return std::move(error);
  if (ordinal < 0 || ordinal >= count)
    return missing(llvm::formatv("no GPU {0}: there are {1}", ordinal, count));
  Device device;
  if (Error error = driver.check(driver.deviceGet(&device, ordinal),
                                 "open GPU " + llvm::Twine(ordinal)))
    return std::move(error);
  return device;
}

static Expected<bool> isHopper(const Driver &driver, Device device) {
  int major = 0, minor = 0;
  if (Error error = driver.check(
          driver.deviceGetAttribute(&major, ComputeCapabilityMajor, device),
          "query the GPU"))
    return std::move(error);
  if (Error error = driver.check(
          driver.deviceGetAttribute(&minor, ComputeCapabilityMinor, device),
          "query the GPU"))
    return std::move(error);
  return major == 9 && minor == 0;
}

Error mlir::flashmhf::checkCudaAvailable() {
  Expected<const Driver &> driver = Driver::get();
  if (!driver)
    return driver.takeError();
  int count = 0;
  if (Error error =
          driver->check(driver->deviceGetCount(&count), "count the GPUs"))
    return error;
  for (int i = 0; i < count; ++i) {
    Device device;
    if (Error error = driver->check(driver->deviceGet(&device, i),
                                    "open GPU " + llvm::Twine(i)))
      return error;
    Expected<bool> suits = isHopper(*driver, device);
    if (!suits)
      return suits.takeError();
    if (*suits)
      return Error::success();
  }
  return missing(llvm::formatv("none of the {0} GPUs has compute capability "
                               "9.0 (sm_90a)",
                               count));
}

Expected<std::string> mlir::flashmhf::getGpuName(int device) {
  Expected<const Driver &> driver = Driver::get();
  if (!driver)
    return driver.takeError();
  Expected<Device> opened = openGpu(*driver, device);
  if (!opened)
    return opened.takeError();
  char name[256] = "";
  if (Error error =
          driver->check(driver->deviceGetName(name, sizeof(name), *opened),
                        "ask for the name of GPU " + llvm::Twine(device)))
    return std::move(error);
  return std::string(name);
}

Error CudaKernel::Impl::openDevice() {
  Expected<Device> opened = openGpu(driver, ordinal);
  if (!opened)
    return opened.takeError();
  device = *opened;
  Expected<bool> suits = isHopper(driver, device);
  if (!suits)
    return suits.takeError();
  if (!*suits)
    return missing(llvm::formatv(
        "GPU {0} does not have compute capability 9.0, but kernel '{1}' was "
        "compiled for {2}",
        ordinal, contract.variants.front().kernel, contract.chip));
  if (Error error =
          driver.check(driver.deviceGetAttribute(&multiprocessors,
                                                 MultiprocessorCount, device),
                       "query the GPU"))
    return error;
  return driver.check(driver.devicePrimaryCtxRetain(&context, device),
                      "open the primary context of GPU " +
                          llvm::Twine(ordinal));
}

Error CudaKernel::Impl::loadModule(llvm::StringRef image) {
  ContextGuard guard(driver, context);
  if (Error error = guard.check())
    return error;
  // The driver wants PTX to end in NUL; a cubin does not mind.
  std::string terminated = image.str();
  char log[4096] = "";
  int options[] = {ErrorLogBuffer, ErrorLogBufferSizeBytes};
  void *values[] = {log, reinterpret_cast<void *>(sizeof(log) - 1)};
  Error error = driver.check(
      driver.moduleLoadDataEx(&module, terminated.data(), 2, options, values),
      "load kernel '" + contract.variants.front().kernel + "'");
  if (error) {
    if (!log[0])
      return error;
    return makeError(ErrorKind::Cuda,
                     llvm::toString(std::move(error)) + "\n" + log);
  }
  variants.resize(contract.variants.size());
  for (auto [kernel, variant] : llvm::zip_equal(contract.variants, variants))
    if (Error error = loadVariant(kernel, variant))
      return error;
  for (auto [i, kernel] : llvm::enumerate(contract.variants)) {
    const ContractWorkspace &needs = kernel.workspace;
    if (kernel.grid.streamK) {
      uint64_t blocks =
          std::min<uint64_t>(multiprocessors, hopper::kMaxStreamBlocks);
      most.partialBytes =
          std::max(most.partialBytes, blocks * needs.partialsPerBlock);
      most.counterBytes =
          std::max(most.counterBytes, blocks * needs.countersPerBlock);
    }
    std::optional<VariantBounds> bounds = contract.getBounds(i);
    if (!bounds || !kernel.hasMeetings())
      continue;
    auto multiplyAdd = [](uint64_t a, uint64_t b, uint64_t c) {
      return llvm::SaturatingMultiplyAdd(a, b, c);
    };
    most.partialBytes =
        std::max(most.partialBytes,
                 multiplyAdd(bounds->elements, needs.partialsPerElement, 0));
    most.counterBytes = std::max(
        most.counterBytes, multiplyAdd(bounds->tiles, needs.countersPerTile,
                                       needs.countersOffset));
  }
  return Error::success();
}

Error CudaKernel::Impl::countBlocksAtOnce(const KernelContract &kernel,
                                          LoadedVariant &variant) {
  std::string action =
      "query how many blocks of kernel '" + kernel.kernel + "' run at once";
  int64_t cluster = kernel.getClusterBlocks();
  if (cluster == 1) {
    if (Error error = driver.check(
            driver.occupancyMaxActiveBlocksPerMultiprocessor(
                &variant.blocksAtOnce, variant.function,
                kernel.block[0] * kernel.block[1] * kernel.block[2],
                kernel.sharedMemory),
            action))
      return error;
    variant.blocksAtOnce *= multiprocessors;
    return Error::success();
  }
  // A GPU need not have room for clusters wherever it has for their blocks.
  LaunchAttribute attribute = {};
  attribute.id = LaunchAttribute::clusterDimension;
  llvm::copy(kernel.cluster, attribute.clusterDim);
  LaunchConfig config = {};
  llvm::copy(kernel.cluster, config.gridDim);
  llvm::copy(kernel.block, config.blockDim);
  config.sharedMemBytes = kernel.sharedMemory;
  config.attributes = &attribute;
  config.numAttributes = 1;
  if (Error error =
          driver.check(driver.occupancyMaxActiveClusters(
                           &variant.blocksAtOnce, variant.function, &config),
                       action))
    return error;
  variant.blocksAtOnce *= cluster;
  return Error::success();
}

Error CudaKernel::Impl::loadVariant(const KernelContract &kernel,
                                    LoadedVariant &variant) {
  if (Error error =
          driver.check(driver.moduleGetFunction(&variant.function, module,
                                                kernel.kernel.c_str()),
                       "find kernel '" + kernel.kernel + "' in the module"))
    return error;
  if (Error error = driver.check(
          driver.funcSetAttribute(variant.function, MaxDynamicSharedSizeBytes,
                                  kernel.sharedMemory),
          "reserve " + llvm::Twine(kernel.sharedMemory) +
              " bytes of shared memory"))
    return error;
  if (kernel.hasWorkspace() && !workspaces)
    workspaces = std::make_unique<WorkspacePool>(driver);
  int64_t cluster = kernel.getClusterBlocks();
  if (kernel.hasWorkspace() || (kernel.grid.persistent && cluster > 1))
    if (Error error = countBlocksAtOnce(kernel, variant))
      return error;
  // More than 8 blocks to a cluster is not portable and must be asked for.
  if (cluster <= 8)
    return Error::success();
  return driver.check(driver.funcSetAttribute(variant.function,
                                              NonPortableClusterSizeAllowed, 1),
                      "allow clusters of " + llvm::Twine(cluster) + " blocks");
}

CudaKernel::Impl::~Impl() {
  if (!context)
    return;
  {
    ContextGuard guard(driver, context);
    workspaces.reset();
    if (module)
      driver.moduleUnload(module);
  }
  driver.devicePrimaryCtxRelease(device);
}
