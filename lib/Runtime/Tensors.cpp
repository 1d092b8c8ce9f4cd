//===- Tensors.cpp - Checked DLPack tensors -------------------------------===//
//
/// \file
/// Checks DLPack tensors against the arguments of a contract. In: the caller's
/// DLTensors; out: views whose every field may be used without another look.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/Tensors.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringMap.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;
using llvm::SmallVector;

bool TensorView::isEmpty() const { return llvm::is_contained(sizes, 0); }

std::string mlir::flashmhf::printSizes(llvm::ArrayRef<int64_t> sizes) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(sizes, os);
  os << "]";
  return text;
}

std::string mlir::flashmhf::printDevice(DLDevice device) {
  std::string ordinal = ":" + std::to_string(device.device_id);
  switch (device.device_type) {
  case kDLCPU:
    return "cpu";
  case kDLCUDA:
    return "cuda" + ordinal;
  case kDLCUDAHost:
    return "cuda_host" + ordinal;
  default:
    return "device type " + std::to_string(int(device.device_type)) + ordinal;
  }
}

static std::string
printPattern(llvm::ArrayRef<std::optional<int64_t>> pattern) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "[";
  llvm::interleaveComma(pattern, os, [&](std::optional<int64_t> size) {
    if (size)
      os << *size;
    else
      os << "?";
  });
  os << "]";
  return text;
}

static Error argumentError(const ContractArgument &argument,
                           const llvm::Twine &message) {
  return makeError(ErrorKind::InvalidArgument,
                   "argument '" + argument.name + "' " + message);
}

static std::string printType(DLDataType type) {
  const char *code = type.code == kDLFloat    ? "float"
                     : type.code == kDLBfloat ? "bfloat"
                     : type.code == kDLInt    ? "int"
                     : type.code == kDLUInt   ? "uint"
                                              : "type code ";
  std::string text = code;
  if (*code == 't')
    text += std::to_string(type.code) + " of bits ";
  text += std::to_string(type.bits);
  if (type.lanes != 1)
    text += "x" + std::to_string(type.lanes);
  return text;
}

static std::optional<ElementKind> getElementKind(DLDataType type) {
  if (type.lanes != 1)
    return std::nullopt;
  if (type.code == kDLBfloat && type.bits == 16)
    return ElementKind::BF16;
  if (type.code != kDLFloat)
    return std::nullopt;
  switch (type.bits) {
  case 16:
    return ElementKind::F16;
  case 32:
    return ElementKind::F32;
  case 64:
    return ElementKind::F64;
  default:
    return std::nullopt;
  }
}

static Expected<TensorView> checkTensor(const ContractArgument &argument,
                                        const DLTensor *tensor) {
  if (!tensor)
    return argumentError(argument, "is null");
  std::optional<ElementKind> kind = getElementKind(tensor->dtype);
  if (kind != argument.dtype)
    return argumentError(argument,
                         llvm::formatv("has element type {0}, expected {1}",
                                       printType(tensor->dtype),
                                       stringifyElementKind(argument.dtype)));
  size_t rank = argument.shape.size();
  if (tensor->ndim < 0 || size_t(tensor->ndim) != rank)
    return argumentError(argument, llvm::formatv("has rank {0}, expected {1}",
                                                 tensor->ndim, rank));
  if (rank != 0 && !tensor->shape)
    return argumentError(argument, "has no shape");

  TensorView view;
  view.dtype = *kind;
  view.device = tensor->device;
  view.sizes.assign(tensor->shape, tensor->shape + rank);
  for (size_t i = 0; i < rank; ++i)
    if (view.sizes[i] < 0 ||
        (argument.shape[i] && view.sizes[i] != *argument.shape[i]))
      return argumentError(argument,
                           llvm::formatv("has shape {0}, expected {1}",
                                         printSizes(view.sizes),
                                         printPattern(argument.shape)));

  if (tensor->strides) {
    view.strides.assign(tensor->strides, tensor->strides + rank);
  } else {
    view.strides.assign(rank, 1);
    for (size_t i = rank; i-- > 1;)
      view.strides[i - 1] =
          view.strides[i] * std::max<int64_t>(1, view.sizes[i]);
  }
  for (size_t i = 0; i < rank; ++i) {
    std::optional<int64_t> required = argument.strides[i];
    if (!required)
      continue;
    // The stride of a dimension that has one element is never used, nor is any
    // of an empty tensor.
    if (view.sizes[i] <= 1 || view.isEmpty())
      view.strides[i] = *required;
    if (view.strides[i] != *required)
      return argumentError(argument,
                           llvm::formatv("has strides {0}, expected {1}",
                                         printSizes(view.strides),
                                         printPattern(argument.strides)));
  }

  if (!tensor->data && !view.isEmpty())
    return argumentError(argument, "has no data");
  view.address = static_cast<char *>(tensor->data) + tensor->byte_offset;
  unsigned elementSize = getElementSize(*kind);
  if (reinterpret_cast<uintptr_t>(view.address) % elementSize != 0 &&
      !view.isEmpty())
    return argumentError(
        argument,
        llvm::formatv("is at address {0}, not aligned to its {1}-byte elements",
                      static_cast<void *>(view.address), elementSize));
  return view;
}

