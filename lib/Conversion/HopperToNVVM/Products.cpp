//===- Products.cpp - Products and the slots they read --------------------===//
//
/// \file
/// In: slots as hopper.slot_at, products and waits on fragments. Out: matrix
/// descriptors, wgmma instructions and waits that hold on to the registers of
/// the products they wait for.
//
//===----------------------------------------------------------------------===//

#include "Products.h"
#include "Constants.h"
#include "Fragment.h"
#include "PTX.h"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"

using namespace mlir;
using namespace mlir::hopper;

/// The number of this thread in its block, i32.
static Value getThread(OpBuilder &b, Location loc) {
  return toI32(b, loc, gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x));
}

/// `count` bits of `value`, i32, from bit `from` on.
static Value getBits(OpBuilder &b, Location loc, Value value, int64_t from,
                     int64_t count) {
  Value shifted = arith::ShRUIOp::create(b, loc, value, getI32(b, loc, from));
  return arith::AndIOp::create(b, loc, shifted,
                               getI32(b, loc, (1 << count) - 1));
}

namespace {
struct AddressesOfSlot : OpConversionPattern<SlotAtOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(SlotAtOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(
        op, {ValueRange{adaptor.getAddress(), adaptor.getEmpty()}});
    return success();
  }
};

/// One lane of each warp arrives: the wait before it was for the whole warp.
struct ArrivalOfRelease : OpConversionPattern<ReleaseOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ReleaseOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    Value empty = adaptor.getSlot()[1];
    int64_t cluster = op.getSlot().getType().getCluster();
    if (cluster == 1)
      ptx::arriveIf(rewriter, loc, empty, isFirstLane(rewriter, loc));
    else
      // Lane i tells block i of the cluster.
      ptx::arriveAtIf(rewriter, loc, empty, getLane(rewriter, loc),
                      isLaneBelow(rewriter, loc, cluster));
    rewriter.eraseOp(op);
    return success();
  }
};

/// The threads of the consumer take 16 bytes each, until the tile is done.
struct InstructionsOfScale : OpConversionPattern<ScaleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ScaleOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    constexpr int64_t threadBytes = 16;
    constexpr int64_t roundBytes = kWarpgroupThreads * threadBytes;
    Location loc = op.getLoc();
    auto constant = [&](int64_t value) -> Value {
      return getI32(rewriter, loc, value);
    };
    SlotType slot = op.getSlot().getType();
    int64_t bytes =
        getPanelLayout(slot.getRows(), slot.getColumns(), slot.getElementType())
            ->getBytes();
    Value thread = getThread(rewriter, loc);
    Value consumer = arith::DivUIOp::create(rewriter, loc, thread,
                                            constant(kWarpgroupThreads));
    Value offset = arith::MulIOp::create(
        rewriter, loc,
        arith::RemUIOp::create(rewriter, loc, thread,
                               constant(kWarpgroupThreads)),
        constant(threadBytes));
    Value first =
        arith::AddIOp::create(rewriter, loc, adaptor.getSlot()[0], offset);
    for (int64_t at = 0; at < bytes; at += roundBytes)
      ptx::scaleShared(
          rewriter, loc,
          arith::AddIOp::create(rewriter, loc, first, constant(at)),
          op.getFactor(), slot.getElementType());
    ptx::fenceProxyAsync(rewriter, loc);
    ptx::syncNamedBarrier(rewriter, loc,
                          getConsumerBarrier(rewriter, loc, consumer),
                          kWarpgroupThreads);
    rewriter.eraseOp(op);
    return success();
  }
};

/// A warp writes its 16 rows as 16-byte chunks of the slot's rows.
struct InstructionsOfWrite : OpConversionPattern<WriteOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(WriteOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    SlotType slot = op.getSlot().getType();
    PanelLayout layout = *getPanelLayout(slot.getRows(), slot.getColumns(),
                                         slot.getElementType());
    Value first = getFirstChunk(rewriter, loc, adaptor.getSlot()[0], layout);
    // Two words for each 8 columns: of the first 8 rows of the warp and of the
    // others.
    ValueRange words = adaptor.getValue();
    int64_t wordsOfTile = words.size() / layout.panels;
    for (int64_t tile = 0; tile < layout.panels; ++tile)
      for (int64_t word = 0; word < wordsOfTile; word += 4) {
        int64_t offset =
            tile * layout.getPanelBytes() + word / 2 * 8 * layout.getRowBytes();
        Value address = arith::AddIOp::create(
            rewriter, loc, first,
            arith::ConstantOp::create(rewriter, loc,
                                      rewriter.getI32IntegerAttr(offset)));
        ptx::storeMatricesTransposed(
            rewriter, loc, address,
            words.slice(tile * wordsOfTile + word,
                        std::min<int64_t>(wordsOfTile - word, 4)));
      }
    ptx::fenceProxyAsync(rewriter, loc);
    Value barrier = arith::ConstantOp::create(
        rewriter, loc, rewriter.getI32IntegerAttr(kConsumerBarrier));
    ptx::syncNamedBarrier(rewriter, loc, barrier, kWarpgroupThreads);
    rewriter.eraseOp(op);
    return success();
  }

