//===- PythonCalls.h - Launches on Python's tensors -------------*- C++ -*-===//
//
/// \file
/// Launches on tensors that are objects of Python: described by their framework
/// through DLPack's table of functions, with no export of each, and matched
/// with the kernel that a call like it was launched with before.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_RUNTIME_PYTHONCALLS_H
#define FLASHMHF_RUNTIME_PYTHONCALLS_H

#include "flashmhf-c/python.h"
#include "flashmhf/Runtime/CudaKernel.h"

namespace mlir::flashmhf {

/// The interpreter's lock is held in every call but the destructor.
class PythonCalls {
public:
  /// `count`: how many objects a call has, None where a tensor is absent. What
  /// `python` points to is kept.
  static llvm::Expected<std::unique_ptr<PythonCalls>>
  create(const FlashmhfPython &python, unsigned count);

  /// Calls whose tensors have the sizes, strides, types and devices of these
  /// are launched with `kernel` from now on.
  llvm::Error remember(void *const *objects,
                       std::shared_ptr<CudaKernel> kernel);

  /// Enqueues the kernel of a call like this one on the framework's current
  /// stream; without the interpreter's lock meanwhile. An error of the
  /// interpreter's or the framework's stays set.
  enum class Outcome { Launched, Unknown, Raised };
  llvm::Expected<Outcome> launch(void *const *objects);

  void clear();

  unsigned getCount() const;
  const FlashmhfPython &getPython() const;

  ~PythonCalls();

private:
  struct Impl;
  explicit PythonCalls(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl;
};

} // namespace mlir::flashmhf

#endif // FLASHMHF_RUNTIME_PYTHONCALLS_H
