//===- HopperTypes.cpp - Types of the hopper dialect ----------------------===//

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/IR/DialectImplementation.h"
#include "llvm/ADT/TypeSwitch.h"

using namespace mlir;
using namespace mlir::hopper;

#define GET_TYPEDEF_CLASSES
#include "flashmhf/Dialect/Hopper/IR/HopperTypes.cpp.inc"

void HopperDialect::registerTypes() {
  addTypes<
#define GET_TYPEDEF_LIST
#include "flashmhf/Dialect/Hopper/IR/HopperTypes.cpp.inc"
      >();
}

/// Parses `1x2xT`: static extents and an element type.
static ParseResult parseTile(AsmParser &parser, SmallVectorImpl<int64_t> &shape,
                             Type &elementType) {
  return failure(parser.parseDimensionList(shape, /*allowDynamic=*/false) ||
                 parser.parseType(elementType));
}

static void printTile(AsmPrinter &printer, ArrayRef<int64_t> shape,
                      Type elementType) {
  printer.printDimensionList(shape);
  printer << 'x' << elementType;
}

/// Parses `, cluster n`, where a cluster fills slots together.
static ParseResult parseCluster(AsmParser &parser, int64_t &cluster) {
  cluster = 1;
  if (failed(parser.parseOptionalComma()))
    return success();
  return failure(parser.parseKeyword("cluster") ||
                 parser.parseInteger(cluster));
}

static void printCluster(AsmPrinter &printer, int64_t cluster) {
  if (cluster != 1)
    printer << ", cluster " << cluster;
}

static LogicalResult verifyCluster(function_ref<InFlightDiagnostic()> emitError,
                                   StringRef what, int64_t cluster) {
  if (cluster < 1 || cluster > 8)
    return emitError() << what << " must be filled by a cluster of 1 to 8 "
                       << "blocks, has " << cluster;
  return success();
}

/// The rules of a tile in shared memory.
static LogicalResult verifyTile(function_ref<InFlightDiagnostic()> emitError,
                                StringRef what, ArrayRef<int64_t> shape,
                                Type elementType) {
  if (shape.size() != 2)
    return emitError() << what << " must have 2 dimensions, has "
                       << shape.size();
  if (shape[0] <= 0 || shape[0] > 256)
    return emitError() << what << " must have 1 to 256 rows, has " << shape[0];
  if (!elementType.isF16() && !elementType.isBF16())
    return emitError() << what << " must hold f16 or bf16, holds "
                       << elementType;
  if (shape[1] <= 0 || shape[1] > 256 || shape[1] % 16 != 0)
    return emitError() << what
                       << " must have 16 to 256 columns, a multiple of 16, has "
                       << shape[1];
  return success();
}

//===----------------------------------------------------------------------===//
// TensorMapType
//===----------------------------------------------------------------------===//

Type TensorMapType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  if (parser.parseLess() || parseTile(parser, shape, elementType) ||
      parser.parseGreater())
    return {};
  return parser.getChecked<TensorMapType>(parser.getContext(), shape,
                                          elementType);
}

void TensorMapType::print(AsmPrinter &printer) const {
  printer << '<';
  printTile(printer, getShape(), getElementType());
  printer << '>';
}

LogicalResult
TensorMapType::verify(function_ref<InFlightDiagnostic()> emitError,
                      ArrayRef<int64_t> shape, Type elementType) {
  if (shape.size() != 4)
    return emitError() << "tensor map must have 4 dimensions, has "
                       << shape.size();
  if (shape[0] != 1 || shape[1] != 1)
    return emitError() << "tensor map must have outer extents of 1, has "
                       << shape[0] << " and " << shape[1];
  return verifyTile(emitError, "the tile of a tensor map", shape.drop_front(2),
                    elementType);
}

//===----------------------------------------------------------------------===//
// RingType
//===----------------------------------------------------------------------===//

Type RingType::parse(AsmParser &parser) {
  int64_t slots;
  SmallVector<int64_t> shape;
  Type elementType;
  int64_t cluster = 1, parts = 1;
  bool local = false;
  if (parser.parseLess() || parser.parseInteger(slots) ||
      parser.parseKeyword("x") || parseTile(parser, shape, elementType))
    return {};
  while (succeeded(parser.parseOptionalComma())) {
    if (succeeded(parser.parseOptionalKeyword("local"))) {
      local = true;
      continue;
    }
    bool isParts = succeeded(parser.parseOptionalKeyword("parts"));
    if ((!isParts &&
         parser.parseKeyword("cluster",
                             ": expected 'cluster', 'parts' or 'local'")) ||
        parser.parseInteger(isParts ? parts : cluster))
      return {};
  }
  if (parser.parseGreater())
    return {};
  return parser.getChecked<RingType>(parser.getContext(), slots, shape,
                                     elementType, cluster, parts, local);
}

void RingType::print(AsmPrinter &printer) const {
  printer << '<' << getSlots() << " x ";
  printTile(printer, getShape(), getElementType());
  printCluster(printer, getCluster());
  if (getParts() != 1)
    printer << ", parts " << getParts();
  if (getLocal())
    printer << ", local";
  printer << '>';
}

