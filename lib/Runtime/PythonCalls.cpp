//===- PythonCalls.cpp - Launches on Python's tensors ---------------------===//
//
/// \file
/// Nothing here is linked against Python or a framework: both are reached
/// through addresses of functions. What the framework says of its tensors is
/// copied before the interpreter's lock is released, for then other threads may
/// change them.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/PythonCalls.h"
#include "LaunchCache.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include <mutex>

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;

/// Enough for a model's layers at many numbers of tokens.
static constexpr size_t maxCachedCalls = 512;
static constexpr unsigned rank = 4;
static constexpr uint32_t exchangeVersion = 1;

namespace {
/// DLPackExchangeAPI of DLPack 1, which dlpack.h has from 1.3 on; functions
/// that are not called here without their types.
struct ExchangeTable {
  struct Header {
    uint32_t major, minor;
    const Header *previous; // the table of an older version
  } header;
  void *allocate, *exportManaged, *importManaged;
  /// Fills in `tensor` with what `object` owns. Not 0: an error is set.
  int (*describe)(void *object, DLTensor *tensor);
  int (*currentStream)(int32_t deviceType, int32_t device, void **stream);
};

/// A tensor and its sizes and strides. Does not move.
struct Described {
  DLTensor tensor;
  int64_t sizes[rank], strides[rank];
};

/// The tensors of a call: those that are there, and what they have in common
/// with those of other calls, as words.
struct Description {
  llvm::SmallVector<Described, 6> tensors;
  LaunchKey key;
};

using Outcome = PythonCalls::Outcome;
} // namespace

struct PythonCalls::Impl {
  const ExchangeTable &exchange;
  FlashmhfPython python;
  llvm::SmallVector<const void *, 4> types;
  unsigned count;

  std::mutex mutex; // guards `kernels`
  BoundedCache<std::shared_ptr<CudaKernel>> kernels{maxCachedCalls};

  Impl(const ExchangeTable &exchange, const FlashmhfPython &python,
       unsigned count)
      : exchange(exchange), python(python),
        types(python.types, python.types + python.typeCount), count(count) {}

  /// Launched: it may be.
  Outcome checkObjects(void *const *objects) const;
  Outcome checkGradients(void *const *objects) const;
  Outcome describe(void *const *objects, Description &description) const;
};

PythonCalls::PythonCalls(std::unique_ptr<Impl> impl) : impl(std::move(impl)) {}
PythonCalls::~PythonCalls() = default;

unsigned PythonCalls::getCount() const { return impl->count; }
const FlashmhfPython &PythonCalls::getPython() const { return impl->python; }

Expected<std::unique_ptr<PythonCalls>>
PythonCalls::create(const FlashmhfPython &python, unsigned count) {
  const auto *header =
      static_cast<const ExchangeTable::Header *>(python.exchange);
  uint32_t newest = header->major;
  while (header && header->major != exchangeVersion)
    header = header->previous;
  if (!header)
    return makeError(ErrorKind::InvalidArgument,
                     llvm::formatv("the table of functions is of version {0} "
                                   "of DLPack, supported is {1}",
                                   newest, exchangeVersion));
  const auto *table = reinterpret_cast<const ExchangeTable *>(header);
  if (!table->describe || !table->currentStream)
    return makeError(ErrorKind::InvalidArgument,
                     "the table of functions cannot describe a tensor in place "
                     "or has no current stream");
  return std::unique_ptr<PythonCalls>(
      new PythonCalls(std::make_unique<Impl>(*table, python, count)));
}

Outcome PythonCalls::Impl::checkObjects(void *const *objects) const {
  bool hasTensor = false;
  for (void *object : llvm::ArrayRef(objects, count)) {
    if (object == python.none)
      continue;
    hasTensor = true;
    void *type = python.getType(object);
    bool isKnown = llvm::is_contained(types, type);
    python.release(type);
    if (!isKnown)
      return Outcome::Unknown;
  }
  return hasTensor ? checkGradients(objects) : Outcome::Unknown;
}

