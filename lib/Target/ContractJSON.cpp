//===- ContractJSON.cpp - Launch contracts as text ------------------------===//
//
/// \file
/// The launch contract to and from JSON. In: a contract or its text; out: the
/// other. Invariant: whatever parseContract returns has passed verify(), so the
/// runtime may index with it unchecked.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/Errors.h"
#include "flashmhf/Target/LaunchContract.h"
#include "llvm/Support/FormatVariadic.h"

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
namespace json = llvm::json;

//===----------------------------------------------------------------------===//
// Writing
//===----------------------------------------------------------------------===//

static json::Array toArray(llvm::ArrayRef<int64_t> values) {
  return json::Array(values);
}

static json::Array toArray(llvm::ArrayRef<std::optional<int64_t>> values) {
  json::Array array;
  for (std::optional<int64_t> value : values)
    array.push_back(value ? json::Value(*value) : json::Value(nullptr));
  return array;
}

json::Value mlir::flashmhf::toJSON(const ContractArgument &argument) {
  json::Object object{{"name", argument.name},
                      {"dtype", stringifyElementKind(argument.dtype)},
                      {"shape", toArray(argument.shape)},
                      {"strides", toArray(argument.strides)}};
  if (!argument.symbols.empty())
    object["symbols"] = json::Array(argument.symbols);
  if (argument.isOutput)
    object["output"] = true;
  return object;
}

/// The kinds of parameters with their names.
static constexpr std::pair<ContractParameter::Kind, llvm::StringLiteral>
    parameterKinds[] = {{ContractParameter::Kind::TensorMap, "tensor_map"},
                        {ContractParameter::Kind::MemRef, "memref"},
                        {ContractParameter::Kind::Partials, "partials"},
                        {ContractParameter::Kind::Counters, "counters"},
                        {ContractParameter::Kind::Resident, "resident"}};

StringRef mlir::flashmhf::stringifyKind(ContractParameter::Kind kind) {
  for (auto [known, name] : parameterKinds)
    if (known == kind)
      return name;
  llvm_unreachable("unknown kind of parameter");
}

static json::Value toJSON(const ContractParameter &parameter) {
  if (!parameter.hasArgument())
    return json::Object{{"kind", stringifyKind(parameter.kind)}};
  if (parameter.kind == ContractParameter::Kind::MemRef)
    return json::Object{{"kind", "memref"},
                        {"argument", int64_t(parameter.argument)}};
  return json::Object{{"kind", "tensor_map"},
                      {"argument", int64_t(parameter.argument)},
                      {"chunk", parameter.chunk},
                      {"box", toArray(parameter.box)},
                      {"swizzle", parameter.swizzle}};
}

/// `isForBlocks`: in bytes for each block.
static json::Object toJSON(const ContractWorkspace &workspace,
                           bool isForBlocks) {
  json::Object object;
  if (isForBlocks) {
    object["partials_per_block"] = workspace.partialsPerBlock;
    object["counters_per_block"] = workspace.countersPerBlock;
  } else {
    object["partials_per_element"] = workspace.partialsPerElement;
    object["counters_per_tile"] = workspace.countersPerTile;
  }
  if (workspace.countersOffset)
    object["counters_offset"] = workspace.countersOffset;
  return object;
}

/// The fields of one kernel.
static json::Object toJSON(const KernelContract &kernel) {
  json::Array parameters;
  for (const ContractParameter &parameter : kernel.parameters)
    parameters.push_back(::toJSON(parameter));
  json::Object grid{{"argument", int64_t(kernel.grid.argument)},
                    {"tiles", toArray(kernel.grid.tiles)},
                    {"persistent", kernel.grid.persistent}};
  json::Object object{{"kernel", kernel.kernel},
                      {"block", toArray(kernel.block)},
                      {"cluster", toArray(kernel.cluster)},
                      {"shared_memory", kernel.sharedMemory},
                      {"parameters", std::move(parameters)}};
  if (kernel.grid.streamK)
    grid["stream_k"] = true;
  if (kernel.grid.pieces > 1)
    grid["pieces"] = kernel.grid.pieces;
  if (kernel.grid.push)
    grid["push"] = true;
  if (kernel.grid.streamK || kernel.grid.pieces > 1)
    object["workspace"] = ::toJSON(kernel.workspace, kernel.grid.streamK);
  if (kernel.programmatic)
    object["programmatic"] = true;
  object["grid"] = std::move(grid);
  return object;
}

