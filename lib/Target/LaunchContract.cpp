//===- LaunchContract.cpp - How to launch a kernel ------------------------===//
//
/// \file
/// The launch contract to and from JSON. In: a contract or its text; out: the
/// other. Invariant: whatever parseContract returns has passed verify(), so the
/// runtime may index with it unchecked.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Target/LaunchContract.h"
#include "flashmhf/Target/Errors.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/raw_ostream.h"

using namespace mlir::flashmhf;
using llvm::Error;
using llvm::Expected;
using llvm::StringRef;
namespace json = llvm::json;

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

json::Value mlir::flashmhf::toJSON(const LaunchContract &contract) {
  json::Array arguments, parameters;
  for (const ContractArgument &argument : contract.arguments)
    arguments.push_back(toJSON(argument));
  for (const ContractParameter &parameter : contract.parameters)
    parameters.push_back(::toJSON(parameter));
  json::Object grid{{"argument", int64_t(contract.grid.argument)},
                    {"tiles", toArray(contract.grid.tiles)},
                    {"persistent", contract.grid.persistent}};
  json::Object object{{"version", contract.getVersion()},
                      {"kernel", contract.kernel},
                      {"chip", contract.chip},
                      {"block", toArray(contract.block)},
                      {"cluster", toArray(contract.cluster)},
                      {"shared_memory", contract.sharedMemory},
                      {"arguments", std::move(arguments)},
                      {"parameters", std::move(parameters)}};
  if (contract.grid.pieces > 1) {
    grid["pieces"] = contract.grid.pieces;
    object["workspace"] = json::Object{
        {"partials_per_element", contract.workspace.partialsPerElement},
        {"counters_per_tile", contract.workspace.countersPerTile}};
  }
  if (contract.programmatic)
    object["programmatic"] = true;
  object["grid"] = std::move(grid);
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
         map.mapOptional("pieces", grid.pieces);
}

static bool fromJSON(const json::Value &value, ContractWorkspace &workspace,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  return map && map.map("partials_per_element", workspace.partialsPerElement) &&
         map.map("counters_per_tile", workspace.countersPerTile);
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

static bool fromJSON(const json::Value &value, LaunchContract &contract,
                     json::Path path) {
  json::ObjectMapper map(value, path);
  int64_t version;
  if (!map || !map.map("version", version))
    return false;
  if (version != 1 && version != 2) {
    path.field("version").report("expected version 1 or 2");
    return false;
  }
  bool isRead = map.map("kernel", contract.kernel) &&
                map.map("chip", contract.chip) &&
                mapArray(value, "block", contract.block, path) &&
                mapArray(value, "cluster", contract.cluster, path) &&
                map.map("shared_memory", contract.sharedMemory) &&
                map.map("grid", contract.grid) &&
                map.map("arguments", contract.arguments) &&
                map.map("parameters", contract.parameters) &&
                map.mapOptional("workspace", contract.workspace) &&
                map.mapOptional("programmatic", contract.programmatic);
  if (isRead && version != contract.getVersion()) {
    if (version == 1)
      path.field("version").report("expected version 2, for several pieces");
    else
      path.field("version").report("expected version 1, for one piece");
    return false;
  }
  return isRead;
}

} // namespace mlir::flashmhf

/// An error about one field.
static Error fieldError(const llvm::Twine &field, const llvm::Twine &message) {
  return makeError(ErrorKind::Parse,
                   "launch contract: " + field + ": " + message);
}

static Error verifyParameter(const LaunchContract &contract, size_t index) {
  const ContractParameter &parameter = contract.parameters[index];
  std::string field = llvm::formatv("parameters[{0}]", index);
  if (!parameter.hasArgument()) {
    if (contract.grid.pieces == 1)
      return fieldError(field + ".kind", "is for several pieces, the grid has "
                                         "one");
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

Error LaunchContract::verify() const {
  if (kernel.empty())
    return fieldError("kernel", "is empty");
  for (auto [name, sizes] : {std::pair{"block", block}, {"cluster", cluster}})
    for (auto [i, size] : llvm::enumerate(sizes))
      if (size < 1 || size > 1024)
        return fieldError(llvm::formatv("{0}[{1}]", name, i).str(),
                          llvm::formatv("{0} is not in 1..1024", size));
  if (block[0] * block[1] * block[2] > 1024)
    return fieldError("block", "has more than 1024 threads");
  if (cluster[0] * cluster[1] * cluster[2] > 16)
    return fieldError("cluster", "has more than 16 blocks");
  if (sharedMemory < 0 || sharedMemory > 227 * 1024)
    return fieldError(
        "shared_memory",
        llvm::formatv("{0} is not in 0..{1} bytes", sharedMemory, 227 * 1024));

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

  if (grid.argument >= arguments.size())
    return fieldError("grid.argument",
                      llvm::formatv("{0} is not one of {1} arguments",
                                    grid.argument, arguments.size()));
  if (arguments[grid.argument].shape.size() < 3)
    return fieldError("grid.argument", "has fewer than 3 dimensions");
  for (auto [i, tile] : llvm::enumerate(grid.tiles))
    if (tile < 1)
      return fieldError(llvm::formatv("grid.tiles[{0}]", i).str(),
                        llvm::formatv("{0} is not positive", tile));

  if (grid.pieces < 1 || grid.pieces > 1024)
    return fieldError("grid.pieces",
                      llvm::formatv("{0} is not in 1..1024", grid.pieces));
  if (grid.pieces > 1 &&
      (grid.persistent || cluster[0] * cluster[1] * cluster[2] > 1))
    return fieldError("grid.pieces",
                      "goes with neither persistent blocks nor clusters");
  for (auto [name, bytes] :
       {std::pair{"partials_per_element", workspace.partialsPerElement},
        {"counters_per_tile", workspace.countersPerTile}})
    if (bytes < 0 || bytes > 1 << 16 || (grid.pieces > 1 && bytes == 0))
      return fieldError(llvm::formatv("workspace.{0}", name).str(),
                        llvm::formatv("{0} is not in 1..65536", bytes));

  for (size_t i = 0, e = parameters.size(); i < e; ++i)
    if (Error error = verifyParameter(*this, i))
      return error;
  return Error::success();
}

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
