//===- Problem.h - Operators by size and name -------------------*- C++ -*-===//
//
/// \file
/// One Flash Multi-Head FFN by its sizes, the paper's configurations by name,
/// and the module that says it in MLIR.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_TARGET_PROBLEM_H
#define FLASHMHF_TARGET_PROBLEM_H

#include "flashmhf/Target/LaunchContract.h"
#include <optional>
#include <string>

namespace mlir::flashmhf {

/// Sizes as in the operator's definition; dynamic ones are `dynamic`.
struct Problem {
  static constexpr int64_t dynamic = -1;

  int64_t batch = dynamic;       // B
  int64_t heads = 1;             // H
  int64_t groups = 1;            // G
  int64_t tokens = dynamic;      // L
  int64_t headDim = 64;          // D
  int64_t subnetworks = 1;       // E
  int64_t subnetworkWidth = 256; // F
  ElementKind dtype = ElementKind::BF16;
  ElementKind outType = ElementKind::BF16;
  /// The activation's keyword in the op.
  std::string activation = "silu";
  bool hasUp = true;
  bool hasRouter = true;
};

/// The names that getPreset knows, for messages: "128m, 370m, 1.3b".
llvm::StringRef getPresetNames();
std::optional<Problem> getPreset(llvm::StringRef name);

/// MLIR text of a module with one function @mhffn: its arguments are Q, K, U,
/// V, R, O without those that the problem has not; O is overwritten and
/// returned. An error where the sizes are not sizes. What the operator's
/// verifier checks is left to it.
llvm::Expected<std::string> buildModule(const Problem &problem);

} // namespace mlir::flashmhf

#endif // FLASHMHF_TARGET_PROBLEM_H
