//===- HopperOps.cpp - Operations of the hopper dialect -------------------===//
//
/// \file
/// Verifiers: every rule that a pass relies on is stated here with the sizes.
/// Those of tiles in registers are in HopperTileOps.cpp.
//
//===----------------------------------------------------------------------===//

#include "Verify.h"

#include "mlir/Dialect/Arith/Utils/Utils.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/OpImplementation.h"

#include <cmath>

using namespace mlir;
using namespace mlir::hopper;

#define GET_OP_CLASSES
#include "flashmhf/Dialect/Hopper/IR/HopperOps.cpp.inc"

/// Tensors are cut along batch, heads and rows.
static LogicalResult verifyTiles(Operation *op, ArrayRef<int64_t> tiles) {
  if (tiles.size() != 3 || llvm::any_of(tiles, [](int64_t t) { return t < 1; }))
    return op->emitOpError(
        "needs 3 positive tile sizes: batch, heads and rows");
  return success();
}

//===----------------------------------------------------------------------===//
// LaunchOp
//===----------------------------------------------------------------------===//

LogicalResult LaunchOp::verify() {
  if (getParameters().size() != getArgs().size())
    return emitOpError("needs one parameter type for each argument, has ")
           << getParameters().size() << " for " << getArgs().size();
  for (auto [i, arg, attr] :
       llvm::enumerate(getArgs(), getParameters().getValue())) {
    auto argType = cast<MemRefType>(arg.getType());
    Type parameter = cast<TypeAttr>(attr).getValue();
    if (auto map = dyn_cast<TensorMapType>(parameter)) {
      if (argType.getRank() != 4)
        return emitOpError("passes argument ")
               << i << " as a tensor map, which needs rank 4, but its rank is "
               << argType.getRank();
      if (argType.getElementType() != map.getElementType())
        return emitOpError("passes argument ")
               << i << " of " << argType.getElementType()
               << " as a tensor map of " << map.getElementType();
    } else if (parameter != argType) {
      return emitOpError("passes argument ")
             << i << " of type " << argType << " as " << parameter
             << "; the parameter must be the same type or a tensor map";
    }
  }
  if (cast<MemRefType>(getOver().getType()).getRank() != 4)
    return emitOpError("needs a grid operand of rank 4");
  if (!llvm::is_contained(getArgs(), getOver()))
    return emitOpError("needs a grid operand that is one of its arguments");
  if (failed(verifyTiles(*this, getTiles())))
    return failure();
  if (getCluster() < 1 || getCluster() > 8)
    return emitOpError("needs a cluster of 1 to 8 blocks, has ")
           << getCluster();
  if (getPieces() < 1 || getPieces() > kMaxPieces)
    return emitOpError("needs 1 to ")
           << kMaxPieces << " pieces, has " << getPieces();
  if (getPush() && (getPieces() < 2 || getPieces() > kMaxCluster))
    return emitOpError("needs 2 to ")
           << kMaxCluster
           << " pieces that push, since they form a cluster, has "
           << getPieces();
  if (getPush() && getCluster() > 1)
    return emitOpError("has pieces that push, which form a cluster of their "
                       "own, but a cluster of ")
           << getCluster();
  if (getStreamK() && !getPersistent())
    return emitOpError("has blocks that share tiles, which need to be "
                       "persistent");
  if (getPieces() > 1 && getPersistent())
    return emitOpError("has ") << getPieces()
                               << " pieces of each tile, whose blocks cannot "
                                  "be persistent";
  return success();
}

LogicalResult LaunchOp::verifySymbolUses(SymbolTableCollection &symbols) {
  // The kernel may have become a gpu.binary by now.
  Operation *module =
      symbols.lookupNearestSymbolFrom(*this, getKernel().getRootReference());
  if (!module)
    return emitOpError("needs a module of kernels named ")
           << getKernel().getRootReference();
  if (isa<gpu::BinaryOp>(module))
    return success();
  Operation *kernel = symbols.lookupNearestSymbolFrom(*this, getKernel());
  auto func = dyn_cast_or_null<FunctionOpInterface>(kernel);
  if (!func)
    return emitOpError("needs a kernel named ") << getKernel();
  auto gpuFunc = dyn_cast<gpu::GPUFuncOp>(kernel);
  if (!gpuFunc)
    return success();
  ArrayRef<Type> types = gpuFunc.getArgumentTypes();
  // Lowering turns tensor maps into pointers; only their number is stable.
  size_t passed =
      getParameters().size() + (hasPieceArguments() ? kNumPieceArguments : 0);
  if (types.size() != passed)
    return emitOpError("passes ") << passed << " arguments to " << getKernel()
                                  << ", which takes " << types.size();
  return success();
}