LogicalResult RingType::verify(function_ref<InFlightDiagnostic()> emitError,
                               int64_t slots, ArrayRef<int64_t> shape,
                               Type elementType, int64_t cluster, int64_t parts,
                               bool local) {
  if (slots < 1 || slots > kMaxSlots)
    return emitError() << "ring must have 1 to " << kMaxSlots << " slots, has "
                       << slots;
  if (failed(verifyCluster(emitError, "ring", cluster)))
    return failure();
  if (failed(verifyTile(emitError, "the slot of a ring", shape, elementType)))
    return failure();
  if (parts < 1 || shape[0] % parts != 0)
    return emitError() << "the rows of a slot must be a multiple of its parts: "
                       << shape[0] << " rows, " << parts << " parts";
  if (parts > 1 && cluster > 1)
    return emitError() << "a ring of parts cannot be filled by a cluster: "
                       << parts << " parts, a cluster of " << cluster;
  if (local && (parts > 1 || cluster > 1))
    return emitError() << "a local ring is filled by one consumer: " << parts
                       << " parts, a cluster of " << cluster;
  return success();
}

int64_t RingType::getPartBytes() const {
  return getPanelLayout(getPartRows(), getColumns(), getElementType())
      ->getBytes();
}

RingType RingType::withSlots(int64_t slots) const {
  return get(getContext(), slots, getShape(), getElementType(), getCluster(),
             getParts(), getLocal());
}

//===----------------------------------------------------------------------===//
// InboxType
//===----------------------------------------------------------------------===//

int64_t InboxType::getPieceBytes() const {
  if (!getShares())
    return getRows() * getRowBytes();
  return getMaxUnitsOfShare(getPieces(), getColumns()) * kUnitBytes;
}

int64_t InboxType::getPartBytes() const {
  return getSenders() * getPieceBytes();
}

Type InboxType::parse(AsmParser &parser) {
  int64_t pieces, parts = 1;
  SmallVector<int64_t> shape;
  SMLoc loc;
  if (parser.parseLess())
    return {};
  bool shares = succeeded(parser.parseOptionalKeyword("shares"));
  if (parser.parseInteger(pieces) || parser.parseKeyword("x") ||
      parser.getCurrentLocation(&loc) ||
      parser.parseDimensionList(shape, /*allowDynamic=*/false,
                                /*withTrailingX=*/false))
    return {};
  if (succeeded(parser.parseOptionalComma()) &&
      (parser.parseKeyword("parts") || parser.parseInteger(parts)))
    return {};
  if (parser.parseGreater())
    return {};
  if (shape.size() != 2) {
    parser.emitError(loc) << "the rows of an inbox must have 2 dimensions, "
                             "have "
                          << shape.size();
    return {};
  }
  return parser.getChecked<InboxType>(parser.getContext(), pieces, shape[0],
                                      shape[1], parts, shares);
}

void InboxType::print(AsmPrinter &printer) const {
  printer << '<' << (getShares() ? "shares " : "") << getPieces() << " x "
          << getRows() << 'x' << getColumns();
  if (getParts() != 1)
    printer << ", parts " << getParts();
  printer << '>';
}

LogicalResult InboxType::verify(function_ref<InFlightDiagnostic()> emitError,
                                int64_t pieces, int64_t rows, int64_t columns,
                                int64_t parts, bool shares) {
  if (pieces < 2 || pieces > kMaxCluster)
    return emitError() << "an inbox must be of 2 to " << kMaxCluster
                       << " pieces, which form a cluster, has " << pieces;
  if (rows < 1 || rows > 256)
    return emitError() << "an inbox must have 1 to 256 rows from each piece, "
                          "has "
                       << rows;
  if (columns < 16 || columns > 256 || columns % 16 != 0)
    return emitError() << "an inbox must have 16 to 256 columns, a multiple of "
                          "16, has "
                       << columns;
  if (shares && rows != kWarpgroupRows)
    return emitError() << "an inbox of shares must be of a tile of "
                       << kWarpgroupRows << " rows, has " << rows;
  if (parts < 1 || parts > 7)
    return emitError() << "an inbox must have 1 to 7 parts, one for each "
                          "consumer, has "
                       << parts;
  return success();
}

//===----------------------------------------------------------------------===//
// SlotType
//===----------------------------------------------------------------------===//

Type SlotType::parse(AsmParser &parser) {
  SmallVector<int64_t> shape;
  Type elementType;
  int64_t cluster;
  if (parser.parseLess() || parseTile(parser, shape, elementType) ||
      parseCluster(parser, cluster) || parser.parseGreater())
    return {};
  return parser.getChecked<SlotType>(parser.getContext(), shape, elementType,
                                     cluster);
}

void SlotType::print(AsmPrinter &printer) const {
  printer << '<';
  printTile(printer, getShape(), getElementType());
  printCluster(printer, getCluster());
  printer << '>';
}

LogicalResult SlotType::verify(function_ref<InFlightDiagnostic()> emitError,
                               ArrayRef<int64_t> shape, Type elementType,
                               int64_t cluster) {
  if (failed(verifyCluster(emitError, "slot", cluster)))
    return failure();
  return verifyTile(emitError, "slot", shape, elementType);
}
