//===- Status.cpp - C API: errors and strings -----------------------------===//
//
/// \file
/// Status codes, the last error of each thread, strings, the version.
//
//===----------------------------------------------------------------------===//

#include "Status.h"
#include <cstdlib>
#include <cstring>

using namespace mlir::flashmhf;

static std::string &getLastError() {
  static thread_local std::string lastError;
  return lastError;
}

FlashmhfStatus mlir::flashmhf::setError(FlashmhfStatus status,
                                        llvm::StringRef message) {
  getLastError() = message.str();
  return status;
}

static FlashmhfStatus toStatus(ErrorKind kind) {
  switch (kind) {
  case ErrorKind::InvalidArgument:
    return FLASHMHF_INVALID_ARGUMENT;
  case ErrorKind::Parse:
    return FLASHMHF_PARSE_ERROR;
  case ErrorKind::Compile:
    return FLASHMHF_COMPILE_ERROR;
  case ErrorKind::Unavailable:
    return FLASHMHF_UNAVAILABLE;
  case ErrorKind::Cuda:
    return FLASHMHF_CUDA_ERROR;
  }
  llvm_unreachable("unknown error kind");
}

FlashmhfStatus mlir::flashmhf::toStatus(llvm::Error error) {
  if (!error)
    return FLASHMHF_OK;
  // Errors of LLVM's own come from code generation and linking.
  FlashmhfStatus status = FLASHMHF_COMPILE_ERROR;
  std::string message;
  llvm::handleAllErrors(std::move(error), [&](const llvm::ErrorInfoBase &info) {
    if (info.isA<KindError>())
      status = ::toStatus(static_cast<const KindError &>(info).getKind());
    if (!message.empty())
      message += "\n";
    message += info.message();
  });
  return setError(status, message);
}

char *mlir::flashmhf::copyString(llvm::StringRef text) {
  char *copy = static_cast<char *>(llvm::safe_malloc(text.size() + 1));
  std::memcpy(copy, text.data(), text.size());
  copy[text.size()] = '\0';
  return copy;
}

const char *flashmhfGetLastError(void) { return getLastError().c_str(); }

const char *flashmhfGetVersion(void) { return FLASHMHF_VERSION; }

void flashmhfStringDestroy(char *string) { std::free(string); }
