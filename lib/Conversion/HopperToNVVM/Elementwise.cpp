//===- Elementwise.cpp - Element-wise operations on fragments -------------===//
//
/// \file
/// In: arith and math on vectors, scales by row and column. Out: the same on
/// the scalars that a thread holds, in their order; 16-bit vectors are words of
/// two columns.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "Fragment.h"
#include "PTX.h"

#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/Vector/IR/VectorOps.h"

using namespace mlir;
using namespace mlir::hopper;

static bool isF32Vector(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getElementType().isF32();
}

static bool is16BitVector(Type type) {
  auto vector = dyn_cast<VectorType>(type);
  return vector && vector.getElementTypeBitWidth() == 16;
}

namespace {
/// One scalar operation for each element of an f32 vector.
struct ScalarsOfElementwise : ConversionPattern {
  ScalarsOfElementwise(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "is not element-wise");
    if (!llvm::all_of(op->getOperandTypes(), isF32Vector) ||
        !isF32Vector(op->getResultTypes()[0]))
      return rewriter.notifyMatchFailure(op, "is not on f32 vectors");
    SmallVector<Value> results;
    for (size_t i = 0; i < operands.front().size(); ++i) {
      SmallVector<Value> scalars;
      for (ValueRange operand : operands)
        scalars.push_back(operand[i]);
      if (isa<math::TanhOp>(op)) {
        results.push_back(ptx::tanh(rewriter, op->getLoc(), scalars.front()));
        continue;
      }
      // The upstream conversion calls the device library for it.
      if (isa<math::FmaOp>(op)) {
        results.push_back(LLVM::FMAOp::create(rewriter, op->getLoc(), scalars));
        continue;
      }
      results.push_back(rewriter
                            .create(op->getLoc(), op->getName().getIdentifier(),
                                    scalars, rewriter.getF32Type(),
                                    op->getAttrs())
                            ->getResult(0));
    }
    rewriter.replaceOpWithMultiple(op, {results});
    return success();
  }
};

/// A splat is one scalar for all elements.
struct ScalarOfConstant : OpConversionPattern<arith::ConstantOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ConstantOp op, OpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto splat = dyn_cast<SplatElementsAttr>(op.getValue());
    SmallVector<Type> types;
    if (!splat || failed(getTypeConverter()->convertType(op.getType(), types)))
      return rewriter.notifyMatchFailure(op, "is not a splat of a fragment");
    if (!splat.getElementType().isF32())
      return rewriter.notifyMatchFailure(op, "is not f32");
    Value scalar = arith::ConstantOp::create(rewriter, op.getLoc(),
                                             splat.getSplatValue<TypedAttr>());
    rewriter.replaceOpWithMultiple(op,
                                   {SmallVector<Value>(types.size(), scalar)});
    return success();
  }
};

/// Rounding to 16 bits packs pairs of columns, which makes the accumulator of
/// one product the A operand of the next.
struct PairsOfTruncF : OpConversionPattern<arith::TruncFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::TruncFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!is16BitVector(op.getType()) || !isF32Vector(op.getIn().getType()))
      return rewriter.notifyMatchFailure(op, "does not round f32 to 16 bits");
    ValueRange in = adaptor.getIn();
    SmallVector<Value> pairs;
    for (size_t i = 0; i < in.size(); i += 2)
      pairs.push_back(ptx::pack(rewriter, op.getLoc(), in[i], in[i + 1],
                                getElementTypeOrSelf(op.getType())));
    rewriter.replaceOpWithMultiple(op, {pairs});
    return success();
  }
};

struct ScalarsOfExtF : OpConversionPattern<arith::ExtFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ExtFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!is16BitVector(op.getIn().getType()))
      return rewriter.notifyMatchFailure(op, "does not extend 16-bit vectors");
    auto pairType =
        VectorType::get({2}, getElementTypeOrSelf(op.getIn().getType()));
    SmallVector<Value> scalars;
    for (Value pair : adaptor.getIn()) {
      Value vector =
          LLVM::BitcastOp::create(rewriter, op.getLoc(), pairType, pair);
      for (int64_t i : {0, 1})
        scalars.push_back(
            arith::ExtFOp::create(rewriter, op.getLoc(), rewriter.getF32Type(),
                                  getHalf(rewriter, op.getLoc(), vector, i)));
    }
    rewriter.replaceOpWithMultiple(op, {scalars});
    return success();
  }
};

/// A choice between two vectors by one condition.
struct SelectedScalars : OpConversionPattern<arith::SelectOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::SelectOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    if (!isa<VectorType>(op.getType()) ||
        !op.getCondition().getType().isInteger(1))
      return rewriter.notifyMatchFailure(op, "does not choose a vector");
    Value condition = llvm::getSingleElement(adaptor.getCondition());
    SmallVector<Value> selected;
    for (auto [yes, no] :
         llvm::zip(adaptor.getTrueValue(), adaptor.getFalseValue()))
      selected.push_back(
          arith::SelectOp::create(rewriter, op.getLoc(), condition, yes, no));
    rewriter.replaceOpWithMultiple(op, {selected});
    return success();
  }
};

