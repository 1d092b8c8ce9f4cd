//===- Parts.cpp - Partial sums that blocks leave for others --------------===//
//
/// \file
/// leave_part and add_parts on the threads of a consumer. What a thread has of
/// a tile goes to the thread of its number: parts lie in memory as [slot, 16
/// bytes of the thread's, thread], and each thread has a flag of its own, so
/// that nobody has to meet.
//
//===----------------------------------------------------------------------===//

#include "PTX.h"
#include "Pieces.h"
#include "Units.h"

#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

/// Bytes of a thread's in a row.
static constexpr int64_t kPartBytes = 16;
static constexpr int64_t kPartElements = kPartBytes / sizeof(float);

/// Where the thread's first bytes of a slot are, and its flag: indices.
static std::pair<Value, Value> getPlaces(IndexBuilder i, Value parts,
                                         Value flags, Value slot,
                                         int64_t elements) {
  Value thread = getThreadOfWarpgroup(i);
  int64_t bytes = elements * sizeof(float) * kWarpgroupThreads;
  Value part =
      i.add(i.add(parts, i.mul(slot, bytes)), i.mul(thread, kPartBytes));
  Value flag = i.add(flags, i.mul(i.add(i.mul(slot, kWarpgroupThreads), thread),
                                  sizeof(int32_t)));
  return {part, flag};
}

/// Bytes from the thread's first to its n-th 16 bytes.
static int64_t getOffset(int64_t n) {
  return n * kPartBytes * kWarpgroupThreads;
}

namespace {
struct StoresOfLeavePart : OpConversionPattern<LeavePartOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LeavePartOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    ValueRange values = adaptor.getValue();
    auto [part, flag] =
        getPlaces(i, op.getParts(), op.getFlags(), op.getSlot(), values.size());
    Value pointer = i.toPointer(part);
    for (size_t n = 0; n < values.size(); n += kPartElements)
      ptx::storeVectorIf(rewriter, loc,
                         i.offset(pointer, getOffset(n / kPartElements)),
                         values.slice(n, kPartElements), op.getCondition());
    ptx::raiseFlagIf(rewriter, loc, i.toPointer(flag), op.getCondition());
    rewriter.eraseOp(op);
    return success();
  }
};

struct LoopOfAddParts : OpConversionPattern<AddPartsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AddPartsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    ValueRange values = adaptor.getValue();
    auto loop = scf::ForOp::create(rewriter, loc, i.get(0), op.getCount(),
                                   i.get(1), values);
    rewriter.setInsertionPointToStart(loop.getBody());
    Value back = i.mul(i.add(loop.getInductionVar(), i.get(1)), op.getStride());
    Value slot = arith::SubIOp::create(rewriter, loc, op.getSlot(), back);
    auto [part, flag] =
        getPlaces(i, op.getParts(), op.getFlags(), slot, values.size());
    ptx::takeFlag(rewriter, loc, i.toPointer(flag));
    Value pointer = i.toPointer(part);
    SmallVector<Value> sums;
    for (size_t n = 0; n < values.size(); n += kPartElements) {
      SmallVector<Value> loaded = ptx::loadShared4(
          rewriter, loc, i.offset(pointer, getOffset(n / kPartElements)));
      for (auto [own, other] :
           llvm::zip(loop.getRegionIterArgs().slice(n, kPartElements), loaded))
        sums.push_back(arith::AddFOp::create(rewriter, loc, own, other));
    }
    scf::YieldOp::create(rewriter, loc, sums);
    rewriter.replaceOpWithMultiple(op, {ValueRange(loop.getResults())});
    return success();
  }
};
} // namespace

void hopper::populatePartPatterns(const TypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<StoresOfLeavePart, LoopOfAddParts>(converter,
                                                  patterns.getContext());
}
