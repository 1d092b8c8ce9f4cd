//===- Database.cpp - Schedules found by tuning ---------------------------===//
//
/// \file
/// In: JSON; out: entries by key, or an error that names the file, the entry
/// and what is wrong with it. Schedules stay text: whether this compiler still
/// knows them is for the one who takes one.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Schedule/Database.h"

#include "llvm/Support/FormatVariadic.h"
#include "llvm/Support/JSON.h"
#include "llvm/Support/MathExtras.h"
#include "llvm/Support/MemoryBuffer.h"

using namespace mlir;
using namespace mlir::flashmhf;
using llvm::formatv;
namespace json = llvm::json;

static constexpr StringLiteral kFormat = "flashmhf-tuning";
static constexpr int64_t kVersion = 1;
static constexpr int64_t kFewestTokens = 8, kMostTokens = 65536;
/// Of a batch: with fewer of them each, batches are of no class.
static constexpr int64_t kFewestOfBatch = 64;

static constexpr char kShipped[] = {
#include "TunedSchedules.inc"
};

//===----------------------------------------------------------------------===//
// Keys
//===----------------------------------------------------------------------===//

std::optional<int64_t> flashmhf::getTokenClass(const OperatorFacts &op) {
  if (ShapedType::isDynamic(op.tokens))
    return 0;
  // Tiles that are mostly empty are another matter than as many full ones.
  if (ShapedType::isDynamic(op.batches) ||
      (op.batches > 1 && op.tokens < kFewestOfBatch))
    return std::nullopt;
  bool overflow = false;
  uint64_t tokens =
      llvm::SaturatingMultiply<uint64_t>(op.tokens, op.batches, &overflow);
  if (overflow || tokens > kMostTokens)
    return kMostTokens;
  return std::max<int64_t>(llvm::PowerOf2Ceil(tokens), kFewestTokens);
}

static std::string makeKey(StringRef gpu, StringRef dtype, StringRef outType,
                           int64_t heads, int64_t headWidth,
                           int64_t subNetworks, int64_t subWidth, bool hasUp,
                           int64_t tokens) {
  return formatv("{0} {1} {2} h{3} d{4} e{5} f{6} {7} {8}", gpu, dtype, outType,
                 heads, headWidth, subNetworks, subWidth,
                 hasUp ? "up" : "no-up", tokens)
      .str();
}

std::string flashmhf::getTuningKey(const OperatorFacts &op, const Chip &chip) {
  std::optional<int64_t> tokens = getTokenClass(op);
  if (!tokens)
    return "";
  return makeKey(chip.name, formatv("{0}", op.inputType).str(),
                 formatv("{0}", op.outputType).str(), op.heads, op.headWidth,
                 op.subNetworks, op.subWidth, op.hasUp, *tokens);
}

//===----------------------------------------------------------------------===//
// Reading
//===----------------------------------------------------------------------===//

static llvm::Error makeError(StringRef name, const Twine &message) {
  return llvm::createStringError("tuning database '" + name + "' " + message);
}

