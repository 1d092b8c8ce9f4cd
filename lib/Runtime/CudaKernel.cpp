//===- CudaKernel.cpp - A kernel on a GPU ---------------------------------===//
//
/// \file
/// Loading and launching through the CUDA driver. Everything that can be wrong
/// with the caller's tensors has been found by checkTensors and planLaunch
/// before the driver is asked for anything. A launch on tensors seen before is
/// a look-up and one call of the driver, which a stream being captured allows.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/CudaKernel.h"
#include "CudaDriver.h"
#include "LaunchCache.h"
#include "Workspace.h"
#include "flashmhf/Runtime/LaunchPlan.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/Support/FormatVariadic.h"
#include <mutex>
#include <vector>

using namespace mlir::flashmhf;
using namespace mlir::flashmhf::cuda;
using llvm::Error;
using llvm::Expected;

/// Kept per kernel: the weights of many layers, each with a few activations.
static constexpr size_t maxCachedMaps = 512;
static constexpr size_t maxCachedLaunches = 512;

static Error missing(const llvm::Twine &message) {
  return makeError(ErrorKind::Unavailable, message);
}

namespace {
/// Makes a context current, if it is not, and puts the caller's back.
class ContextGuard {
public:
  ContextGuard(const Driver &driver, Context context) : driver(driver) {
    Context current = nullptr;
    if (driver.ctxGetCurrent(&current) == 0 && current == context)
      return;
    result = driver.ctxPushCurrent(context);
    isPushed = result == 0;
  }
  ~ContextGuard() {
    Context popped;
    if (isPushed)
      driver.ctxPopCurrent(&popped);
  }
  Error check() const { return driver.check(result, "enter the CUDA context"); }

private:
  const Driver &driver;
  Result result = 0;
  bool isPushed = false;
};
} // namespace

namespace {
/// All of a launch but its stream. Does not move: it points into itself.
struct PreparedLaunch {
  LaunchPlan plan;
  std::vector<TensorMap> maps; // which aligns them, as the driver asks for
  llvm::SmallVector<void *, 64> parameters;
};
using PreparedPtr = std::shared_ptr<PreparedLaunch>;
} // namespace

struct CudaKernel::Impl {
  const Driver &driver;
  LaunchContract contract;
  int ordinal;
  Device device = 0;
  Context context = nullptr;
  Module module = nullptr;
  Function function = nullptr;
  int multiprocessors = 0;
  int blocksAtOnce = 1; // on one of them; known where it matters
  std::unique_ptr<WorkspacePool> workspaces;

  std::mutex mutex; // guards the caches
  BoundedCache<TensorMap> maps{maxCachedMaps};
  BoundedCache<PreparedPtr> launches{maxCachedLaunches};

  Impl(const Driver &driver, LaunchContract contract, int ordinal)
      : driver(driver), contract(std::move(contract)), ordinal(ordinal) {}

  ~Impl() {
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

  Error openDevice();
  Error loadModule(llvm::StringRef image);
  Error getTensorMap(const TensorMapPlan &plan, TensorMap &map);
  Expected<PreparedPtr> prepare(llvm::ArrayRef<const DLTensor *> tensors);
  /// `workspace` may be null: one of the kernel's own.
  Error enqueue(PreparedLaunch &launch, void *stream,
                const WorkspaceView *workspace);
  Expected<Workspace> getWorkspace(const LaunchPlan &plan, void *stream,
                                   const WorkspaceView *given);
};

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

Error CudaKernel::Impl::openDevice() {
  int count = 0;
  if (Error error =
          driver.check(driver.deviceGetCount(&count), "count the GPUs"))
    return error;
  if (ordinal < 0 || ordinal >= count)
    return missing(llvm::formatv("no GPU {0}: there are {1}", ordinal, count));
  if (Error error = driver.check(driver.deviceGet(&device, ordinal),
                                 "open GPU " + llvm::Twine(ordinal)))
    return error;
  Expected<bool> suits = isHopper(driver, device);
  if (!suits)
    return suits.takeError();
  if (!*suits)
    return missing(llvm::formatv(
        "GPU {0} does not have compute capability 9.0, but kernel '{1}' was "
        "compiled for {2}",
        ordinal, contract.kernel, contract.chip));
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
      "load kernel '" + contract.kernel + "'");
  if (error) {
    if (!log[0])
      return error;
    return makeError(ErrorKind::Cuda,
                     llvm::toString(std::move(error)) + "\n" + log);
  }
  if (Error error = driver.check(
          driver.moduleGetFunction(&function, module, contract.kernel.c_str()),
          "find kernel '" + contract.kernel + "' in the module"))
    return error;
  if (Error error = driver.check(
          driver.funcSetAttribute(function, MaxDynamicSharedSizeBytes,
                                  contract.sharedMemory),
          "reserve " + llvm::Twine(contract.sharedMemory) +
              " bytes of shared memory"))
    return error;
  if (contract.grid.pieces > 1) {
    workspaces = std::make_unique<WorkspacePool>(driver);
    if (Error error = driver.check(
            driver.occupancyMaxActiveBlocksPerMultiprocessor(
                &blocksAtOnce, function,
                contract.block[0] * contract.block[1] * contract.block[2],
                contract.sharedMemory),
            "query how many blocks of kernel '" + contract.kernel +
                "' run at once"))
      return error;
  }
  // More than 8 blocks to a cluster is not portable and must be asked for.
  int64_t cluster =
      contract.cluster[0] * contract.cluster[1] * contract.cluster[2];
  if (cluster <= 8)
    return Error::success();
  return driver.check(
      driver.funcSetAttribute(function, NonPortableClusterSizeAllowed, 1),
      "allow clusters of " + llvm::Twine(cluster) + " blocks");
}

