//===- Distribute.cpp - Spread vectors over the threads of a warpgroup ----===//
//
/// \file
/// In: vectors of 64 rows, products, waits, slots as hopper.slot_at. Out:
/// scalars of one thread. Thread t of a warpgroup (warp w = t / 32, lane l)
/// holds rows 16 w + l / 4 and that + 8; of each group of 8 columns it holds
/// columns 2 (l % 4) and the next one. In order: for each group, the two
/// elements of the first row, then those of the second (PTX ISA, "Register
/// Fragments for wgmma.mma_async.m64nNk16", accumulator D). Vectors of more
/// rows are one such tile after another, those of one row have the columns
/// only.
//
//===----------------------------------------------------------------------===//

#include "Elementwise.h"
#include "Fragment.h"
#include "Pieces.h"
#include "Products.h"
#include "Pushes.h"

#include "flashmhf/Conversion/Passes.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/GPU/IR/GPUDialect.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/LLVMIR/NVVMDialect.h"
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
      (type.getDimSize(0) % kWarpgroupRows != 0 && type.getDimSize(0) != 1))
    return std::nullopt;
  if (type.getRank() == 1) {
    if (!element.isF32() || type.getDimSize(0) != kWarpgroupRows)
      return std::nullopt;
    types.append(2, b.getF32Type());
    return success();
  }
  int64_t columns = type.getDimSize(1);
  if (columns % 8 != 0)
    return std::nullopt;
  int64_t tiles = type.getDimSize(0) / kWarpgroupRows;
  if (tiles == 0 && element.isF32())
    types.append(columns / 4, b.getF32Type());
  else if (element.isF32())
    types.append(tiles * columns / 2, b.getF32Type());
  else if (tiles > 0 && (element.isBF16() || element.isF16()))
    types.append(tiles * columns / 4, b.getI32Type());
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

struct LoadsOfColumns : OpConversionPattern<LoadColumnsOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LoadColumnsOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    rewriter.replaceOpWithMultiple(
        op, {loadColumns(rewriter, op.getLoc(), op.getSource(), op.getIndices(),
                         op.getColumns().getType().getDimSize(1))});
    return success();
  }
};

struct LoadsOfFragment : OpConversionPattern<LoadOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(LoadOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto load = op.getTransposed() ? loadTransposed : loadFragment;
    rewriter.replaceOpWithMultiple(
        op, {load(rewriter, op.getLoc(), op.getSource(), op.getIndices(),
                  op.getValue().getType())});
    return success();
  }
};

struct StoresOfFragment : OpConversionPattern<StoreOp> {
  using OpConversionPattern::OpConversionPattern;

  LogicalResult
  matchAndRewrite(StoreOp op, OneToNOpAdaptor adaptor,
                  ConversionPatternRewriter &rewriter) const override {
    auto store = op.getTransposed() ? storeTransposed : storeFragment;
    store(rewriter, op.getLoc(), adaptor.getValue(), op.getDest(),
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
    // Only transposed tiles have more rows than those of one instruction.
    bool isTile = isa<LoadOp, StoreOp, StorePartialOp, SumSharesOp, RowScaleOp,
                      AddScaledOp>(op) &&
                  !op->hasAttr("transposed");
    if (auto product = dyn_cast<WgmmaOp>(op))
      isTile = !product.getTransposeA();
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
        if (vector && (!convertVector(vector, registers) ||
                       (isTile && vector.getDimSize(0) > kWarpgroupRows)))
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
    patterns.add<LoadsOfRows, LoadsOfColumns, LoadsOfFragment, StoresOfFragment,
                 WaitOfGrid, LaunchOfGrids>(converter, context);
    populateElementwisePatterns(converter, patterns);
    populateProductPatterns(converter, patterns);
    populatePiecePatterns(converter, patterns);
    populatePartPatterns(converter, patterns);
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