/// Sizes that the operator calls by one letter are one size.
static Error checkSymbols(llvm::ArrayRef<ContractArgument> arguments,
                          llvm::ArrayRef<TensorView> views) {
  struct Seen {
    size_t argument, dimension;
  };
  llvm::StringMap<Seen> seen;
  for (auto [i, argument] : llvm::enumerate(arguments)) {
    for (auto [j, symbol] : llvm::enumerate(argument.symbols)) {
      auto [it, isNew] = seen.try_emplace(symbol, Seen{i, j});
      auto [first, dimension] = it->second;
      if (isNew || views[first].sizes[dimension] == views[i].sizes[j])
        continue;
      return argumentError(
          argument,
          llvm::formatv("has shape {0}: {1} is {2}, but {3} in argument '{4}' "
                        "of shape {5}",
                        printSizes(views[i].sizes), symbol, views[i].sizes[j],
                        views[first].sizes[dimension], arguments[first].name,
                        printSizes(views[first].sizes)));
    }
  }
  // Of an mhffn, whose heads share groups of weights; a projection sums over
  // groups.
  auto heads = seen.find("H"), groups = seen.find("G");
  if (heads == seen.end() || groups == seen.end() || !seen.contains("E"))
    return Error::success();
  auto sizeOf = [&](Seen at) { return views[at.argument].sizes[at.dimension]; };
  int64_t numHeads = sizeOf(heads->second), numGroups = sizeOf(groups->second);
  if (numGroups == 0 ? numHeads != 0 : numHeads % numGroups != 0)
    return argumentError(
        arguments[heads->second.argument],
        llvm::formatv(
            "has {0} heads, not a multiple of the {1} groups of '{2}'",
            numHeads, numGroups, arguments[groups->second.argument].name));
  return Error::success();
}

//===----------------------------------------------------------------------===//
// Overlap
//===----------------------------------------------------------------------===//

namespace {
/// Looks for a sum of terms, each a multiple 0, 1, .., count of its step,
/// within an interval. Steps in falling order leave few multiples to try.
class SumSearch {
public:
  /// Adds a dimension; a negative step is a positive one from a lower start.
  void add(int64_t step, int64_t count) {
    if (step < 0) {
      start += step * count;
      step = -step;
    }
    if (step != 0 && count != 0)
      terms.push_back({step, count, 0});
  }

  bool reaches(int64_t low, int64_t high) {
    llvm::sort(terms,
               [](const Term &a, const Term &b) { return a.step > b.step; });
    int64_t reach = 0;
    for (Term &term : llvm::reverse(terms)) {
      term.reachAfter = reach;
      reach += term.step * term.count;
    }
    return search(0, low - start, high - start);
  }

private:
  struct Term {
    int64_t step, count, reachAfter;
  };

  bool search(size_t i, int64_t low, int64_t high) {
    if (i == terms.size())
      return low <= 0 && 0 <= high;
    const Term &term = terms[i];
    int64_t first = std::max<int64_t>(
        0, llvm::divideCeilSigned(low - term.reachAfter, term.step));
    int64_t last =
        std::min(term.count, llvm::divideFloorSigned(high, term.step));
    for (int64_t n = first; n <= last && budget > 0; ++n, --budget)
      if (search(i + 1, low - n * term.step, high - n * term.step))
        return true;
    return false;
  }

  SmallVector<Term, 8> terms;
  int64_t start = 0;
  int64_t budget = 4096;
};
} // namespace