/// The numbers of a plan that another plan may have others of.
static LaunchKey makeMapKey(const TensorMapPlan &plan) {
  LaunchKey key = {reinterpret_cast<uintptr_t>(plan.address),
                   uint64_t(plan.dtype), plan.swizzle};
  key.append(plan.dims.begin(), plan.dims.end());
  key.append(plan.strides.begin(), plan.strides.end());
  key.append(plan.box.begin(), plan.box.end());
  return key;
}

Error CudaKernel::Impl::getTensorMap(const TensorMapPlan &plan,
                                     TensorMap &map) {
  LaunchKey key = makeMapKey(plan);
  std::lock_guard<std::mutex> lock(mutex);
  if (const TensorMap *known = maps.find(key)) {
    map = *known;
    return Error::success();
  }

  int dataType = plan.dtype == ElementKind::BF16  ? BFloat16
                 : plan.dtype == ElementKind::F16 ? Float16
                 : plan.dtype == ElementKind::F32 ? Float32
                                                  : Float64;
  int swizzle = plan.swizzle == 128  ? Swizzle128B
                : plan.swizzle == 64 ? Swizzle64B
                                     : Swizzle32B;
  const uint32_t elementStrides[5] = {1, 1, 1, 1, 1};
  if (Error error = driver.check(
          driver.tensorMapEncodeTiled(
              &map, dataType, 5, const_cast<void *>(plan.address),
              plan.dims.data(), plan.strides.data(), plan.box.data(),
              elementStrides, /*interleave=*/0, swizzle, L2Promotion256B,
              /*oobFill=*/0),
          "encode a tensor map"))
    return error;
  maps.insert(key, map);
  return Error::success();
}

/// Checks tensors and computes the launch.
Expected<PreparedPtr>
CudaKernel::Impl::prepare(llvm::ArrayRef<const DLTensor *> tensors) {
  auto views = checkTensors(contract.arguments, tensors);
  if (!views)
    return views.takeError();
  for (auto [argument, view] : llvm::zip_equal(contract.arguments, *views)) {
    bool isDevice =
        view.device.device_type == kDLCUDA && view.device.device_id == ordinal;
    if (!isDevice && view.device.device_type != kDLCUDAManaged)
      return makeError(
          ErrorKind::InvalidArgument,
          llvm::formatv("argument '{0}' is on {1}, but the kernel is loaded on "
                        "cuda:{2}",
                        argument.name, printDevice(view.device), ordinal));
  }
  Expected<LaunchPlan> plan =
      planLaunch(contract, *views, multiprocessors, blocksAtOnce);
  if (!plan)
    return plan.takeError();

  auto launch = std::make_shared<PreparedLaunch>();
  launch->plan = std::move(*plan);
  launch->maps.resize(launch->plan.parameters.size());
  for (auto [map, parameter] :
       llvm::zip_equal(launch->maps, launch->plan.parameters)) {
    if (const auto *mapPlan = std::get_if<TensorMapPlan>(&parameter)) {
      if (Error error = getTensorMap(*mapPlan, map))
        return std::move(error);
      launch->parameters.push_back(&map);
      continue;
    }
    if (std::holds_alternative<PiecePlan>(parameter)) {
      launch->parameters.push_back(nullptr); // Known with the stream.
      continue;
    }
    for (uint64_t &word : std::get<MemRefPlan>(parameter))
      launch->parameters.push_back(&word);
  }
  return launch;
}

/// The caller's workspace, if it will do, or one of the kernel's.
Expected<Workspace> CudaKernel::Impl::getWorkspace(const LaunchPlan &plan,
                                                   void *stream,
                                                   const WorkspaceView *given) {
  if (plan.partialBytes == 0)
    return Workspace();
  if (!given)
    return workspaces->get(static_cast<Stream>(stream), plan.partialBytes,
                           plan.counterBytes);
  constexpr uintptr_t alignment = 16;
  auto check = [&](llvm::StringRef name, const void *address, uint64_t bytes,
                   uint64_t needed) -> Error {
    if (bytes < needed)
      return makeError(ErrorKind::InvalidArgument,
                       llvm::formatv("the workspace has {0} bytes of {1}, but "
                                     "the launch needs {2}",
                                     bytes, name, needed));
    if (!address || reinterpret_cast<uintptr_t>(address) % alignment != 0)
      return makeError(ErrorKind::InvalidArgument,
                       llvm::formatv("the {0} of the workspace are at address "
                                     "{1}, but need {2}-byte alignment",
                                     name, address, alignment));
    return Error::success();
  };
  if (Error error = check("partials", given->partials, given->partialBytes,
                          plan.partialBytes))
    return std::move(error);
  if (Error error = check("counters", given->counters, given->counterBytes,
                          plan.counterBytes))
    return std::move(error);
  return Workspace{reinterpret_cast<uintptr_t>(given->partials),
                   reinterpret_cast<uintptr_t>(given->counters),
                   given->partialBytes, given->counterBytes};
}

