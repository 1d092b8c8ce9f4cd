//===- Problem.cpp - Operators by size and name ---------------------------===//
//
/// \file
/// From sizes to MLIR text. The text goes through the parser and the verifier
/// like any user's, so a problem can be no more than a user could write.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Problem.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/StringSwitch.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::flashmhf;
using llvm::StringRef;

StringRef mlir::flashmhf::getPresetNames() { return "128m, 370m, 1.3b"; }

std::optional<Problem> mlir::flashmhf::getPreset(StringRef name) {
  auto make = [](int64_t heads, int64_t headDim, int64_t subnetworks) {
    Problem problem;
    problem.heads = problem.groups = heads;
    problem.headDim = headDim;
    problem.subnetworks = subnetworks;
    problem.subnetworkWidth = 256;
    return problem;
  };
  return llvm::StringSwitch<std::optional<Problem>>(name)
      .Case("128m", make(8, 96, 8))
      .Case("370m", make(8, 128, 11))
      .Case("1.3b", make(16, 128, 22))
      .Default(std::nullopt);
}

static std::string tensorType(std::initializer_list<int64_t> sizes,
                              ElementKind kind) {
  std::string text;
  llvm::raw_string_ostream os(text);
  os << "tensor<";
  for (int64_t size : sizes) {
    if (size == Problem::dynamic)
      os << "?x";
    else
      os << size << "x";
  }
  os << stringifyElementKind(kind) << ">";
  return text;
}

llvm::Expected<std::string>
mlir::flashmhf::buildModule(const Problem &problem) {
  const std::pair<const char *, int64_t> sizes[] = {
      {"batch", problem.batch},
      {"heads", problem.heads},
      {"groups", problem.groups},
      {"tokens", problem.tokens},
      {"head dimension", problem.headDim},
      {"subnetworks", problem.subnetworks},
      {"subnetwork width", problem.subnetworkWidth}};
  for (auto [name, size] : sizes)
    if (size != Problem::dynamic && size < 1)
      return makeError(
          ErrorKind::InvalidArgument,
          llvm::formatv(
              "invalid problem: {0} is {1}, expected at least 1 or dynamic",
              name, size));

  const bool isF64 = problem.dtype == ElementKind::F64;
  const std::string queries = tensorType(
      {problem.batch, problem.heads, problem.tokens, problem.headDim},
      problem.dtype);
  const std::string weights =
      tensorType({problem.groups, problem.subnetworks, problem.subnetworkWidth,
                  problem.headDim},
                 problem.dtype);
  const std::string gates = tensorType(
      {problem.batch, problem.heads, problem.tokens, problem.subnetworks},
      isF64 ? ElementKind::F64 : ElementKind::F32);
  const std::string output = tensorType(
      {problem.batch, problem.heads, problem.tokens, problem.headDim},
      problem.outType);
  const StringRef outElement = stringifyElementKind(problem.outType);

  std::string text;
  llvm::raw_string_ostream os(text);
  os << "func.func @mhffn(%q: " << queries
     << ",\n                 %k: " << weights << ",\n";
  if (problem.hasUp)
    os << "                 %u: " << weights << ",\n";
  os << "                 %v: " << weights << ",\n";
  if (problem.hasRouter)
    os << "                 %r: " << gates << ",\n";
  os << "                 %out: " << output << ")\n    -> " << output << " {\n"
     << "  %zero = arith.constant 0.0 : " << outElement << "\n"
     << "  %init = linalg.fill ins(%zero : " << outElement
     << ") outs(%out : " << output << ") -> " << output << "\n"
     << "  %o = flashmhf.mhffn " << problem.activation
     << "\n      ins(%q, %k, %v : " << queries << ", " << weights << ", "
     << weights << ")\n";
  if (problem.hasUp)
    os << "      up(%u : " << weights << ")\n";
  if (problem.hasRouter)
    os << "      router(%r : " << gates << ")\n";
  os << "      outs(%init : " << output << ") -> " << output << "\n"
     << "  return %o : " << output << "\n}\n";
  return text;
}
