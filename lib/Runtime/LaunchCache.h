//===- LaunchCache.h - Launches seen before ---------------------*- C++ -*-===//
//
/// \file
/// What makes two launches the same, and a map of a bounded size for what was
/// computed of them: a training loop launches on the same few tensors again and
/// again, and the checks of a launch cost more than the launch.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_LAUNCHCACHE_H
#define FLASHMHF_RUNTIME_LAUNCHCACHE_H

#include "llvm/ADT/ArrayRef.h"
#include "llvm/ADT/SmallVector.h"
#include "llvm/Support/xxhash.h"
#include <deque>
#include <dlpack/dlpack.h>
#include <optional>
#include <unordered_map>

namespace mlir::flashmhf {

/// Every field of some tensors, as words: equal keys are equal tensors.
using LaunchKey = llvm::SmallVector<uint64_t, 80>;

/// The key of `tensors`, or none where it cannot be read off them: one of them
/// is null or has another rank than 4.
inline std::optional<LaunchKey>
makeLaunchKey(llvm::ArrayRef<const DLTensor *> tensors) {
  LaunchKey key;
  for (const DLTensor *tensor : tensors) {
    if (!tensor || tensor->ndim != 4 || !tensor->shape)
      return std::nullopt;
    const int64_t *strides = tensor->strides;
    key.push_back(reinterpret_cast<uintptr_t>(tensor->data));
    key.push_back(tensor->byte_offset);
    key.push_back(uint64_t(uint32_t(tensor->device.device_type)) << 32 |
                  uint32_t(tensor->device.device_id));
    key.push_back(uint64_t(tensor->dtype.code) |
                  uint64_t(tensor->dtype.bits) << 8 |
                  uint64_t(tensor->dtype.lanes) << 16 |
                  uint64_t(strides != nullptr) << 32);
    key.append(tensor->shape, tensor->shape + 4);
    if (strides)
      key.append(strides, strides + 4);
  }
  return key;
}

/// A map from words to `Value` that forgets its oldest entries.
template <typename Value>
class BoundedCache {
public:
  explicit BoundedCache(size_t capacity) : capacity(capacity) {}

  /// The value of `key`, or null. Good until the next insertion.
  const Value *find(llvm::ArrayRef<uint64_t> key) const {
    auto it = entries.find(hash(key));
    if (it == entries.end() || llvm::ArrayRef<uint64_t>(it->second.key) != key)
      return nullptr;
    return &it->second.value;
  }

  /// Keys of the same hash take each other's place.
  const Value &insert(llvm::ArrayRef<uint64_t> key, Value value) {
    uint64_t hashed = hash(key);
    if (entries.find(hashed) == entries.end()) {
      if (order.size() == capacity) {
        entries.erase(order.front());
        order.pop_front();
      }
      order.push_back(hashed);
    }
    Entry &entry = entries[hashed];
    entry.key.assign(key.begin(), key.end());
    entry.value = std::move(value);
    return entry.value;
  }

private:
  struct Entry {
    LaunchKey key;
    Value value;
  };

  static uint64_t hash(llvm::ArrayRef<uint64_t> key) {
    return llvm::xxh3_64bits(llvm::ArrayRef<uint8_t>(
        reinterpret_cast<const uint8_t *>(key.data()), key.size() * 8));
  }

  size_t capacity;
  std::unordered_map<uint64_t, Entry> entries;
  std::deque<uint64_t> order; // hashes, oldest first
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_LAUNCHCACHE_H
