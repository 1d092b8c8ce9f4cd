//===- Parts.cpp - Partial sums that blocks leave for others --------------===//
//
/// \file
/// leave_part and add_parts on the threads of a consumer. What a thread has of
/// a tile goes to the thread of its number: parts lie in memory as [slot, 16
/// bytes of the thread's, thread], and each thread has a flag of its own, so
/// that nobody has to meet.
//
//===----------------------------------------------------------------------===//

#include "Constants.h"
#include "PTX.h"
#include "Pieces.h"
#include "Units.h"

using namespace mlir;
using namespace mlir::hopper;

/// Bytes of a thread's in a row.
static constexpr int64_t kPartBytes = 16;

/// Bytes of the flags of a slot.
static constexpr int64_t kFlagsBytes = kWarpgroupThreads * sizeof(int32_t);

/// Bytes of a slot, where a thread has so many elements.
static int64_t getSlotBytes(int64_t elements) {
  return elements * sizeof(float) * kWarpgroupThreads;
}

/// Where the thread's first bytes of a slot are, and its flag: i64.
static std::pair<Value, Value> getPlaces(IndexBuilder i, Value parts,
                                         Value flags, Value slot,
                                         int64_t elements) {
  Value thread = getThreadOfWarpgroup(i);
  auto toWord = [&](Value index) -> Value {
    return arith::IndexCastOp::create(i.b, i.loc, i.b.getI64Type(), index);
  };
  Value part = i.add(i.add(parts, i.mul(slot, getSlotBytes(elements))),
                     i.mul(thread, kPartBytes));
  Value flag = i.add(flags, i.mul(i.add(i.mul(slot, kWarpgroupThreads), thread),
                                  sizeof(int32_t)));
  return {toWord(part), toWord(flag)};
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
    ptx::leavePart(rewriter, loc, values, part, flag, getOffset(1),
                   op.getCondition());
    rewriter.eraseOp(op);
    return success();
  }
};

struct SumOfAddParts : OpConversionPattern<AddPartsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AddPartsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    IndexBuilder i{rewriter, loc};
    ValueRange values = adaptor.getValue();
    int64_t stride = op.getStride();
    Value slot =
        arith::SubIOp::create(rewriter, loc, op.getSlot(), i.get(stride));
    auto [part, flag] =
        getPlaces(i, op.getParts(), op.getFlags(), slot, values.size());
    SmallVector<Value> sums = ptx::addParts(
        rewriter, loc, values, part, flag, toI32(rewriter, loc, op.getCount()),
        getOffset(1), stride * getSlotBytes(values.size()),
        stride * kFlagsBytes);
    rewriter.replaceOpWithMultiple(op, {sums});
    return success();
  }
};
} // namespace

void hopper::populatePartPatterns(const TypeConverter &converter,
                                  RewritePatternSet &patterns) {
  patterns.add<StoresOfLeavePart, SumOfAddParts>(converter,
                                                 patterns.getContext());
}
