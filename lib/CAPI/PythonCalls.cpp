//===- PythonCalls.cpp - C API: launches on Python's tensors --------------===//
//
/// \file
/// The C API of PythonCalls.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Runtime/PythonCalls.h"
#include "Kernel.h"
#include "Status.h"
#include <atomic>

using namespace mlir::flashmhf;

struct FlashmhfCalls {
  std::unique_ptr<PythonCalls> calls;
};

/// PyCapsule_GetPointer, of which a process has one.
static std::atomic<FlashmhfOfCapsule> getPointer;

static bool isComplete(const FlashmhfPython &python) {
  return python.exchange && python.types && python.typeCount > 0 &&
         python.gradientIsEnabled && python.requiresGradient && python.none &&
         python.isTrue && python.isFalse && python.getType && python.call &&
         python.getAttribute && python.getPointer && python.retain &&
         python.release && python.releaseLock && python.takeLock;
}

FlashmhfStatus flashmhfCallsCreate(const FlashmhfPython *python, int32_t count,
                                   FlashmhfCalls **calls) {
  if (!python || !calls || !isComplete(*python))
    return setError(FLASHMHF_INVALID_ARGUMENT,
                    "python, one of its fields, or calls is null");
  if (count < 1)
    return setError(FLASHMHF_INVALID_ARGUMENT, "count must be at least 1");
  auto made = PythonCalls::create(*python, unsigned(count));
  if (!made)
    return toStatus(made.takeError());
  getPointer = python->getPointer;
  *calls = new FlashmhfCalls{std::move(*made)};
  return FLASHMHF_OK;
}

FlashmhfStatus flashmhfCallsRemember(FlashmhfCalls *calls, void *const *objects,
                                     const FlashmhfKernel *kernel) {
  if (!calls || !objects || !kernel)
    return setError(FLASHMHF_INVALID_ARGUMENT,
                    "calls, objects or kernel is null");
  return toStatus(calls->calls->remember(objects, kernel->kernel));
}

FlashmhfStatus flashmhfCallsLaunch(FlashmhfCalls *calls, void *const *objects) {
  if (!calls || !objects)
    return setError(FLASHMHF_INVALID_ARGUMENT, "calls or objects is null");
  auto outcome = calls->calls->launch(objects);
  if (!outcome)
    return toStatus(outcome.takeError());
  switch (*outcome) {
  case PythonCalls::Outcome::Launched:
    return FLASHMHF_OK;
  case PythonCalls::Outcome::Unknown:
    return setError(FLASHMHF_UNAVAILABLE,
                    "no call like this one has been launched before");
  case PythonCalls::Outcome::Raised:
    return setError(FLASHMHF_INVALID_ARGUMENT,
                    "the framework describes these tensors with an exception");
  }
  llvm_unreachable("unknown outcome");
}

void *flashmhfCallsMethod(void *self, void *const *objects, ptrdiff_t count) {
  auto *handle =
      static_cast<FlashmhfCalls *>(getPointer.load()(self, "flashmhf"));
  if (!handle)
    return nullptr;
  PythonCalls &calls = *handle->calls;
  const FlashmhfPython &python = calls.getPython();
  auto outcome = PythonCalls::Outcome::Unknown;
  if (count == ptrdiff_t(calls.getCount())) {
    auto launched = calls.launch(objects);
    if (launched)
      outcome = *launched;
    else // which a launch that checks its operands finds too, and says
      llvm::consumeError(launched.takeError());
  }
  if (outcome == PythonCalls::Outcome::Raised)
    return nullptr;
  auto *result = const_cast<void *>(outcome == PythonCalls::Outcome::Launched
                                        ? python.isTrue
                                        : python.isFalse);
  python.retain(result);
  return result;
}

void flashmhfCallsClear(FlashmhfCalls *calls) {
  if (calls)
    calls->calls->clear();
}

void flashmhfCallsDestroy(FlashmhfCalls *calls) { delete calls; }
