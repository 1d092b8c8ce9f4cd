//===- Distribute.cpp - Spread vectors over the threads of a warpgroup ----===//
//
/// \file
/// In: vectors of 64 rows, products, waits, slots as hopper.slot_at. Out:
/// scalars of one thread. Thread t of a warpgroup (warp w = t / 32, lane l)
/// holds rows 16 w + l / 4 and that + 8; of each group of 8 columns it holds
/// columns 2 (l % 4) and the next one. In order: for each group, the two
/// elements of the first row, then those of the second (PTX ISA, "Register
/// Fragments for wgmma.mma_async.m64nNk16", accumulator D).
//
//===----------------------------------------------------------------------===//

#include "Fragment.h"
#include "PTX.h"
#include "Pieces.h"
#include "Products.h"
#include "Pushes.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
#include "mlir/Dialect/Math/IR/Math.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/Dialect/SCF/Transforms/Patterns.h"
#include "mlir/Transforms/DialectConversion.h"

namespace mlir::hopper {
#define GEN_PASS_DEF_HOPPERDISTRIBUTE
#include "flashmhf/Conversion/Passes.h.inc"
} // namespace mlir::hopper

using namespace mlir;
using namespace mlir::hopper;

//===----------------------------------------------------------------------===//
// Types
//===----------------------------------------------------------------------===//

static std::optional<LogicalResult>
convertVector(VectorType type, SmallVectorImpl<Type> &types) {
  Builder b(type.getContext());
  Type element = type.getElementType();
  if (type.getRank() < 1 || type.getRank() > 2 ||
      type.getDimSize(0) != kWarpgroupRows)
    return std::nullopt;
  if (type.getRank() == 1) {
    if (!element.isF32())
      return std::nullopt;
    types.append(2, b.getF32Type());
    return success();
  }
  int64_t columns = type.getDimSize(1);
  if (columns % 8 != 0)
    return std::nullopt;
  if (element.isF32())
    types.append(columns / 2, b.getF32Type());
  else if (element.isBF16() || element.isF16())
    types.append(columns / 4, b.getI32Type());
  else
    return std::nullopt;
  return success();
}

namespace {
class FragmentTypeConverter : public TypeConverter {
public:
  FragmentTypeConverter() {
    addConversion([](Type type) { return type; });
    addConversion(convertVector);
    // The address of the tile and of its empty barrier.
    addConversion([](SlotType type, SmallVectorImpl<Type> &types) {
      types.append(2, IntegerType::get(type.getContext(), 32));
      return success();
    });
    // The address of its rows and of its barrier.
    addConversion([](InboxType type, SmallVectorImpl<Type> &types) {
      types.append(2, IntegerType::get(type.getContext(), 32));
      return success();
    });
    // The accumulator, then the registers that the product still reads.
    addConversion(
        [](InflightType type,
           SmallVectorImpl<Type> &types) -> std::optional<LogicalResult> {
          auto converted = convertVector(type.getResult(), types);
          if (converted && type.getOperand())
            converted = convertVector(type.getOperand(), types);
          return converted;
        });
  }
};

//===----------------------------------------------------------------------===//
// Element-wise operations
//===----------------------------------------------------------------------===//

/// One scalar operation for each element of an f32 vector.
struct ScalarsOfElementwise : ConversionPattern {
  ScalarsOfElementwise(const TypeConverter &converter, MLIRContext *context)
      : ConversionPattern(converter, MatchAnyOpTypeTag(), 1, context) {}

