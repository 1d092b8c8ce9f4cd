//===- Pushes.cpp - Partial sums through shared memory --------------------===//
//
/// \file
/// Inboxes and what is done with them on the threads of consumer warpgroups. A
/// part of an inbox lies in memory as [piece, row, column]. A thread sends what
/// it holds, wherever a fragment has that; 128 threads add up 4 columns each,
/// neighbours taking neighbouring ones.
//
//===----------------------------------------------------------------------===//

#include "Pushes.h"
#include "Constants.h"
#include "Fragment.h"
#include "IndexBuilder.h"
#include "PTX.h"
#include "Pieces.h"

#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

//===----------------------------------------------------------------------===//
// Rings
//===----------------------------------------------------------------------===//

InboxLowering::InboxLowering(gpu::GPUFuncOp func) {
  func.walk([&](InboxOp op) { inbox = op; });
}

LogicalResult InboxLowering::check(WarpgroupsOp warpgroups) {
  if (!inbox)
    return success();
  if (!inbox.getOffset() || !inbox.getBarriers())
    return inbox.emitOpError("has no place in shared memory; run "
                             "hopper-allocate-shared-memory first");
  if (!warpgroups)
    return inbox.emitOpError("needs a kernel with hopper.warpgroups and rings");
  for (Operation *user : inbox->getUsers())
    if (!warpgroups.getConsumer().isAncestor(user->getParentRegion()))
      return user->emitOpError("must be in the consumer region of "
                               "hopper.warpgroups");
  return success();
}

Value InboxLowering::getBarrier(OpBuilder &b, Value base, int64_t part) {
  return arith::AddIOp::create(
      b, inbox.getLoc(), base,
      getI32(b, inbox.getLoc(), *inbox.getBarriers() + part * kBarrierBytes));
}

void InboxLowering::initialize(OpBuilder &b, Value base) {
  Location loc = inbox.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(b.getContext(), 3);
  // The arrival of the thread that knows how many bytes there will be.
  Value arrivals = getI32(b, loc, 1);
  for (int64_t part = 0; part < inbox.getInbox().getType().getParts(); ++part)
    NVVM::MBarrierInitOp::create(
        b, loc,
        LLVM::IntToPtrOp::create(b, loc, pointer, getBarrier(b, base, part)),
        arrivals, /*predicate=*/Value());
}

void InboxLowering::announce(OpBuilder &b) {
  // The fence behind the initialisation of barriers is all that others need: a
  // release would hold up the first transfers by a fence of the whole GPU.
  NVVM::ClusterArriveRelaxedOp::create(b, inbox.getLoc(), UnitAttr());
}

void InboxLowering::lower(OpBuilder &b, gpu::GPUFuncOp func,
                          WarpgroupsOp warpgroups, Value base) {
  Location loc = inbox.getLoc();
  InboxType type = inbox.getInbox().getType();
  // Else ptxas provides for a launch without clusters where blocks wait.
  func.setKnownClusterSizeAttr(
      b.getDenseI32ArrayAttr({static_cast<int32_t>(type.getPieces()), 1, 1}));
  b.setInsertionPointToStart(&warpgroups.getConsumer().front());
  Value address =
      arith::AddIOp::create(b, loc, base, getI32(b, loc, *inbox.getOffset()));
  Value barrier = getBarrier(b, base, 0);
  if (type.getParts() > 1) {
    Value part =
        toI32(b, loc, ConsumerIndexOp::create(b, loc, b.getIndexType()));
    address = mulAdd(b, loc, part, type.getPartBytes(), address);
    barrier = mulAdd(b, loc, part, kBarrierBytes, barrier);
  }
  Value part = InboxAtOp::create(b, loc, type, address, barrier);
  inbox.getInbox().replaceAllUsesWith(part);
  inbox.erase();
}

void hopper::endUnlessAwaited(OpBuilder &b, gpu::GPUFuncOp func) {
  InboxAtOp inbox;
  func.walk([&](InboxAtOp op) { inbox = op; });
  if (inbox)
    NVVM::ClusterWaitOp::create(b, inbox.getLoc(), UnitAttr());
}

//===----------------------------------------------------------------------===//
// Threads
//===----------------------------------------------------------------------===//

namespace {
/// An inbox is the address of its rows and that of its barrier.
struct AddressesOfInbox : OpConversionPattern<InboxAtOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(InboxAtOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(
        op, {ValueRange{adaptor.getAddress(), adaptor.getBarrier()}});
    return success();
  }
};

struct CountOfOwnedRows : OpConversionPattern<OwnedRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OwnedRowsOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    Value tokens = i.dim(op.getDest(), 2), row = op.getRow();
    Value left = arith::SelectOp::create(
        rewriter, loc, i.less(row, tokens),
        arith::SubIOp::create(rewriter, loc, tokens, row), i.get(0));
    left = arith::MinUIOp::create(rewriter, loc, left, i.get(op.getRows()));
    Value up = arith::SubIOp::create(rewriter, loc, i.get(op.getPieces() - 1),
                                     op.getPiece());
    // Of 32 bits, since division is slow.
    Value count = arith::DivUIOp::create(rewriter, loc,
                                         toI32(rewriter, loc, i.add(left, up)),
                                         getI32(rewriter, loc, op.getPieces()));
    rewriter.replaceOpWithNewOp<arith::IndexCastUIOp>(
        op, rewriter.getIndexType(), count);
    return success();
  }
};

