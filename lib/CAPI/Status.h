//===- Status.h - C API: errors and strings ---------------------*- C++ -*-===//
//
/// \file
/// How errors cross into C: a status code, and the message in the thread's last
/// error.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_LIB_CAPI_STATUS_H
#define FLASHMHF_LIB_CAPI_STATUS_H

#include "flashmhf-c/flashmhf.h"
#include "flashmhf/Target/Compiler.h"
#include "flashmhf/Target/Errors.h"

namespace mlir::flashmhf {

/// Keeps the message for flashmhfGetLastError and returns the code.
FlashmhfStatus setError(FlashmhfStatus status, llvm::StringRef message);
/// The same for an error; FLASHMHF_OK for success.
FlashmhfStatus toStatus(llvm::Error error);

/// A copy for the caller, given back through flashmhfStringDestroy.
char *copyString(llvm::StringRef text);

/// Options as the compiler takes them; null is the default.
llvm::Expected<CompileOptions> unwrap(const FlashmhfCompileOptions *options);

} // namespace mlir::flashmhf

#endif // FLASHMHF_LIB_CAPI_STATUS_H
