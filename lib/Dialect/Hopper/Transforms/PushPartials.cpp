//===- PushPartials.cpp - Sums of pieces through shared memory ------------===//
//
/// \file
/// In: kernels whose consumers store partial sums in global memory, meet and
/// add them up. Out: where the schedule says `push`, the same with an inbox in
/// each block of a cluster of all pieces, and a launch without a workspace.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Interfaces/SideEffectInterfaces.h"
#include "llvm/Support/MathExtras.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERPUSHPARTIALS
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

namespace {
/// The sum of what the pieces have, of either kind.
struct Sum {
  Operation *op;
  TypedValue<MemRefType> dest;
  Value batch, head, row, first, step;
  int64_t rows;
  bool accumulates;

  template <typename OpTy>
  static Sum get(OpTy op, int64_t rows) {
    return {op,           op.getDest(), op.getBatch(),
            op.getHead(), op.getRow(),  op.getFirst(),
            op.getStep(), rows,         op.getAccumulate()};
  }
};

/// How the consumers of a kernel add partial sums up.
struct Meeting {
  WarpgroupsOp warpgroups;
  StorePartialOp store;
  MeetOp meet;
  Sum sum;
  ArrivalsOp arrivals;
};
} // namespace

/// The only operation of its kind in `func`.
template <typename OpTy>
static FailureOr<OpTy> findOnly(gpu::GPUFuncOp func) {
  SmallVector<OpTy> found;
  func.walk([&](OpTy op) { found.push_back(op); });
  if (found.size() == 1)
    return found.front();
  return func.emitOpError("has a schedule of pieces that push, which needs "
                          "one ")
         << OpTy::getOperationName() << ", has " << found.size();
}

/// The sum of what `store` stores.
static FailureOr<Sum> findSum(gpu::GPUFuncOp func, StorePartialOp store) {
  if (store.getExcept()) {
    auto sum = findOnly<SumSharesOp>(func);
    if (failed(sum))
      return failure();
    return Sum::get(*sum, sum->getValue().getType().getDimSize(0));
  }
  auto sum = findOnly<SumPartialsOp>(func);
  if (failed(sum))
    return failure();
  return Sum::get(*sum, sum->getRows());
}

static FailureOr<Meeting> findMeeting(gpu::GPUFuncOp func) {
  auto warpgroups = findOnly<WarpgroupsOp>(func);
  if (failed(warpgroups))
    return failure();
  auto store = findOnly<StorePartialOp>(func);
  if (failed(store))
    return failure();
  auto meet = findOnly<MeetOp>(func);
  if (failed(meet))
    return failure();
  auto sum = findSum(func, *store);
  if (failed(sum))
    return failure();
  auto arrivals = findOnly<ArrivalsOp>(func);
  if (failed(arrivals))
    return failure();
  Meeting meeting{*warpgroups, *store, *meet, *sum, *arrivals};
  Block *consumer = &meeting.warpgroups.getConsumer().front();
  for (Operation *op : {meeting.store.getOperation(),
                        meeting.meet.getOperation(), meeting.sum.op})
    if (op->getBlock() != consumer)
      return op->emitOpError("must be at the top of the consumers of a kernel "
                             "whose pieces push");
  int64_t pieces = meeting.meet.getPieces();
  if (pieces > kMaxCluster)
    return meeting.meet.emitOpError("is of ")
           << pieces << " pieces, but they can push to each other only as a "
           << "cluster of at most " << kMaxCluster;
  if (meeting.sum.first != meeting.meet.getFirst() ||
      meeting.sum.step != meeting.meet.getStep() ||
      meeting.meet.getCount() != meeting.arrivals.getCount() ||
      meeting.store.getPiece() != meeting.meet.getPiece() ||
      meeting.store.getRow() != meeting.sum.row)
    return meeting.sum.op->emitOpError(
        "does not add up what the pieces that meet "
        "have stored");
  return meeting;
}

/// Where pieces add up shares, they push these.
static bool pushesShares(Meeting meeting) {
  return bool(meeting.store.getExcept());
}

static InboxOp createInbox(OpBuilder &b, gpu::GPUFuncOp func, Meeting meeting) {
  MemRefType dest = meeting.sum.dest.getType();
  int64_t pieces = meeting.meet.getPieces();
  int64_t rows = meeting.sum.rows;
  bool shares = pushesShares(meeting);
  if (!shares) {
    if (!dest.isDynamicDim(2))
      rows = std::clamp<int64_t>(dest.getDimSize(2), 1, rows);
    rows = llvm::divideCeil(rows, pieces);
  }
  auto type =
      InboxType::get(func.getContext(), pieces, rows, dest.getDimSize(3),
                     meeting.warpgroups.getConsumers(), shares);
  b.setInsertionPoint(meeting.warpgroups);
  return InboxOp::create(b, meeting.store.getLoc(), type, IntegerAttr(),
                         IntegerAttr());
}

