//===- FlashMHFAttrs.cpp - flashmhf attributes ----------------------------===//
//
/// \file
/// The syntax and the rules of the schedule. The rules are those that hold on
/// any machine; what one machine asks for is checked by its own passes.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h"

#include "mlir/IR/Builders.h"
#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/STLExtras.h"
#include "llvm/ADT/StringSet.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::flashmhf;

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFEnums.cpp.inc"

#define GET_ATTRDEF_CLASSES
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFAttrs.cpp.inc"

void FlashMHFDialect::registerAttributes() {
  addAttributes<
#define GET_ATTRDEF_LIST
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFAttrs.cpp.inc"
      >();
}

//===----------------------------------------------------------------------===//
// ScheduleAttr
//===----------------------------------------------------------------------===//

static ParseResult parseField(AsmParser &parser, int64_t &value) {
  return parser.parseInteger(value);
}

static ParseResult parseField(AsmParser &parser, bool &value) {
  value = succeeded(parser.parseOptionalKeyword("true"));
  if (!value && parser.parseKeyword("false", ": expected 'true' or 'false'"))
    return failure();
  return success();
}

static ParseResult parseField(AsmParser &parser, SmallVector<int64_t> &values) {
  values.clear();
  return parser.parseCommaSeparatedList(AsmParser::Delimiter::Square, [&] {
    return parser.parseInteger(values.emplace_back());
  });
}

ScheduleAttr ScheduleAttr::getDefault(MLIRContext *context) {
  return get(context, ScheduleFields());
}

ScheduleAttr ScheduleAttr::get(MLIRContext *context,
                               const ScheduleFields &fields) {
  return get(context, fields.tokenTile, fields.dffTile, fields.stages,
             fields.consumers, fields.registers, fields.cluster,
             fields.persistent, fields.overlap, fields.rotate, fields.split,
             fields.producers, fields.fuseTiles, fields.halveQ, fields.turns,
             fields.programmatic, fields.push, fields.exchange,
             fields.scaleSums, fields.lateColumns, fields.paced, fields.holdQ,
             fields.streamK);
}

ScheduleFields ScheduleAttr::getFields() const {
  return {getTokenTile(),
          getDffTile(),
          SmallVector<int64_t>(getStages()),
          getConsumers(),
          SmallVector<int64_t>(getRegisters()),
          getCluster(),
          getPersistent(),
          getOverlap(),
          getRotate(),
          getSplit(),
          getProducers(),
          getFuseTiles(),
          getHalveQ(),
          getTurns(),
          getProgrammatic(),
          getPush(),
          getExchange(),
          getScaleSums(),
          getLateColumns(),
          getPaced(),
          getHoldQ(),
          getStreamK()};
}

Attribute ScheduleAttr::parse(AsmParser &parser, Type) {
  SMLoc start = parser.getCurrentLocation();
  ScheduleFields fields;
  llvm::StringSet<> seen;
  auto parseKey = [&]() -> ParseResult {
    SMLoc loc = parser.getCurrentLocation();
    StringRef key;
    if (parser.parseKeyword(&key) || parser.parseEqual())
      return failure();
    if (!seen.insert(key).second)
      return parser.emitError(loc) << "schedule names '" << key << "' twice";
    if (key == "token_tile")
      return parseField(parser, fields.tokenTile);
    if (key == "dff_tile")
      return parseField(parser, fields.dffTile);
    if (key == "stages")
      return parseField(parser, fields.stages);
    if (key == "consumers")
      return parseField(parser, fields.consumers);
    if (key == "registers")
      return parseField(parser, fields.registers);
    if (key == "cluster")
      return parseField(parser, fields.cluster);
    if (key == "persistent")
      return parseField(parser, fields.persistent);
    if (key == "overlap")
      return parseField(parser, fields.overlap);
    if (key == "rotate")
      return parseField(parser, fields.rotate);
    if (key == "split")
      return parseField(parser, fields.split);
    if (key == "producers")
      return parseField(parser, fields.producers);
    if (key == "fuse_tiles")
      return parseField(parser, fields.fuseTiles);
    if (key == "halve_q")
      return parseField(parser, fields.halveQ);
    if (key == "turns")
      return parseField(parser, fields.turns);
    if (key == "programmatic")
      return parseField(parser, fields.programmatic);
    if (key == "push")
      return parseField(parser, fields.push);
    if (key == "exchange")
      return parseField(parser, fields.exchange);
    if (key == "scale_sums")
      return parseField(parser, fields.scaleSums);
    if (key == "late_columns")
      return parseField(parser, fields.lateColumns);
    if (key == "paced")
      return parseField(parser, fields.paced);
    if (key == "hold_q")
      return parseField(parser, fields.holdQ);
    if (key == "stream_k")
      return parseField(parser, fields.streamK);
    return parser.emitError(loc) << "schedule has no key '" << key << "'";
  };
  if (parser.parseCommaSeparatedList(AsmParser::Delimiter::LessGreater,
                                     parseKey))
    return {};
  return parser.getChecked<ScheduleAttr>(
      start, parser.getContext(), fields.tokenTile, fields.dffTile,
      fields.stages, fields.consumers, fields.registers, fields.cluster,
      fields.persistent, fields.overlap, fields.rotate, fields.split,
      fields.producers, fields.fuseTiles, fields.halveQ, fields.turns,
      fields.programmatic, fields.push, fields.exchange, fields.scaleSums,
      fields.lateColumns, fields.paced, fields.holdQ, fields.streamK);
}