static llvm::Expected<TunedSchedule> parseEntry(const json::Value &value,
                                                size_t number, StringRef name) {
  const json::Object *object = value.getAsObject();
  std::string where = "entry " + std::to_string(number);
  json::Path::Root root(where);
  json::ObjectMapper map(value, root);
  std::string gpu, dtype, outType;
  int64_t heads = 0, headWidth = 0, subNetworks = 0, subWidth = 0;
  bool hasUp = true;
  std::optional<int64_t> tokens;
  TunedSchedule entry;
  if (!map || !map.map("gpu", gpu) || !map.map("dtype", dtype) ||
      !map.map("out_dtype", outType) || !map.map("heads", heads) ||
      !map.map("head_dim", headWidth) || !map.map("subnetworks", subNetworks) ||
      !map.map("subnetwork_width", subWidth) || !map.map("up", hasUp) ||
      !map.map("tokens", tokens) || !map.map("schedule", entry.schedule) ||
      !map.map("microseconds", entry.microseconds) ||
      !map.mapOptional("programmatic", entry.programmatic))
    return makeError(name, "has an entry that is not one: " +
                               llvm::toString(root.getError()));
  bool isKnown =
      llvm::any_of(kChips, [&](const Chip &chip) { return chip.name == gpu; });
  if (!isKnown)
    return makeError(name, formatv("has an entry {0} for an unknown GPU, '{1}'",
                                   number, gpu));
  bool isClass =
      !tokens || (*tokens >= kFewestTokens && *tokens <= kMostTokens &&
                  llvm::isPowerOf2_64(*tokens));
  if (!object->get("tokens") || !isClass)
    return makeError(name,
                     formatv("has an entry {0} whose tokens are not null or a "
                             "power of two from {1} to {2}",
                             number, kFewestTokens, kMostTokens));
  entry.key = makeKey(gpu, dtype, outType, heads, headWidth, subNetworks,
                      subWidth, hasUp, tokens.value_or(0));
  return entry;
}

llvm::Expected<TuningDatabase> TuningDatabase::parse(StringRef text,
                                                     StringRef name) {
  llvm::Expected<json::Value> value = json::parse(text);
  if (!value)
    return makeError(name, "is not JSON: " + llvm::toString(value.takeError()));
  const json::Object *object = value->getAsObject();
  if (!object || object->getString("format") != kFormat)
    return makeError(name, "is not a tuning database: its 'format' is not '" +
                               kFormat + "'");
  std::optional<int64_t> version = object->getInteger("version");
  if (version != kVersion)
    return makeError(
        name,
        formatv("is of version {0}, but this compiler reads version {1}: "
                "run python -m flashmhf tune again",
                version ? std::to_string(*version) : "unknown", kVersion));
  const json::Array *array = object->getArray("entries");
  if (!array)
    return makeError(name, "has no array 'entries'");
  TuningDatabase database;
  database.name = name.str();
  for (auto [number, each] : llvm::enumerate(*array)) {
    llvm::Expected<TunedSchedule> entry = parseEntry(each, number, name);
    if (!entry)
      return entry.takeError();
    database.entries.push_back(std::move(*entry));
  }
  return database;
}

llvm::Expected<TuningDatabase> TuningDatabase::read(StringRef path) {
  auto buffer = llvm::MemoryBuffer::getFile(path);
  if (!buffer)
    return makeError(path, "cannot be read: " + buffer.getError().message());
  return parse((*buffer)->getBuffer(), path);
}

std::shared_ptr<const TuningDatabase> TuningDatabase::getShipped() {
  static const auto shipped = std::make_shared<const TuningDatabase>(
      // The tests read the same file, so this cannot fail.
      llvm::cantFail(
          parse(StringRef(kShipped, sizeof(kShipped)), "the shipped one")));
  return shipped;
}

const TunedSchedule *TuningDatabase::find(const OperatorFacts &op,
                                          const Chip &chip,
                                          bool programmatic) const {
  std::string key = getTuningKey(op, chip);
  auto it = llvm::find_if(entries, [&](const TunedSchedule &entry) {
    return entry.key == key && entry.programmatic == programmatic;
  });
  return it == entries.end() ? nullptr : &*it;
}

llvm::Expected<SmallVector<std::shared_ptr<const TuningDatabase>>>
flashmhf::getDatabases(StringRef path, bool tuned) {
  SmallVector<std::shared_ptr<const TuningDatabase>> databases;
  if (!path.empty()) {
    if (!tuned)
      return makeError(path, "is given, but tuned = false forbids its use");
    llvm::Expected<TuningDatabase> own = TuningDatabase::read(path);
    if (!own)
      return own.takeError();
    databases.push_back(
        std::make_shared<const TuningDatabase>(std::move(*own)));
  }
  if (tuned)
    databases.push_back(TuningDatabase::getShipped());
  return databases;
}