  LogicalResult
  matchAndRewrite(Operation *op, ArrayRef<ValueRange> operands,
                  ConversionPatternRewriter &rewriter) const override {
    if (!OpTrait::hasElementwiseMappableTraits(op) || op->getNumResults() != 1)
      return rewriter.notifyMatchFailure(op, "is not element-wise");
    auto isF32Vector = [](Type type) {
      auto vector = dyn_cast<VectorType>(type);
      return vector && vector.getElementType().isF32();
    };
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
    auto type = dyn_cast<VectorType>(op.getType());
    if (!type || type.getElementTypeBitWidth() != 16 ||
        !getElementTypeOrSelf(op.getIn().getType()).isF32())
      return rewriter.notifyMatchFailure(op, "does not round f32 to 16 bits");
    ValueRange in = adaptor.getIn();
    SmallVector<Value> pairs;
    for (size_t i = 0; i < in.size(); i += 2)
      pairs.push_back(ptx::pack(rewriter, op.getLoc(), in[i], in[i + 1],
                                type.getElementType()));
    rewriter.replaceOpWithMultiple(op, {pairs});
    return success();
  }
};

struct ScalarsOfExtF : OpConversionPattern<arith::ExtFOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(arith::ExtFOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto type = dyn_cast<VectorType>(op.getIn().getType());
    if (!type || type.getElementTypeBitWidth() != 16)
      return rewriter.notifyMatchFailure(op, "does not extend 16-bit vectors");
    auto pairType = VectorType::get({2}, type.getElementType());
    SmallVector<Value> scalars;
    for (Value pair : adaptor.getIn()) {
      Value vector =
          LLVM::BitcastOp::create(rewriter, op.getLoc(), pairType, pair);
      for (int64_t i : {0, 1}) {
        Value at = LLVM::ConstantOp::create(rewriter, op.getLoc(),
                                            rewriter.getI32IntegerAttr(i));
        Value half =
            LLVM::ExtractElementOp::create(rewriter, op.getLoc(), vector, at);
        scalars.push_back(arith::ExtFOp::create(rewriter, op.getLoc(),
                                                rewriter.getF32Type(), half));
      }
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

//===----------------------------------------------------------------------===//
// Global memory
//===----------------------------------------------------------------------===//

struct LoadsOfRows : OpConversionPattern<LoadRowsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LoadRowsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    Location loc = op.getLoc();
    SmallVector<Value> loaded;
    for (FragmentRow row :
         getFragmentRows(rewriter, loc, op.getSource(), op.getIndices()[2]))
      loaded.push_back(loadIfInside(rewriter, loc, op.getSource(),
                                    op.getIndices(), row, op.getIndices()[3]));
    rewriter.replaceOpWithMultiple(op, {loaded});
    return success();
  }
};

struct LoadsOfFragment : OpConversionPattern<LoadOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LoadOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(
        op, {loadFragment(rewriter, op.getLoc(), op.getSource(),
                          op.getIndices(), op.getValue().getType())});
    return success();
  }
};

struct StoresOfFragment : OpConversionPattern<StoreOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    storeFragment(rewriter, op.getLoc(), adaptor.getValue(), op.getDest(),
                  op.getIndices(), op.getValue().getType());
    rewriter.eraseOp(op);
    return success();
  }
};

//===----------------------------------------------------------------------===//
// Other kernels
//===----------------------------------------------------------------------===//

template <typename OpTy, NVVM::GridDepActionKind kind>
struct GridControl : OpConversionPattern<OpTy> {
  using OpConversionPattern<OpTy>::OpConversionPattern;

  LogicalResult
  matchAndRewrite(OpTy op, typename OpTy::Adaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithNewOp<NVVM::GriddepcontrolOp>(op, kind);
    return success();
  }
};
using WaitOfGrid =
    GridControl<WaitPredecessorOp, NVVM::GridDepActionKind::wait>;
using LaunchOfGrids =
    GridControl<LaunchDependentsOp, NVVM::GridDepActionKind::launch_dependents>;

/// Patterns rely on fragments; other vectors would pass through as they are.
static LogicalResult checkFragments(gpu::GPUFuncOp func) {
  WalkResult result = func.walk([&](Operation *op) -> WalkResult {
    if (!isa_and_present<HopperDialect>(op->getDialect()))
      return success();
    SmallVector<Type> types(op->getOperandTypes());
    llvm::append_range(types, op->getResultTypes());
    for (Type type : types) {
      VectorType vectors[] = {dyn_cast<VectorType>(type), {}};
      if (auto inflight = dyn_cast<InflightType>(type)) {
        vectors[0] = inflight.getResult();
        vectors[1] = inflight.getOperand();
      }
      SmallVector<Type> registers;
      for (VectorType vector : vectors)
        if (vector && !convertVector(vector, registers))
          return op->emitOpError("has ")
                 << vector << ", but a warpgroup holds vectors of "
                 << kWarpgroupRows
                 << " rows and a multiple of 8 columns of f32, f16 or bf16";
    }
    return success();
  });
  return failure(result.wasInterrupted());
}

struct HopperDistribute : hopper::impl::HopperDistributeBase<HopperDistribute> {
  void runOnOperation() override {
    MLIRContext *context = &getContext();
    FragmentTypeConverter converter;
    RewritePatternSet patterns(context);
    patterns.add<ScalarsOfElementwise, ScalarOfConstant, PairsOfTruncF,
                 ScalarsOfExtF, SelectedScalars, ScaledRows, AnchoredScalars,
                 LoadsOfRows, LoadsOfFragment, StoresOfFragment, WaitOfGrid,
                 LaunchOfGrids>(converter, context);
    populateProductPatterns(converter, patterns);
    populatePiecePatterns(converter, patterns);
    populatePushPatterns(converter, patterns);
    ConversionTarget target(*context);
    target.addIllegalDialect<HopperDialect>();
    target.markUnknownOpDynamicallyLegal(
        [&](Operation *op) { return converter.isLegal(op); });
    scf::populateSCFStructuralTypeConversionsAndLegality(converter, patterns,
                                                         target);
    FrozenRewritePatternSet frozen(std::move(patterns));
    getOperation()->walk([&](gpu::GPUFuncOp func) {
      if (failed(checkFragments(func)) ||
          failed(applyFullConversion(func, target, frozen)))
        signalPassFailure();
    });
  }
};
} // namespace