struct ScaledRows : OpConversionPattern<RowScaleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(RowScaleOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    SmallVector<Value> scaled;
    for (auto [i, value] : llvm::enumerate(adaptor.getValue()))
      scaled.push_back(arith::MulFOp::create(
          rewriter, op.getLoc(), value, adaptor.getRows()[getFragmentRow(i)]));
    rewriter.replaceOpWithMultiple(op, {scaled});
    return success();
  }
};

/// Nothing is done where nothing is to be added: the branch is cheap beside it.
struct AddedRows : OpConversionPattern<AddScaledOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AddScaledOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    ValueRange sum = adaptor.getSum();
    Value condition = llvm::getSingleElement(adaptor.getCondition());
    auto ifOp = scf::IfOp::create(
        rewriter, loc, condition,
        [&](OpBuilder &b, Location loc) {
          SmallVector<Value> added;
          for (auto [i, value] : llvm::enumerate(adaptor.getValue()))
            added.push_back(LLVM::FMAOp::create(
                b, loc, value, adaptor.getRows()[getFragmentRow(i)], sum[i]));
          scf::YieldOp::create(b, loc, added);
        },
        [&](OpBuilder &b, Location loc) { scf::YieldOp::create(b, loc, sum); });
    rewriter.replaceOpWithMultiple(op, {ifOp.getResults()});
    return success();
  }
};

struct ScaledColumns : OpConversionPattern<ColumnScaleOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(ColumnScaleOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    int64_t columns = op.getValue().getType().getDimSize(1);
    SmallVector<Value> scaled;
    for (auto [i, value] : llvm::enumerate(adaptor.getValue())) {
      int64_t column = getFragmentPlace(i, columns).column;
      scaled.push_back(arith::MulFOp::create(
          rewriter, op.getLoc(), value,
          adaptor.getColumns()[column / 8 * 2 + column % 2]));
    }
    rewriter.replaceOpWithMultiple(op, {scaled});
    return success();
  }
};

/// Where the registers of some columns of a tile begin among those of all, and
/// how many there are; nothing if `part` at `offsets` is not that.
static std::optional<std::pair<int64_t, int64_t>>
getRegistersOfColumns(VectorType whole, VectorType part, ArrayAttr offsets) {
  auto offset = [&](int64_t i) {
    return cast<IntegerAttr>(offsets[i]).getInt();
  };
  if (whole.getRank() != 2 || part.getRank() != 2 || offsets.size() != 2 ||
      whole.getDimSize(0) != kWarpgroupRows ||
      part.getDimSize(0) != kWarpgroupRows || offset(1) % kColumnGroup != 0 ||
      part.getDimSize(1) % kColumnGroup != 0)
    return std::nullopt;
  // 16-bit elements are packed in pairs.
  int64_t columns = whole.getElementTypeBitWidth() == 16 ? 4 : 2;
  return std::pair(offset(1) / columns, part.getDimSize(1) / columns);
}

struct RegistersOfColumns : OpConversionPattern<vector::ExtractStridedSliceOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vector::ExtractStridedSliceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto range =
        getRegistersOfColumns(cast<VectorType>(op.getSource().getType()),
                              cast<VectorType>(op.getType()), op.getOffsets());
    if (!range)
      return rewriter.notifyMatchFailure(op, "does not take whole columns");
    rewriter.replaceOpWithMultiple(
        op, {adaptor.getSource().slice(range->first, range->second)});
    return success();
  }
};

struct InsertedRegisters : OpConversionPattern<vector::InsertStridedSliceOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(vector::InsertStridedSliceOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto range = getRegistersOfColumns(
        op.getDestVectorType(), op.getSourceVectorType(), op.getOffsets());
    if (!range)
      return rewriter.notifyMatchFailure(op, "does not set whole columns");
    SmallVector<Value> registers(adaptor.getDest());
    llvm::copy(adaptor.getValueToStore(), registers.begin() + range->first);
    rewriter.replaceOpWithMultiple(op, {registers});
    return success();
  }
};

struct AnchoredScalars : OpConversionPattern<AnchorOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(AnchorOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(
        op, {ptx::anchor(rewriter, op.getLoc(), adaptor.getValue())});
    return success();
  }
};
} // namespace

void hopper::populateElementwisePatterns(const TypeConverter &converter,
                                         RewritePatternSet &patterns) {
  patterns
      .add<ScalarsOfElementwise, ScalarOfConstant, PairsOfTruncF, ScalarsOfExtF,
           SelectedScalars, ScaledRows, AddedRows, ScaledColumns,
           AnchoredScalars, RegistersOfColumns, InsertedRegisters>(
          converter, patterns.getContext());
}