//===----------------------------------------------------------------------===//
// Tiles
//===----------------------------------------------------------------------===//

LogicalResult TileCountOp::verify() { return verifyTiles(*this, getTiles()); }

LogicalResult TileCoordinatesOp::verify() {
  return verifyTiles(*this, getTiles());
}

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

void RingOp::getAsmResultNames(function_ref<void(Value, StringRef)> setNameFn) {
  setNameFn(getRing(), getName());
}

bool PutOp::fetchesWeights() {
  auto ring = getRing().getDefiningOp<RingOp>();
  return ring && holdsWeights(ring.getName());
}

std::optional<int64_t> PutOp::countTransfers(TensorMapType map, RingType ring) {
  int64_t rows = map.getRows(), columns = map.getColumns();
  int64_t partRows = ring.getPartRows();
  if (partRows % rows != 0 || ring.getColumns() % columns != 0)
    return std::nullopt;
  FailureOr<PanelLayout> slot =
      getPanelLayout(partRows, ring.getColumns(), ring.getElementType());
  FailureOr<PanelLayout> part =
      getPanelLayout(rows, columns, map.getElementType());
  // Panels of the part must be panels of the slot; those of fewer rows are not
  // contiguous in it.
  if (failed(slot) || failed(part) || part->panel != slot->panel ||
      (rows != partRows && part->panels != 1))
    return std::nullopt;
  return partRows / rows * (ring.getColumns() / columns);
}

LogicalResult PutOp::verify() {
  if (failed(verifyIndices(*this, getCoordinates())))
    return failure();
  TensorMapType map = getMap().getType();
  RingType ring = getRing().getType();
  if (ring.getLocal())
    return emitOpError("puts a tile into ") << ring << ", which is local: its "
                                            << "consumer fills it";
  std::optional<int64_t> transfers = countTransfers(map, ring);
  if (!transfers || map.getElementType() != ring.getElementType())
    return emitOpError("needs a map of the slots of its ring, or of whole "
                       "parts of them: ")
           << map << " and " << ring;
  if (*transfers % ring.getCluster() != 0)
    return emitOpError("needs transfers that a cluster can share out: ")
           << *transfers << " transfers of " << map << ", " << ring;
  return success();
}

bool hopper::isInConsumer(Operation *op) {
  auto parent = op->getParentOfType<WarpgroupsOp>();
  return parent && parent.getConsumer().isAncestor(op->getParentRegion());
}

LogicalResult GetOp::verify() {
  RingType ring = getRing().getType();
  SlotType slot = getSlot().getType();
  bool isWhole = !isInConsumer(*this);
  int64_t rows = isWhole ? ring.getRows() : ring.getPartRows();
  if (rows != slot.getRows() || ring.getColumns() != slot.getColumns() ||
      ring.getElementType() != slot.getElementType() ||
      ring.getCluster() != slot.getCluster())
    return emitOpError("needs a result like the slots of its ring: ")
           << slot << " and " << ring;
  if (auto parent = getOperation()->getParentOfType<WarpgroupsOp>();
      parent && ring.getParts() > 1 &&
      ring.getParts() != static_cast<int64_t>(parent.getConsumers()))
    return emitOpError("needs a part for each of ")
           << parent.getConsumers() << " consumers, but its ring has "
           << ring.getParts();
  return success();
}

LogicalResult ReleaseOp::verify() {
  if (auto get = getSlot().getDefiningOp<GetOp>();
      get && get.getRing().getType().getLocal())
    return emitOpError("gives back a slot of ")
           << get.getRing().getType() << ", which is local: no producer waits "
           << "for it";
  return success();
}

LogicalResult WriteOp::verify() {
  VectorType value = getValue().getType();
  SlotType slot = getSlot().getType();
  int64_t m = value.getDimSize(0), n = value.getDimSize(1);
  if (m % kWarpgroupRows != 0 || n % 8 != 0)
    return emitOpError("needs whole warpgroup tiles of ")
           << kWarpgroupRows << " rows and a multiple of 8 columns, has "
           << value;
  if (slot.getRows() != n || slot.getColumns() != m ||
      slot.getElementType() != value.getElementType())
    return emitOpError("needs a slot like the transposed tile: ")
           << value << " and " << slot;
  if (auto parent = getOperation()->getParentOfType<WarpgroupsOp>();
      parent && parent.getConsumers() != 1)
    return emitOpError("needs one consumer, whose warps meet here, but there "
                       "are ")
           << parent.getConsumers();
  auto get = getSlot().getDefiningOp<GetOp>();
  if (!get)
    return success();
  RingType ring = get.getRing().getType();
  if (!ring.getLocal())
    return emitOpError("writes to a slot of ")
           << ring << ", which is not local: its producer fills it";
  if (ring.getSlots() < 2)
    return emitOpError("needs a ring of at least 2 slots, since another warp "
                       "may still read the last one: ")
           << ring;
  return success();
}