/// One thread of the warpgroup arrives.
struct ArrivalOfExpect : OpConversionPattern<ExpectOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ExpectOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    InboxType type = op.getInbox().getType();
    Value thread =
        i.rem(gpu::ThreadIdOp::create(rewriter, loc, gpu::Dimension::x),
              kWarpgroupThreads);
    Value isFirst = arith::CmpIOp::create(
        rewriter, loc, arith::CmpIPredicate::eq, thread, i.get(0));
    Value bytes = arith::MulIOp::create(
        rewriter, loc,
        toI32(rewriter, loc, llvm::getSingleElement(adaptor.getRows())),
        getI32(rewriter, loc, type.getPieces() * type.getRowBytes()));
    ptx::expectIf(rewriter, loc, adaptor.getInbox()[1], bytes, isFirst);
    rewriter.eraseOp(op);
    return success();
  }
};

struct WaitOfCluster : OpConversionPattern<AwaitClusterOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AwaitClusterOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::ClusterWaitOp>(op, UnitAttr());
    return success();
  }
};

struct StoresOfPush : OpConversionPattern<PushOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(PushOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;

private:
  /// Where a row of the tile goes.
  struct Destination {
    Value address; ///< Of the thread's columns, in the block that owns the row.
    Value barrier; ///< Of the inbox there.
    Value inside;  ///< i1: the row is one of the tensor.
  };
  static Destination locate(OpBuilder &b, PushOp op, ValueRange inbox,
                            const FragmentRun &run);
};

struct SumsOfPushed : OpConversionPattern<SumPushedOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SumPushedOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override;
};
} // namespace

StoresOfPush::Destination StoresOfPush::locate(OpBuilder &b, PushOp op,
                                               ValueRange inbox,
                                               const FragmentRun &run) {
  Location loc = op.getLoc();
  IndexBuilder i{b, loc};
  InboxType type = op.getInbox().getType();
  Value pieces = getI32(b, loc, type.getPieces());
  Value owner = arith::RemUIOp::create(b, loc, run.row, pieces);
  Value place = arith::DivUIOp::create(b, loc, run.row, pieces);
  Value offset =
      mulAdd(b, loc, toI32(b, loc, op.getPiece()), type.getPieceBytes(),
             mulAdd(b, loc, place, type.getRowBytes(), inbox[0]));
  offset = mulAdd(b, loc, run.column, sizeof(float), offset);
  Value row =
      i.add(op.getRow(),
            arith::IndexCastUIOp::create(b, loc, b.getIndexType(), run.row));
  return {ptx::mapToBlock(b, loc, offset, owner),
          ptx::mapToBlock(b, loc, inbox[1], owner),
          i.less(row, i.dim(op.getLike(), 2))};
}

LogicalResult
StoresOfPush::matchAndRewrite(PushOp op, OneToNOpAdaptor adaptor,
                              ConversionPatternRewriter &rewriter) const {
  Location loc = op.getLoc();
  DenseMap<std::pair<Value, Value>, Destination> destinations;
  SmallVector<FragmentRun> runs =
      op.getTransposed()
          ? getTransposedRuns(rewriter, loc, adaptor.getValue(),
                              op.getValue().getType().getDimSize(1),
                              op.getInbox().getType().getColumns())
          : getFragmentRuns(rewriter, loc, adaptor.getValue());
  for (const FragmentRun &run : runs) {
    auto [it, isNew] = destinations.try_emplace({run.row, run.column});
    if (isNew)
      it->second = locate(rewriter, op, adaptor.getInbox(), run);
    Value sends = it->second.inside;
    if (run.inside)
      sends = arith::AndIOp::create(rewriter, loc, sends, run.inside);
    ptx::storeAsyncIf(rewriter, loc, it->second.address,
                      run.offset * sizeof(float), run.values,
                      it->second.barrier, sends);
  }
  rewriter.eraseOp(op);
  return success();
}

LogicalResult
SumsOfPushed::matchAndRewrite(SumPushedOp op, OneToNOpAdaptor adaptor,
                              ConversionPatternRewriter &rewriter) const {
  Location loc = op.getLoc();
  IndexBuilder i{rewriter, loc};
  InboxType type = op.getInbox().getType();
  int64_t pieces = type.getPieces(), groups = type.getColumns() / kSumColumns;
  ptx::awaitSent(rewriter, loc, adaptor.getInbox()[1]);
  Value thread =
      i.rem(gpu::ThreadIdOp::create(rewriter, loc, gpu::Dimension::x),
            kWarpgroupThreads);
  Value first = i.add(op.getRow(), op.getPiece());
  auto loop =
      scf::ForOp::create(rewriter, loc, thread, i.mul(op.getRows(), groups),
                         i.get(kWarpgroupThreads));
  rewriter.setInsertionPointToStart(loop.getBody());
  Value item = loop.getInductionVar();
  // Rows follow one another: item n is at 16 n bytes.
  Value address = mulAdd(rewriter, loc, toI32(rewriter, loc, item),
                         kSumColumns * sizeof(float), adaptor.getInbox()[0]);
  SmallVector<SmallVector<Value>> loaded;
  for (int64_t p = 0; p < pieces; ++p)
    loaded.push_back(
        ptx::loadSent4(rewriter, loc, address, p * type.getPieceBytes()));
  SmallVector<Value> total;
  for (ArrayRef<Value> values : loaded)
    addTo(rewriter, loc, total, values);
  Value row = i.add(first, i.mul(i.div(item, groups), pieces));
  Value column = i.mul(i.rem(item, groups), kSumColumns);
  storeSum(rewriter, loc, op.getDest(), op.getBatch(), op.getHead(), row,
           column, total, op.getAccumulate());
  rewriter.eraseOp(op);
  return success();
}

void hopper::populatePushPatterns(const TypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<AddressesOfInbox, CountOfOwnedRows, ArrivalOfExpect,
               WaitOfCluster, StoresOfPush, SumsOfPushed>(
      converter, patterns.getContext());
  populatePushedSharePatterns(converter, patterns);
}
