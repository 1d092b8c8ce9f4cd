//===- KernelPieces.cpp - Blocks that share the sum of a tile -------------===//
//
/// \file
/// What a kernel has besides where several blocks, the pieces, sum a part of
/// d_ff each.
//
//===----------------------------------------------------------------------===//

#include "KernelBuilder.h"

#include "flashmhf/Dialect/FlashMHF/IR/Split.h"
#include "flashmhf/Schedule/Rules.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/Utils/StaticValueUtils.h"

using namespace mlir;
using namespace mlir::hopper;

/// Values of R that a consumer has registers for, for each of a thread's
/// tokens.
static int64_t countRowsAhead(flashmhf::MHFFNOp op, int64_t stepRows) {
  flashmhf::ScheduleFields schedule = op.getScheduleAttr().getFields();
  // Rows of a fragment, or columns.
  int64_t tokensOfThread =
      schedule.exchange ? schedule.tokenTile / 4 : flashmhf::kRowsOfThread;
  return flashmhf::countFreeRegisters(flashmhf::OperatorFacts::get(op),
                                      stepRows, schedule) /
         tokensOfThread;
}

void KernelBuilder::createPieceParameters() {
  Block &entry = func.getBody().front();
  Location loc = op.getLoc();
  partials = entry.addArgument(b.getIndexType(), loc);
  counters = entry.addArgument(b.getIndexType(), loc);
  resident = entry.addArgument(b.getIndexType(), loc);
}

void KernelBuilder::sumPieces(Value vector) {
  createSumOfPieces(b, op.getLoc(), vector,
                    {coordinates, piece, getPieces(), partials, counters,
                     resident, getParameter(arguments.back()), shape.tokenTile,
                     shape.isExchanged, split->accumulates});
}

void hopper::createSumOfPieces(OpBuilder &b, Location loc, Value vector,
                               const PieceOfSum &of) {
  TileCoordinatesOp coordinates = of.coordinates;
  Value batch = coordinates.getBatch(), head = coordinates.getHead(),
        row = coordinates.getRow();
  Value count;
  {
    // Long before it is wanted.
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPointAfter(coordinates);
    count = ArrivalsOp::create(b, loc, b.getIndexType(), of.counters,
                               coordinates.getTile());
  }
  auto meet = [&] {
    return MeetOp::create(b, loc, b.getIndexType(), b.getIndexType(),
                          of.counters, coordinates.getTile(), count, of.piece,
                          of.resident, of.pieces);
  };
  if (of.isExchanged) {
    StorePartialOp::create(b, loc, vector, of.partials, of.piece, batch, head,
                           row, of.pieces, of.output, /*except=*/Value(),
                           /*transposed=*/true);
    MeetOp share = meet();
    SumPartialsOp::create(b, loc, of.partials, of.pieces, of.output, batch,
                          head, row, of.tokenTile, share.getFirst(),
                          share.getStep(), of.accumulates);
    return;
  }
  // Where it will add up its own share, nobody else reads that.
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  Value isResident = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::ne,
                                           of.resident, index(0));
  Value own =
      arith::SelectOp::create(b, loc, isResident, of.piece, index(of.pieces));
  StorePartialOp::create(b, loc, vector, of.partials, of.piece, batch, head,
                         row, of.pieces, of.output, own, /*transposed=*/false);
  MeetOp share = meet();
  SumSharesOp::create(b, loc, vector, of.partials, of.piece, of.pieces,
                      of.output, batch, head, row, share.getFirst(),
                      share.getStep(), of.accumulates);
}

FailureOr<Value> KernelBuilder::loadRowsAhead(Value operand) {
  FailureOr<Place> place = locate(operand);
  if (failed(place))
    return failure();
  auto loop = dyn_cast<scf::ForOp>(b.getInsertionBlock()->getParentOp());
  auto weights = cast<MemRefType>(getTensor(forall, op.getK()).getType());
  auto values = cast<MemRefType>(getParameter(place->tensor).getType());
  int64_t subNetworks = values.getDimSize(3), width = weights.getDimSize(2);
  if (!loop || ShapedType::isDynamic(subNetworks) ||
      ShapedType::isDynamic(width))
    return loadRows(operand);
  int64_t each =
      flashmhf::countDffTiles(subNetworks, width, shape.dffTile) / subNetworks;
  int64_t count = flashmhf::countSubNetworksOfPiece(subNetworks, width,
                                                    shape.dffTile, getPieces());
  if (count > countRowsAhead(op, shape.dffTile))
    return loadRows(operand);

  Location loc = op.getLoc();
  auto index = [&](int64_t value) -> Value {
    return arith::ConstantIndexOp::create(b, loc, value);
  };
  SmallVector<Value> loaded;
  Value first;
  {
    OpBuilder::InsertionGuard guard(b);
    b.setInsertionPoint(loop);
    first = arith::DivUIOp::create(b, loc, loop.getLowerBound(), index(each));
    SmallVector<Value> at(place->offsets);
    for (int64_t i = 0; i < count; ++i) {
      at[3] = arith::MinUIOp::create(
          b, loc, arith::AddIOp::create(b, loc, first, index(i)),
          index(subNetworks - 1));
      loaded.push_back(createLoadOfR(getParameter(place->tensor), at));
    }
  }
  Value number = arith::SubIOp::create(b, loc, place->offsets[3], first);
  Value rows = loaded.front();
  for (auto [i, other] : llvm::enumerate(ArrayRef(loaded).drop_front())) {
    Value is = arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, number,
                                     index(i + 1));
    rows = arith::SelectOp::create(b, loc, is, other, rows);
  }
  return rows;
}