/// Puts what is known of `plan`'s pieces by now in the places left for it.
static void fillPieces(const LaunchPlan &plan, Workspace &workspace,
                       uint64_t &isResident,
                       llvm::MutableArrayRef<void *> parameters) {
  isResident = plan.isResident;
  size_t place = 0;
  for (const auto &parameter : plan.parameters) {
    if (const auto *piece = std::get_if<PiecePlan>(&parameter)) {
      using Kind = ContractParameter::Kind;
      parameters[place] = piece->kind == Kind::Partials   ? &workspace.partials
                          : piece->kind == Kind::Counters ? &workspace.counters
                                                          : &isResident;
    }
    const auto *memref = std::get_if<MemRefPlan>(&parameter);
    place += memref ? memref->size() : 1;
  }
}

/// The driver copies the parameters during the call.
Error CudaKernel::Impl::enqueue(PreparedLaunch &launch, void *stream,
                                const WorkspaceView *given) {
  const LaunchPlan &plan = launch.plan;
  if (plan.isEmpty)
    return Error::success();
  LaunchAttribute attributes[2] = {};
  attributes[0].id = LaunchAttribute::clusterDimension;
  llvm::copy(plan.cluster, attributes[0].clusterDim);
  attributes[1].id = LaunchAttribute::programmaticStreamSerialization;
  attributes[1].isProgrammatic = 1;
  LaunchConfig config = {};
  llvm::copy(plan.grid, config.gridDim);
  llvm::copy(plan.block, config.blockDim);
  config.sharedMemBytes = plan.sharedMemory;
  config.stream = static_cast<Stream>(stream);
  config.attributes = attributes;
  config.numAttributes = plan.isProgrammatic ? 2 : 1;

  ContextGuard guard(driver, context);
  if (Error error = guard.check())
    return error;
  void **parameters = launch.parameters.data();
  Workspace workspace;
  uint64_t isResident = 0;
  llvm::SmallVector<void *, 64> filled;
  if (plan.partialBytes != 0) {
    Expected<Workspace> found = getWorkspace(plan, stream, given);
    if (!found)
      return found.takeError();
    workspace = *found;
    // Other threads launch what is kept.
    filled = launch.parameters;
    fillPieces(plan, workspace, isResident, filled);
    parameters = filled.data();
  }
  Result result = driver.launchKernelEx(&config, function, parameters, nullptr);
  if (LLVM_LIKELY(result == 0))
    return Error::success();
  return driver.check(result, "launch kernel '" + contract.kernel + "'");
}

CudaKernel::CudaKernel(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
CudaKernel::~CudaKernel() = default;

Expected<std::unique_ptr<CudaKernel>>
CudaKernel::load(llvm::StringRef image, LaunchContract contract, int device) {
  Expected<const Driver &> driver = Driver::get();
  if (!driver)
    return driver.takeError();
  auto impl = std::make_unique<Impl>(*driver, std::move(contract), device);
  if (Error error = impl->openDevice())
    return std::move(error);
  if (Error error = impl->loadModule(image))
    return std::move(error);
  return std::unique_ptr<CudaKernel>(new CudaKernel(std::move(impl)));
}

Expected<WorkspaceView>
CudaKernel::getWorkspaceSizes(llvm::ArrayRef<const DLTensor *> tensors) {
  Expected<PreparedPtr> launch = impl->prepare(tensors);
  if (!launch)
    return launch.takeError();
  WorkspaceView sizes;
  sizes.partialBytes = (*launch)->plan.partialBytes;
  sizes.counterBytes = (*launch)->plan.counterBytes;
  return sizes;
}

Error CudaKernel::launch(llvm::ArrayRef<const DLTensor *> tensors, void *stream,
                         const WorkspaceView *workspace) {
  std::optional<LaunchKey> key = makeLaunchKey(tensors);
  if (LLVM_LIKELY(key.has_value())) {
    PreparedPtr known;
    {
      std::lock_guard<std::mutex> lock(impl->mutex);
      if (const PreparedPtr *found = impl->launches.find(*key))
        known = *found;
    }
    if (known)
      return impl->enqueue(*known, stream, workspace);
  }

  Expected<PreparedPtr> launch = impl->prepare(tensors);
  if (!launch)
    return launch.takeError();
  if (key) {
    std::lock_guard<std::mutex> lock(impl->mutex);
    impl->launches.insert(*key, *launch);
  }
  return impl->enqueue(**launch, stream, workspace);
}
