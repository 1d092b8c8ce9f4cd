//===- Errors.cpp - Errors with a kind ------------------------------------===//
//
/// \file
/// The identity of KindError.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Errors.h"
#include "llvm/Support/raw_ostream.h"

char mlir::flashmhf::KindError::ID = 0;