/// Erases `op`, if pure, and what only it uses.
static void eraseIfUnused(Operation *op) {
  if (!op || !isOpTriviallyDead(op))
    return;
  SmallVector<Value> operands(op->getOperands());
  op->erase();
  for (Value operand : operands)
    eraseIfUnused(operand.getDefiningOp());
}

static void pushRows(OpBuilder &b, InboxOp inbox, Meeting meeting) {
  auto [warpgroups, store, meet, sum, arrivals] = meeting;
  Value piece = meet.getPiece(), dest = sum.dest, row = sum.row;
  PushOp::create(b, store.getLoc(), store.getValue(), inbox, piece, row,
                 store.getLike(), store.getTransposed());
  b.setInsertionPoint(sum.op);
  // While rows are on their way: nobody needs to know before.
  Value rows = OwnedRowsOp::create(b, meet.getLoc(), b.getIndexType(), piece,
                                   meet.getPieces(), dest, row, sum.rows);
  ExpectOp::create(b, meet.getLoc(), inbox.getInbox(), rows);
  SumPushedOp::create(b, sum.op->getLoc(), inbox, dest, sum.batch, sum.head,
                      row, piece, rows, sum.accumulates);
}

static void pushShares(OpBuilder &b, InboxOp inbox, Meeting meeting) {
  auto [warpgroups, store, meet, sum, arrivals] = meeting;
  Value value = store.getValue(), piece = meet.getPiece();
  PushSharesOp::create(b, store.getLoc(), value, inbox, piece);
  b.setInsertionPoint(sum.op);
  SumPushedSharesOp::create(b, sum.op->getLoc(), value, inbox, piece, sum.dest,
                            sum.batch, sum.head, sum.row, sum.accumulates);
}

static void push(gpu::GPUFuncOp func, Meeting meeting) {
  OpBuilder b(func.getContext());
  InboxOp inbox = createInbox(b, func, meeting);
  auto [warpgroups, store, meet, sum, arrivals] = meeting;
  b.setInsertionPoint(store);
  AwaitClusterOp::create(b, store.getLoc());
  if (pushesShares(meeting))
    pushShares(b, inbox, meeting);
  else
    pushRows(b, inbox, meeting);
  Value except = store.getExcept();
  for (Operation *op : {sum.op, meet.getOperation(), store.getOperation(),
                        arrivals.getOperation()})
    op->erase();
  // What is left of the choice of a share would use arguments that go.
  if (except)
    eraseIfUnused(except.getDefiningOp());
}

/// Takes what only the workspace needed from the kernel's arguments.
static LogicalResult dropPieceArguments(gpu::GPUFuncOp func, LaunchOp launch) {
  Block &entry = func.getBody().front();
  unsigned kept = launch.getArgs().size();
  for (BlockArgument argument : entry.getArguments().drop_front(kept))
    if (!argument.use_empty())
      return func.emitOpError("uses argument ")
             << argument.getArgNumber()
             << ", which a launch of pieces that push does not pass";
  entry.eraseArguments(kept, entry.getNumArguments() - kept);
  func.setFunctionType(FunctionType::get(
      func.getContext(), entry.getArgumentTypes(), TypeRange()));
  launch.setPush(true);
  return success();
}

static LogicalResult pushPartials(LaunchOp launch) {
  auto func = SymbolTable::lookupNearestSymbolFrom<gpu::GPUFuncOp>(
      launch, launch.getKernelAttr());
  if (!func || launch.getPush())
    return success();
  flashmhf::ScheduleAttr schedule = getPendingSchedule(func);
  if (!schedule || !schedule.getPush())
    return success();
  FailureOr<Meeting> meeting = findMeeting(func);
  if (failed(meeting))
    return failure();
  push(func, *meeting);
  return dropPieceArguments(func, launch);
}

namespace {
struct HopperPushPartials
    : hopper::impl::HopperPushPartialsBase<HopperPushPartials> {
  void runOnOperation() override {
    WalkResult result = getOperation().walk(
        [](LaunchOp launch) -> WalkResult { return pushPartials(launch); });
    if (result.wasInterrupted())
      signalPassFailure();
  }
};
} // namespace
