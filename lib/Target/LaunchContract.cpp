//===- LaunchContract.cpp - How to launch a kernel ------------------------===//
//
/// \file
/// What a contract means: its element types, its rule for variants, and what
/// makes one valid.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/LaunchContract.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/MathExtras.h"

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::StringRef;

unsigned mlir::flashmhf::getElementSize(ElementKind kind) {
  switch (kind) {
  case ElementKind::BF16:
  case ElementKind::F16:
    return 2;
  case ElementKind::F32:
    return 4;
  case ElementKind::F64:
    return 8;
  }
  llvm_unreachable("unknown element kind");
}

StringRef mlir::flashmhf::stringifyElementKind(ElementKind kind) {
  switch (kind) {
  case ElementKind::BF16:
    return "bf16";
  case ElementKind::F16:
    return "f16";
  case ElementKind::F32:
    return "f32";
  case ElementKind::F64:
    return "f64";
  }
  llvm_unreachable("unknown element kind");
}

std::optional<ElementKind>
mlir::flashmhf::symbolizeElementKind(StringRef name) {
  for (ElementKind kind : {ElementKind::BF16, ElementKind::F16,
                           ElementKind::F32, ElementKind::F64})
    if (name == stringifyElementKind(kind))
      return kind;
  return std::nullopt;
}

/// An error about one field.
static Error fieldError(const llvm::Twine &field, const llvm::Twine &message) {
  return makeError(ErrorKind::Parse,
                   "launch contract: " + field + ": " + message);
}

static Error verifyParameter(const LaunchContract &contract,
                             const KernelContract &kernel, size_t index,
                             StringRef prefix) {
  const ContractParameter &parameter = kernel.parameters[index];
  std::string field = llvm::formatv("{0}parameters[{1}]", prefix, index);
  if (!parameter.hasArgument()) {
    if (kernel.grid.pieces == 1 && !kernel.grid.streamK)
      return fieldError(field + ".kind", "is for several pieces, the grid has "
                                         "one");
    if (kernel.grid.push)
      return fieldError(field + ".kind",
                        "is for pieces with a workspace, these "
                        "form a cluster");
    return Error::success();
  }
  if (parameter.argument >= contract.arguments.size())
    return fieldError(field + ".argument",
                      llvm::formatv("{0} is not one of {1} arguments",
                                    parameter.argument,
                                    contract.arguments.size()));
  const ContractArgument &argument = contract.arguments[parameter.argument];
  if (argument.shape.size() != 4)
    return fieldError(field + ".argument",
                      llvm::formatv("argument '{0}' has rank {1}, not 4",
                                    argument.name, argument.shape.size()));
  if (parameter.kind == ContractParameter::Kind::MemRef)
    return Error::success();

  if (!llvm::is_contained({32, 64, 128}, parameter.swizzle))
    return fieldError(
        field + ".swizzle",
        llvm::formatv("{0} is not 32, 64 or 128", parameter.swizzle));
  int64_t rowBytes = parameter.chunk * getElementSize(argument.dtype);
  if (parameter.chunk < 1 || rowBytes > parameter.swizzle)
    return fieldError(field + ".chunk",
                      llvm::formatv("{0} elements do not fit a swizzle of {1} "
                                    "bytes",
                                    parameter.chunk, parameter.swizzle));
  for (auto [i, size] : llvm::enumerate(parameter.box))
    if (size < 1 || size > 256)
      return fieldError(llvm::formatv("{0}.box[{1}]", field, i).str(),
                        llvm::formatv("{0} is not in 1..256", size));
  std::optional<int64_t> width = argument.shape[3];
  if (!width || *width % parameter.chunk != 0)
    return fieldError(field + ".chunk",
                      llvm::formatv("{0} does not divide the innermost size of "
                                    "argument '{1}'",
                                    parameter.chunk, argument.name));
  return Error::success();
}