Outcome PythonCalls::Impl::checkGradients(void *const *objects) const {
  void *isEnabled = python.call(python.gradientIsEnabled);
  if (!isEnabled)
    return Outcome::Raised;
  python.release(isEnabled);
  if (isEnabled != python.isTrue)
    return Outcome::Launched;
  for (void *object : llvm::ArrayRef(objects, count)) {
    if (object == python.none)
      continue;
    void *isRequired = python.getAttribute(object, python.requiresGradient);
    if (!isRequired)
      return Outcome::Raised;
    python.release(isRequired);
    if (isRequired == python.isTrue)
      return Outcome::Unknown;
  }
  return Outcome::Launched;
}

Outcome PythonCalls::Impl::describe(void *const *objects,
                                    Description &description) const {
  Outcome outcome = checkObjects(objects);
  if (outcome != Outcome::Launched)
    return outcome;
  LaunchKey &key = description.key;
  description.tensors.reserve(count); // they do not move after this
  for (void *object : llvm::ArrayRef(objects, count)) {
    if (object == python.none) {
      key.push_back(0);
      continue;
    }
    Described &described = description.tensors.emplace_back();
    DLTensor &tensor = described.tensor;
    if (exchange.describe(object, &tensor) != 0)
      return Outcome::Raised;
    if (tensor.ndim != int(rank) || !tensor.shape || !tensor.strides)
      return Outcome::Unknown;
    std::copy_n(tensor.shape, rank, described.sizes);
    std::copy_n(tensor.strides, rank, described.strides);
    tensor.shape = described.sizes;
    tensor.strides = described.strides;

    key.push_back(1);
    key.push_back(uint64_t(uint32_t(tensor.device.device_type)) << 32 |
                  uint32_t(tensor.device.device_id));
    key.push_back(uint64_t(tensor.dtype.code) |
                  uint64_t(tensor.dtype.bits) << 8 |
                  uint64_t(tensor.dtype.lanes) << 16);
    key.append(tensor.shape, tensor.shape + rank);
    key.append(tensor.strides, tensor.strides + rank);
  }
  return Outcome::Launched;
}

Error PythonCalls::remember(void *const *objects,
                            std::shared_ptr<CudaKernel> kernel) {
  Description description;
  if (impl->describe(objects, description) != Outcome::Launched)
    return makeError(ErrorKind::Unavailable,
                     "these are not tensors that calls are launched on");
  std::lock_guard<std::mutex> lock(impl->mutex);
  impl->kernels.insert(description.key, std::move(kernel));
  return Error::success();
}

Expected<Outcome> PythonCalls::launch(void *const *objects) {
  Description description;
  Outcome outcome = impl->describe(objects, description);
  if (outcome != Outcome::Launched)
    return outcome;
  std::shared_ptr<CudaKernel> kernel;
  {
    std::lock_guard<std::mutex> lock(impl->mutex);
    if (const auto *known = impl->kernels.find(description.key))
      kernel = *known;
  }
  if (!kernel)
    return Outcome::Unknown;

  DLDevice device = description.tensors.front().tensor.device;
  void *stream = nullptr;
  if (impl->exchange.currentStream(device.device_type, device.device_id,
                                   &stream) != 0)
    return Outcome::Raised;
  llvm::SmallVector<const DLTensor *, 8> tensors;
  for (const Described &described : description.tensors)
    tensors.push_back(&described.tensor);

  // The driver may wait for room in the stream, and what it waits for may need
  // the interpreter.
  void *state = impl->python.releaseLock();
  Error error = kernel->launch(tensors, stream);
  kernel.reset(); // unloads it if it was forgotten meanwhile
  impl->python.takeLock(state);
  if (error)
    return std::move(error);
  return Outcome::Launched;
}

void PythonCalls::clear() {
  BoundedCache<std::shared_ptr<CudaKernel>> forgotten{maxCachedCalls};
  std::lock_guard<std::mutex> lock(impl->mutex);
  std::swap(impl->kernels, forgotten);
}