static json::Object toJSON(const ContractRule &rule) {
  json::Array cases;
  for (const VariantCase &each : rule.cases)
    cases.push_back(json::Object{{"tokens", each.tokens},
                                 {"tile", each.tile},
                                 {"tiles", each.tiles},
                                 {"variant", each.variant}});
  return json::Object{{"argument", int64_t(rule.argument)},
                      {"cases", std::move(cases)},
                      {"otherwise", rule.otherwise}};
}

json::Value mlir::flashmhf::toJSON(const LaunchContract &contract) {
  json::Array arguments;
  for (const ContractArgument &argument : contract.arguments)
    arguments.push_back(toJSON(argument));
  json::Object object;
  if (contract.variants.size() == 1) {
    object = ::toJSON(contract.variants.front());
  } else {
    json::Array variants;
    for (const KernelContract &variant : contract.variants)
      variants.push_back(::toJSON(variant));
    object["variants"] = std::move(variants);
    object["rule"] = ::toJSON(contract.rule);
  }
  object["version"] = contract.getVersion();
  object["chip"] = contract.chip;
  object["arguments"] = std::move(arguments);
  return object;
}

std::string mlir::flashmhf::printContract(const LaunchContract &contract) {
  return llvm::formatv("{0:2}\n", toJSON(contract)).str();
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

namespace mlir::flashmhf {
// Found by json::ObjectMapper through argument-dependent lookup.

static bool fromJSON(const json::Value &value, ElementKind &kind,
                     json::Path path) {
  std::optional<ElementKind> parsed;
  if (std::optional<StringRef> name = value.getAsString())
    parsed = symbolizeElementKind(*name);
  if (!parsed) {
    path.report("expected \"bf16\", \"f16\", \"f32\" or \"f64\"");
    return false;
  }
  kind = *parsed;
  return true;
}

static bool fromJSON(const json::Value &value, ContractParameter::Kind &kind,
                     json::Path path) {
  std::optional<StringRef> name = value.getAsString();
  for (auto [known, knownName] : parameterKinds)
    if (name == knownName) {
      kind = known;
      return true;
    }
  path.report("expected \"tensor_map\", \"memref\", \"partials\", "
              "\"counters\" or \"resident\"");
  return false;
}

template <size_t N>
static bool readArray(const json::Value &value, std::array<int64_t, N> &array,
                      json::Path path) {
  const json::Array *values = value.getAsArray();
  if (!values || values->size() != N) {
    path.report(N == 3 ? llvm::StringLiteral("expected 3 integers")
                       : llvm::StringLiteral("expected 5 integers"));
    return false;
  }
  for (size_t i = 0; i < N; ++i)
    if (!json::fromJSON((*values)[i], array[i], path.index(i)))
      return false;
  return true;
}

/// A required field of a type that has no fromJSON of its own.
template <size_t N>
static bool mapArray(const json::Value &value, StringRef field,
                     std::array<int64_t, N> &array, json::Path path) {
  const json::Object *object = value.getAsObject();
  const json::Value *member = object ? object->get(field) : nullptr;
  if (!member) {
    path.field(field).report("missing value");
    return false;
  }
  return readArray(*member, array, path.field(field));
}

static bool fromJSON(const json::Value &value, ContractArgument &argument,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  if (!map || !map.map("name", argument.name) ||
      !map.map("dtype", argument.dtype) || !map.map("shape", argument.shape))
    return false;
  // The rule for every kernel so far, where the contract does not say more.
  argument.strides.assign(argument.shape.size(), std::nullopt);
  if (!argument.strides.empty())
    argument.strides.back() = 1;
  return map.mapOptional("strides", argument.strides) &&
         map.mapOptional("symbols", argument.symbols) &&
         map.mapOptional("output", argument.isOutput);
}

static bool fromJSON(const json::Value &value, ContractGrid &grid,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("argument", grid.argument) &&
         mapArray(value, "tiles", grid.tiles, path) &&
         map.map("persistent", grid.persistent) &&
         map.mapOptional("pieces", grid.pieces) &&
         map.mapOptional("push", grid.push) &&
         map.mapOptional("stream_k", grid.streamK);
}

static bool fromJSON(const json::Value &value, ContractWorkspace &workspace,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  bool isForBlocks = map && value.getAsObject()->get("partials_per_block");
  bool isRead =
      isForBlocks
          ? map.map("partials_per_block", workspace.partialsPerBlock) &&
                map.map("counters_per_block", workspace.countersPerBlock)
          : map &&
                map.map("partials_per_element", workspace.partialsPerElement) &&
                map.map("counters_per_tile", workspace.countersPerTile);
  return isRead && map.mapOptional("counters_offset", workspace.countersOffset);
}

static bool fromJSON(const json::Value &value, ContractParameter &parameter,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  if (!map || !map.map("kind", parameter.kind))
    return false;
  if (!parameter.hasArgument())
    return true;
  if (!map.map("argument", parameter.argument))
    return false;
  if (parameter.kind == ContractParameter::Kind::MemRef)
    return true;
  return map.map("chunk", parameter.chunk) &&
         mapArray(value, "box", parameter.box, path) &&
         map.map("swizzle", parameter.swizzle);
}

static bool fromJSON(const json::Value &value, KernelContract &kernel,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("kernel", kernel.kernel) &&
         mapArray(value, "block", kernel.block, path) &&
         mapArray(value, "cluster", kernel.cluster, path) &&
         map.map("shared_memory", kernel.sharedMemory) &&
         map.map("grid", kernel.grid) &&
         map.map("parameters", kernel.parameters) &&
         map.mapOptional("workspace", kernel.workspace) &&
         map.mapOptional("programmatic", kernel.programmatic);
}

static bool fromJSON(const json::Value &value, VariantCase &each,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("tokens", each.tokens) && map.map("tile", each.tile) &&
         map.map("tiles", each.tiles) && map.map("variant", each.variant);
}

static bool fromJSON(const json::Value &value, ContractRule &rule,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("argument", rule.argument) &&
         map.map("cases", rule.cases) && map.map("otherwise", rule.otherwise);
}

static bool fromJSON(const json::Value &value, LaunchContract &contract,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  int64_t version;
  if (!map || !map.map("version", version))
    return false;
  if (version < 1 || version > 4) {
    path.field("version").report("expected version 1, 2, 3 or 4");
    return false;
  }
  // One variant is written without the list.
  bool isRead = value.getAsObject()->get("variants")
                    ? map.map("variants", contract.variants) &&
                          map.map("rule", contract.rule)
                    : fromJSON(value, contract.variants.emplace_back(), path);
  isRead = isRead && map.map("chip", contract.chip) &&
           map.map("arguments", contract.arguments);
  if (!isRead)
    return false;
  if (contract.variants.empty()) {
    path.field("variants").report("expected at least 2 variants");
    return false;
  }
  if (version != contract.getVersion()) {
    json::Path field = path.field("version");
    if (contract.getVersion() == 4)
      field.report("expected version 4, for blocks that share tiles");
    else if (contract.getVersion() == 3)
      field.report("expected version 3, for several variants or pieces that "
                   "push");
    else if (contract.getVersion() == 2)
      field.report("expected version 2, for several pieces");
    else
      field.report("expected version 1, for one piece");
    return false;
  }
  return true;
}

} // namespace mlir::flashmhf

Expected<LaunchContract> mlir::flashmhf::parseContract(StringRef text) {
  Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError(ErrorKind::Parse, "launch contract: not JSON: " +
                                           llvm::toString(value.takeError()));
  json::Path::Root root("launch contract");
  LaunchContract contract;
  if (!fromJSON(*value, contract, root))
    return makeError(ErrorKind::Parse, llvm::toString(root.getError()));
  if (Error error = contract.verify())
    return std::move(error);
  return contract;
}