/// `prefix` stands in front of the names of the kernel's fields.
static Error verifyKernel(const LaunchContract &contract,
                          const KernelContract &kernel, StringRef prefix) {
  auto fail = [&](const llvm::Twine &field, const llvm::Twine &message) {
    return fieldError(prefix + field, message);
  };
  if (kernel.kernel.empty())
    return fail("kernel", "is empty");
  for (auto [name, sizes] :
       {std::pair{"block", kernel.block}, {"cluster", kernel.cluster}})
    for (auto [i, size] : llvm::enumerate(sizes))
      if (size < 1 || size > 1024)
        return fail(llvm::formatv("{0}[{1}]", name, i).str(),
                    llvm::formatv("{0} is not in 1..1024", size));
  if (kernel.block[0] * kernel.block[1] * kernel.block[2] > 1024)
    return fail("block", "has more than 1024 threads");
  if (kernel.getClusterBlocks() > 16)
    return fail("cluster", "has more than 16 blocks");
  if (kernel.sharedMemory < 0 || kernel.sharedMemory > 227 * 1024)
    return fail("shared_memory",
                llvm::formatv("{0} is not in 0..{1} bytes", kernel.sharedMemory,
                              227 * 1024));

  const ContractGrid &grid = kernel.grid;
  if (grid.argument >= contract.arguments.size())
    return fail("grid.argument",
                llvm::formatv("{0} is not one of {1} arguments", grid.argument,
                              contract.arguments.size()));
  if (contract.arguments[grid.argument].shape.size() < 3)
    return fail("grid.argument", "has fewer than 3 dimensions");
  for (auto [i, tile] : llvm::enumerate(grid.tiles))
    if (tile < 1)
      return fail(llvm::formatv("grid.tiles[{0}]", i).str(),
                  llvm::formatv("{0} is not positive", tile));
  if (grid.pieces < 1 || grid.pieces > 1024)
    return fail("grid.pieces",
                llvm::formatv("{0} is not in 1..1024", grid.pieces));
  if (grid.pieces > 1 && grid.persistent)
    return fail("grid.pieces", "does not go with persistent blocks");
  if (grid.streamK && !grid.persistent)
    return fail("grid.stream_k", "needs persistent blocks");
  if (grid.push && (grid.pieces == 1 || kernel.cluster[0] != grid.pieces ||
                    kernel.getClusterBlocks() != grid.pieces))
    return fail("grid.push", llvm::formatv("needs a cluster of the {0} pieces, "
                                           "and several",
                                           grid.pieces));

  const ContractWorkspace &workspace = kernel.workspace;
  for (auto [name, bytes] :
       {std::pair{"partials_per_element", workspace.partialsPerElement},
        {"counters_per_tile", workspace.countersPerTile}})
    if (bytes < 0 || bytes > 1 << 16 || (kernel.hasMeetings() && bytes == 0))
      return fail(llvm::formatv("workspace.{0}", name).str(),
                  llvm::formatv("{0} is not in 1..65536", bytes));
  for (auto [name, bytes] :
       {std::pair{"partials_per_block", workspace.partialsPerBlock},
        {"counters_per_block", workspace.countersPerBlock}})
    if (bytes < 0 || bytes > 1 << 20 || (grid.streamK && bytes == 0))
      return fail(llvm::formatv("workspace.{0}", name).str(),
                  llvm::formatv("{0} is not in 1..1048576", bytes));
  if (workspace.countersOffset < 0 ||
      workspace.countersOffset > int64_t(1) << 32 ||
      workspace.countersOffset % 8 != 0)
    return fail("workspace.counters_offset",
                llvm::formatv("{0} is not a multiple of 8 in 0..2^32",
                              workspace.countersOffset));

  for (size_t i = 0, e = kernel.parameters.size(); i < e; ++i)
    if (Error error = verifyParameter(contract, kernel, i, prefix))
      return error;
  return Error::success();
}