void ScheduleAttr::print(AsmPrinter &printer) const {
  auto list = [&](ArrayRef<int64_t> values) {
    printer << '[';
    llvm::interleaveComma(values, printer);
    printer << ']';
  };
  printer << "<token_tile = " << getTokenTile()
          << ", dff_tile = " << getDffTile() << ", stages = ";
  list(getStages());
  printer << ", consumers = " << getConsumers() << ", registers = ";
  list(getRegisters());
  printer << ", cluster = " << getCluster()
          << ", persistent = " << (getPersistent() ? "true" : "false")
          << ", overlap = " << (getOverlap() ? "true" : "false")
          << ", rotate = " << (getRotate() ? "true" : "false");
  if (getSplit() != 1)
    printer << ", split = " << getSplit();
  if (getProducers() != 1)
    printer << ", producers = " << getProducers();
  if (getFuseTiles())
    printer << ", fuse_tiles = true";
  if (getHalveQ())
    printer << ", halve_q = true";
  if (!getTurns())
    printer << ", turns = false";
  if (getProgrammatic())
    printer << ", programmatic = true";
  if (getPush())
    printer << ", push = true";
  if (getExchange())
    printer << ", exchange = true";
  if (getScaleSums())
    printer << ", scale_sums = true";
  if (getLateColumns())
    printer << ", late_columns = " << getLateColumns();
  if (getPaced())
    printer << ", paced = true";
  if (getHoldQ())
    printer << ", hold_q = true";
  if (getStreamK())
    printer << ", stream_k = true";
  printer << '>';
}

LogicalResult ScheduleAttr::verify(
    function_ref<InFlightDiagnostic()> emitError, int64_t tokenTile,
    int64_t dffTile, ArrayRef<int64_t> stages, int64_t consumers,
    ArrayRef<int64_t> registers, int64_t cluster, bool persistent, bool overlap,
    bool rotate, int64_t split, int64_t producers, bool fuseTiles, bool, bool,
    bool, bool push, bool exchange, bool scaleSums, int64_t lateColumns,
    bool paced, bool holdQ, bool streamK) {
  auto positive = [&](StringRef key, int64_t value) -> LogicalResult {
    if (value > 0)
      return success();
    return emitError() << "schedule: '" << key << "' must be positive, got "
                       << value;
  };
  auto positiveList = [&](StringRef key, ArrayRef<int64_t> values, size_t count,
                          StringRef what) -> LogicalResult {
    if (values.size() != count)
      return emitError() << "schedule: '" << key << "' takes " << count
                         << " values (" << what << "), got " << values.size();
    for (int64_t value : values)
      if (failed(positive(key, value)))
        return failure();
    return success();
  };
  if (producers != 1 && producers != 2)
    return emitError() << "schedule: 'producers' must be 1 or 2, got "
                       << producers;
  if (push && (split == 1 || cluster > 1))
    return emitError() << "schedule: 'push' needs 'split' > 1 and 'cluster' = "
                          "1, got "
                       << split << " and " << cluster;
  if (fuseTiles && !(persistent && overlap))
    return emitError() << "schedule: 'fuse_tiles' needs 'persistent' and "
                          "'overlap'";
  if (exchange && consumers != 1)
    return emitError() << "schedule: 'exchange' needs 'consumers' = 1, got "
                       << consumers;
  if (exchange && scaleSums)
    return emitError() << "schedule: 'scale_sums' and 'exchange' exclude each "
                          "other";
  if (lateColumns < 0 || (exchange && lateColumns > 0))
    return emitError() << "schedule: 'late_columns' must be at least 0, and 0 "
                          "with 'exchange', got "
                       << lateColumns;
  if (exchange && holdQ)
    return emitError() << "schedule: 'hold_q' and 'exchange' exclude each "
                          "other";
  if (streamK && (!persistent || rotate || scaleSums))
    return emitError() << "schedule: 'stream_k' needs 'persistent' and no "
                          "'rotate' or 'scale_sums'";
  if (paced && split == 1)
    return emitError() << "schedule: 'paced' needs 'split' > 1, got " << split;
  return success(succeeded(positive("token_tile", tokenTile)) &&
                 succeeded(positive("dff_tile", dffTile)) &&
                 succeeded(positiveList("stages", stages, 3, "K, U, V")) &&
                 succeeded(positive("consumers", consumers)) &&
                 succeeded(positiveList("registers", registers, 2,
                                        "producer, consumer")) &&
                 succeeded(positive("cluster", cluster)) &&
                 succeeded(positive("split", split)));
}

//===----------------------------------------------------------------------===//
// VariantCaseAttr
//===----------------------------------------------------------------------===//

LogicalResult
VariantCaseAttr::verify(function_ref<InFlightDiagnostic()> emitError,
                        int64_t tokens, int64_t tile, int64_t tiles,
                        int64_t variant) {
  for (auto [key, value, least] :
       {std::tuple("tokens", tokens, 0), std::tuple("tile", tile, 1),
        std::tuple("tiles", tiles, 0), std::tuple("variant", variant, 0)})
    if (value < least)
      return emitError() << "case: '" << key << "' must be at least " << least
                         << ", got " << value;
  return success();
}
