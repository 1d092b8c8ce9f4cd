//===- Errors.h - Errors with a kind ----------------------------*- C++ -*-===//
//
/// \file
/// Errors that know whose fault they are, so that the C API's status codes need
/// no guessing.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_ERRORS_H
#define FLASHMHF_TARGET_ERRORS_H

#include "llvm/ADT/Twine.h"
#include "llvm/Support/Error.h"
#include <string>

namespace mlir::flashmhf {

enum class ErrorKind {
  /// The caller's arguments or tensors.
  InvalidArgument,
  /// Source, schedule or contract text.
  Parse,
  /// A valid program that cannot be compiled.
  Compile,
  /// ptxas, the CUDA driver or a GPU is missing.
  Unavailable,
  /// The CUDA driver failed.
  Cuda
};

class KindError : public llvm::ErrorInfo<KindError> {
public:
  static char ID; // NOLINT(readability-identifier-naming): LLVM's name

  KindError(ErrorKind kind, std::string message)
      : kind(kind), message(std::move(message)) {}

  ErrorKind getKind() const { return kind; }
  void log(llvm::raw_ostream &os) const override { os << message; }
  std::error_code convertToErrorCode() const override {
    return llvm::inconvertibleErrorCode();
  }

private:
  ErrorKind kind;
  std::string message;
};

inline llvm::Error makeError(ErrorKind kind, const llvm::Twine &message) {
  return llvm::make_error<KindError>(kind, message.str());
}

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_ERRORS_H