static Error verifyRule(const LaunchContract &contract) {
  const ContractRule &rule = contract.rule;
  size_t numVariants = contract.variants.size();
  if (rule.argument >= contract.arguments.size())
    return fieldError("rule.argument",
                      llvm::formatv("{0} is not one of {1} arguments",
                                    rule.argument, contract.arguments.size()));
  if (contract.arguments[rule.argument].shape.size() < 3)
    return fieldError("rule.argument", "has fewer than 3 dimensions");
  auto checkVariant = [&](const llvm::Twine &field, int64_t variant) {
    return variant >= 0 && variant < int64_t(numVariants)
               ? Error::success()
               : fieldError(field, llvm::formatv("{0} is not one of {1} "
                                                 "variants",
                                                 variant, numVariants));
  };
  for (auto [i, each] : llvm::enumerate(rule.cases)) {
    std::string field = llvm::formatv("rule.cases[{0}]", i);
    if (Error error = checkVariant(field + ".variant", each.variant))
      return error;
    if (each.tile < 1)
      return fieldError(field + ".tile",
                        llvm::formatv("{0} is not positive", each.tile));
    if (each.tokens < 0 || each.tiles < 0)
      return fieldError(field, "has a negative bound");
  }
  return checkVariant("rule.otherwise", rule.otherwise);
}

std::optional<VariantBounds> LaunchContract::getBounds(unsigned variant) const {
  const ContractGrid &grid = variants[variant].grid;
  const auto &shape = arguments[grid.argument].shape;
  if (variants.size() == 1 || rule.otherwise == int64_t(variant) ||
      shape.size() != 4 || !shape[1] || !shape[3])
    return std::nullopt;
  int64_t tokens = 0;
  uint64_t tiles = 0;
  for (const VariantCase &each : rule.cases) {
    if (each.variant != int64_t(variant))
      continue;
    tokens = std::max(tokens, each.tokens);
    // A tile of a cluster's blocks has at least one token.
    int64_t cluster = grid.push ? 1 : variants[variant].getClusterBlocks();
    bool isOwn = each.tile == grid.tiles[2] * cluster;
    int64_t most = isOwn ? std::min(each.tiles, each.tokens) : each.tokens;
    tiles = std::max(tiles, llvm::SaturatingMultiply<uint64_t>(most, cluster));
  }
  VariantBounds bounds;
  int64_t perToken;
  if (llvm::MulOverflow(*shape[1], *shape[3], perToken) ||
      llvm::MulOverflow(tokens, perToken, bounds.elements) ||
      tiles > uint64_t(1) << 32 ||
      llvm::MulOverflow(int64_t(tiles), *shape[1], bounds.tiles))
    return std::nullopt;
  return bounds;
}

Error LaunchContract::verify() const {
  for (auto [index, argument] : llvm::enumerate(arguments)) {
    std::string field = llvm::formatv("arguments[{0}]", index);
    if (argument.strides.size() != argument.shape.size())
      return fieldError(field + ".strides",
                        llvm::formatv("{0} strides for {1} sizes",
                                      argument.strides.size(),
                                      argument.shape.size()));
    if (!argument.symbols.empty() &&
        argument.symbols.size() != argument.shape.size())
      return fieldError(field + ".symbols",
                        llvm::formatv("{0} symbols for {1} sizes",
                                      argument.symbols.size(),
                                      argument.shape.size()));
    for (auto [i, size] : llvm::enumerate(argument.shape))
      if (size && *size < 0)
        return fieldError(llvm::formatv("{0}.shape[{1}]", field, i).str(),
                          "is negative");
  }
  if (variants.size() == 1)
    return verifyKernel(*this, variants.front(), "");
  for (auto [i, variant] : llvm::enumerate(variants)) {
    std::string prefix = llvm::formatv("variants[{0}].", i);
    if (Error error = verifyKernel(*this, variant, prefix))
      return error;
  }
  return verifyRule(*this);
}