private:
  /// Where this lane's row of a matrix lies in the first tile: the rows of the
  /// warp are 32 bytes of a row of the panel, in two chunks, swizzled.
  static Value getFirstChunk(OpBuilder &b, Location loc, Value address,
                             const PanelLayout &layout) {
    auto constant = [&](int64_t value) -> Value {
      return getI32(b, loc, value);
    };
    Value thread = getThread(b, loc);
    auto bits = [&](int64_t from, int64_t count) {
      return getBits(b, loc, thread, from, count);
    };
    auto scale = [&](Value value, int64_t factor) -> Value {
      return arith::MulIOp::create(b, loc, value, constant(factor));
    };
    auto add = [&](Value x, Value y) -> Value {
      return arith::AddIOp::create(b, loc, x, y);
    };
    Value row = bits(0, 3), half = bits(3, 1), group = bits(4, 1),
          warp = bits(5, 2);
    Value chunk = arith::XOrIOp::create(b, loc, add(scale(warp, 2), half), row);
    Value rows = add(row, scale(group, 8));
    return add(add(address, scale(rows, layout.getRowBytes())),
               scale(chunk, 16));
  }
};

/// A warp reads its 16 rows, four matrices for each 16 columns.
struct InstructionsOfRead : OpConversionPattern<ReadOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ReadOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    constexpr int64_t chunkBytes = 16;
    Location loc = op.getLoc();
    auto constant = [&](int64_t value) -> Value {
      return getI32(rewriter, loc, value);
    };
    SlotType slot = op.getSlot().getType();
    PanelLayout layout = *getPanelLayout(slot.getRows(), slot.getColumns(),
                                         slot.getElementType());
    int64_t rowBytes = layout.getRowBytes();
    // Lanes 0 to 15 have the rows of the first 8 columns, the others those of
    // the next. Rows are swizzled by the 128 bytes that they are in.
    Value thread = getThread(rewriter, loc);
    auto bits = [&](int64_t from, int64_t count) {
      return getBits(rewriter, loc, thread, from, count);
    };
    Value row = arith::AddIOp::create(
        rewriter, loc, bits(0, 4),
        arith::MulIOp::create(rewriter, loc, bits(5, 2), constant(16)));
    Value swizzle = arith::AndIOp::create(
        rewriter, loc,
        arith::DivUIOp::create(rewriter, loc, row, constant(128 / rowBytes)),
        constant(rowBytes / chunkBytes - 1));
    Value inRow = arith::MulIOp::create(
        rewriter, loc,
        arith::XOrIOp::create(rewriter, loc, bits(4, 1), swizzle),
        constant(chunkBytes));
    Value first = arith::AddIOp::create(
        rewriter, loc, adaptor.getSlot()[0],
        arith::MulIOp::create(rewriter, loc, row, constant(rowBytes)));
    SmallVector<Value> words;
    for (int64_t k = 0; k < slot.getColumns(); k += 16) {
      // The lower bit of a chunk's number is the lane's, and swizzled above.
      Value column = arith::XOrIOp::create(
          rewriter, loc, inRow,
          constant(k % layout.panel * layout.elementBytes));
      Value address = arith::AddIOp::create(
          rewriter, loc, arith::AddIOp::create(rewriter, loc, first, column),
          constant(k / layout.panel * layout.getPanelBytes()));
      llvm::append_range(words, ptx::loadMatrices(rewriter, loc, address));
    }
    // TMA may fill the slot again once it is released, and nothing else orders
    // that behind these loads: they were overtaken, rows of Q were the next
    // tile's. A block of one tile has no next.
    flashmhf::ScheduleAttr schedule =
        getSchedule(op->getParentOfType<gpu::GPUFuncOp>());
    if (!schedule || schedule.getPersistent())
      ptx::fenceProxyAsync(rewriter, loc);
    rewriter.replaceOpWithMultiple(op, {words});
    return success();
  }
};