bool mlir::flashmhf::overlap(const TensorView &a, const TensorView &b) {
  if (a.isEmpty() || b.isEmpty())
    return false;
  int64_t sizeA = getElementSize(a.dtype), sizeB = getElementSize(b.dtype);
  // An element of b starts at most sizeB - 1 bytes before one of a, and less
  // than sizeA bytes after: as the sum of all steps of b less those of a.
  SumSearch search;
  for (auto [size, stride] : llvm::zip_equal(a.sizes, a.strides))
    search.add(-stride * sizeA, size - 1);
  for (auto [size, stride] : llvm::zip_equal(b.sizes, b.strides))
    search.add(stride * sizeB, size - 1);
  int64_t distance = b.address - a.address;
  return search.reaches(1 - sizeB - distance, sizeA - 1 - distance);
}

static Error checkOutputs(llvm::ArrayRef<ContractArgument> arguments,
                          llvm::ArrayRef<TensorView> views) {
  for (auto [i, output] : llvm::enumerate(arguments)) {
    if (!output.isOutput || views[i].isEmpty())
      continue;
    for (auto [size, stride] :
         llvm::zip_equal(views[i].sizes, views[i].strides))
      if (size > 1 && stride == 0)
        return argumentError(
            output, llvm::formatv("has strides {0} for shape {1}: elements of "
                                  "an output must not overlap",
                                  printSizes(views[i].strides),
                                  printSizes(views[i].sizes)));
    for (auto [j, argument] : llvm::enumerate(arguments))
      if (i != j && overlap(views[i], views[j]))
        return argumentError(output,
                             "overlaps argument '" + argument.name + "'");
  }
  return Error::success();
}

Expected<SmallVector<TensorView, 6>>
mlir::flashmhf::checkTensors(llvm::ArrayRef<ContractArgument> arguments,
                             llvm::ArrayRef<const DLTensor *> tensors) {
  if (tensors.size() != arguments.size())
    return makeError(ErrorKind::InvalidArgument,
                     llvm::formatv("{0} tensors for {1} arguments",
                                   tensors.size(), arguments.size()));
  SmallVector<TensorView, 6> views;
  for (auto [argument, tensor] : llvm::zip_equal(arguments, tensors)) {
    Expected<TensorView> view = checkTensor(argument, tensor);
    if (!view)
      return view.takeError();
    views.push_back(std::move(*view));
  }
  if (Error error = checkSymbols(arguments, views))
    return std::move(error);
  if (Error error = checkOutputs(arguments, views))
    return std::move(error);
  return views;
}

Expected<SmallVector<TensorView, 6>>
mlir::flashmhf::checkHostTensors(llvm::ArrayRef<ContractArgument> arguments,
                                 llvm::ArrayRef<const DLTensor *> tensors) {
  auto views = checkTensors(arguments, tensors);
  if (!views)
    return views;
  for (auto [argument, view] : llvm::zip_equal(arguments, *views))
    if (view.device.device_type != kDLCPU &&
        view.device.device_type != kDLCUDAHost)
      return argumentError(argument, llvm::formatv("is on {0}, not on the CPU",
                                                   printDevice(view.device)));
  return views;
}

/// Whether an argument's sizes 0 and 2 are B and L, open, with any strides.
static bool isFoldable(const ContractArgument &argument) {
  return argument.symbols.size() == 4 && argument.symbols[0] == "B" &&
         argument.symbols[2] == "L" && !argument.shape[0] &&
         !argument.shape[2] && !argument.strides[0] && !argument.strides[2];
}

bool mlir::flashmhf::foldBatch(llvm::ArrayRef<ContractArgument> arguments,
                               llvm::MutableArrayRef<TensorView> views) {
  bool hasBatch = false;
  for (auto [argument, view] : llvm::zip_equal(arguments, views)) {
    if (!llvm::is_contained(argument.symbols, "B") &&
        !llvm::is_contained(argument.symbols, "L"))
      continue;
    int64_t step, rows;
    if (!isFoldable(argument) || view.sizes[0] < 2 || view.sizes[2] < 1 ||
        llvm::MulOverflow(view.sizes[0], view.sizes[2], rows) ||
        llvm::MulOverflow(view.sizes[2], view.strides[2], step) ||
        (view.sizes[2] > 1 && view.strides[0] != step))
      return false;
    hasBatch = true;
  }
  if (!hasBatch)
    return false;
  for (auto [argument, view] : llvm::zip_equal(arguments, views)) {
    if (!isFoldable(argument))
      continue;
    if (view.sizes[2] == 1)
      view.strides[2] = view.strides[0];
    view.sizes[2] *= view.sizes[0];
    view.sizes[0] = 1;
  }
  return true;
}