LogicalResult ReadOp::verify() {
  VectorType result = getResult().getType();
  SlotType slot = getSlot().getType();
  if (slot.getRows() != kWarpgroupRows || slot.getColumns() % 16 != 0)
    return emitOpError("needs a slot of ")
           << kWarpgroupRows << " rows and a multiple of 16 columns, has "
           << slot;
  if (result.getDimSize(0) != slot.getRows() ||
      result.getDimSize(1) != slot.getColumns() ||
      result.getElementType() != slot.getElementType())
    return emitOpError("needs a result like the slot: ")
           << slot << " and " << result;
  return success();
}

LogicalResult ScaleOp::verify() {
  int log2;
  if (std::frexp(getFactor().convertToFloat(), &log2) != 0.5f)
    return emitOpError("needs a factor that is a power of two, has ")
           << getFactor().convertToFloat();
  if (isInConsumer(*this) && getSlot().getType().getRows() != kWarpgroupRows)
    return emitOpError("needs the slot of one consumer, of ")
           << kWarpgroupRows << " rows, has " << getSlot().getType();
  return success();
}

//===----------------------------------------------------------------------===//
// WarpgroupsOp
//===----------------------------------------------------------------------===//

ParseResult WarpgroupsOp::parse(OpAsmParser &parser, OperationState &result) {
  int64_t consumers, producerRegisters, consumerRegisters;
  Region *producer = result.addRegion(), *consumer = result.addRegion();
  if (parser.parseKeyword("producer") || parser.parseKeyword("registers") ||
      parser.parseInteger(producerRegisters) || parser.parseRegion(*producer) ||
      parser.parseKeyword("consumers") || parser.parseInteger(consumers) ||
      parser.parseKeyword("registers") ||
      parser.parseInteger(consumerRegisters) || parser.parseRegion(*consumer) ||
      parser.parseOptionalAttrDict(result.attributes))
    return failure();
  Builder &b = parser.getBuilder();
  ensureTerminator(*producer, b, result.location);
  ensureTerminator(*consumer, b, result.location);
  auto &properties = result.getOrAddProperties<Properties>();
  properties.consumers = b.getI64IntegerAttr(consumers);
  properties.registers =
      b.getDenseI64ArrayAttr({producerRegisters, consumerRegisters});
  return success();
}

void WarpgroupsOp::print(OpAsmPrinter &p) {
  p << " producer registers " << getRegisters()[0] << ' ';
  p.printRegion(getProducer(), /*printEntryBlockArgs=*/false,
                /*printBlockTerminators=*/false);
  p << " consumers " << getConsumers() << " registers " << getRegisters()[1]
    << ' ';
  p.printRegion(getConsumer(), /*printEntryBlockArgs=*/false,
                /*printBlockTerminators=*/false);
  p.printOptionalAttrDict((*this)->getAttrs(), {"consumers", "registers"});
}

LogicalResult WarpgroupsOp::verify() {
  int64_t threads = llvm::range_size(getProducer().getOps<ThreadOp>());
  int64_t others =
      llvm::range_size(getProducer().front().without_terminator()) - threads;
  if (threads > 0 && others > 0)
    return emitOpError("needs a producer of hopper.thread only, or of none");
  if (threads > kWarpgroupThreads / kWarpThreads)
    return emitOpError("needs at most 4 producer threads, one for each warp, "
                       "has ")
           << threads;
  if (!getConsumer().getOps<ThreadOp>().empty())
    return emitOpError("needs its hopper.thread in the producer region");
  if (auto fault = findRegisterFault(getConsumers(), getRegisters()))
    return emitOpError(*fault);
  return success();
}

static LogicalResult verifyInConsumer(Operation *op) {
  if (!isInConsumer(op))
    return op->emitOpError(
        "must be in the consumer region of hopper.warpgroups");
  return success();
}

LogicalResult hopper::verifyInConsumerIfAny(Operation *op) {
  return op->getParentOfType<WarpgroupsOp>() ? verifyInConsumer(op) : success();
}

LogicalResult ConsumerIndexOp::verify() { return verifyInConsumer(*this); }
LogicalResult TakeTurnOp::verify() { return verifyInConsumer(*this); }
LogicalResult PassTurnOp::verify() { return verifyInConsumer(*this); }