struct InstructionsOfWgmma : OpConversionPattern<WgmmaOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(WgmmaOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    SlotType bType = op.getB().getType();
    int64_t depth = op.getDepth();
    int64_t columns = op.getResultVector().getDimSize(1);

    SmallVector<ptx::MatrixDescriptor> a;
    ValueRange aRegisters;
    auto aSlot = dyn_cast<SlotType>(op.getA().getType());
    if (aSlot) {
      Value address = adaptor.getA()[0];
      if (op.getRow())
        address = addRows(rewriter, loc, address, aSlot, op.getRow());
      a = getTiles(
          op.getTransposeA()
              ? getInnerAlongColumns(rewriter, loc, address, aSlot, depth)
              : getInnerAlongRows(rewriter, loc, address, aSlot, depth),
          aSlot, op.getResultVector().getDimSize(0));
    } else {
      aRegisters = adaptor.getA();
    }
    ptx::MatrixDescriptor b =
        op.getTransposeB()
            ? getInnerAlongRows(rewriter, loc, adaptor.getB()[0], bType, depth)
            : getInnerAlongColumns(rewriter, loc, adaptor.getB()[0], bType,
                                   depth);

    // Orders the register accesses before the product.
    NVVM::WgmmaFenceAlignedOp::create(rewriter, loc);
    SmallVector<Value> result = ptx::wgmma(
        rewriter, loc, columns, bType.getElementType(), adaptor.getAcc(),
        op.getAccumulates() ? llvm::getSingleElement(adaptor.getAccumulates())
                            : Value(),
        aRegisters, a, b);
    NVVM::WgmmaGroupSyncAlignedOp::create(rewriter, loc);
    llvm::append_range(result, aRegisters);
    rewriter.replaceOpWithMultiple(op, {result});
    return success();
  }

private:
  static Value addRows(OpBuilder &b, Location loc, Value address, SlotType slot,
                       Value row) {
    PanelLayout layout = *getPanelLayout(slot.getRows(), slot.getColumns(),
                                         slot.getElementType());
    Value bytes = arith::MulIOp::create(
        b, loc, arith::IndexCastOp::create(b, loc, b.getI32Type(), row),
        arith::ConstantOp::create(b, loc,
                                  b.getI32IntegerAttr(layout.getRowBytes())));
    return arith::AddIOp::create(b, loc, address, bytes);
  }

  /// The descriptors of A for each 64 rows of the product, which start `first`.
  static SmallVector<ptx::MatrixDescriptor>
  getTiles(const ptx::MatrixDescriptor &first, SlotType slot, int64_t rows) {
    PanelLayout layout = *getPanelLayout(slot.getRows(), slot.getColumns(),
                                         slot.getElementType());
    int64_t bytes = first.isTransposed
                        ? kWarpgroupRows / layout.panel * layout.getPanelBytes()
                        : kWarpgroupRows * layout.getRowBytes();
    SmallVector<ptx::MatrixDescriptor> tiles(rows / kWarpgroupRows, first);
    for (auto [tile, descriptor] : llvm::enumerate(tiles))
      for (int64_t &offset : descriptor.stepOffsets)
        offset += tile * bytes;
    return tiles;
  }

  /// Inner dimension along the rows of the tile ("K-major").
  static ptx::MatrixDescriptor getInnerAlongRows(OpBuilder &b, Location loc,
                                                 Value address, SlotType slot,
                                                 int64_t depth) {
    PanelLayout layout = *getPanelLayout(slot.getRows(), slot.getColumns(),
                                         slot.getElementType());
    ptx::MatrixDescriptor descriptor;
    // The leading offset is not used in swizzled layouts; 1 by convention.
    descriptor.base = ptx::getDescriptorBase(b, loc, address, 16);
    descriptor.strideByteOffset = 8 * layout.getRowBytes();
    descriptor.swizzleBytes = layout.getRowBytes();
    for (int64_t k = 0; k < depth; k += 16)
      descriptor.stepOffsets.push_back(k / layout.panel *
                                           layout.getPanelBytes() +
                                       k % layout.panel * layout.elementBytes);
    return descriptor;
  }

  /// Inner dimension along the columns of the tile ("MN-major").
  static ptx::MatrixDescriptor getInnerAlongColumns(OpBuilder &b, Location loc,
                                                    Value address,
                                                    SlotType slot,
                                                    int64_t depth) {
    PanelLayout layout = *getPanelLayout(slot.getRows(), slot.getColumns(),
                                         slot.getElementType());
    ptx::MatrixDescriptor descriptor;
    descriptor.isTransposed = true;
    descriptor.base =
        ptx::getDescriptorBase(b, loc, address, layout.getPanelBytes());
    descriptor.strideByteOffset = 8 * layout.getRowBytes();
    descriptor.swizzleBytes = layout.getRowBytes();
    for (int64_t k = 0; k < depth; k += 16)
      descriptor.stepOffsets.push_back(k * layout.getRowBytes());
    return descriptor;
  }
};

struct InstructionsOfWait : OpConversionPattern<WaitOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(WaitOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> values = ptx::wgmmaWait(
        rewriter, op.getLoc(), op.getPending(), adaptor.getValue());
    SmallVector<Type> types;
    if (failed(
            getTypeConverter()->convertType(op.getResult().getType(), types)))
      return rewriter.notifyMatchFailure(op, "has a result of other rows");
    values.truncate(types.size());
    rewriter.replaceOpWithMultiple(op, {values});
    return success();
  }
};
} // namespace

void hopper::populateProductPatterns(const TypeConverter &converter,
                                     RewritePatternSet &patterns) {
  patterns.add<AddressesOfSlot, ArrivalOfRelease, InstructionsOfScale,
               InstructionsOfWrite, InstructionsOfRead, InstructionsOfWgmma,
               InstructionsOfWait>(converter, patterns.getContext());
}
