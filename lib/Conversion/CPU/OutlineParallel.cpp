//===- OutlineParallel.cpp - Parallel loops as functions ------------------===//
//
/// \file
/// In: scf.forall on buffers, none inside another. Out: one private function
/// per loop that runs a range of its iterations, and a call of the runtime's
/// parallel loop in its place. Values that the body captures cross as fields of
/// a structure on the caller's stack, in their LLVM types; constants are
/// cloned.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"

#include "mlir/Conversion/LLVMCommon/TypeConverter.h"
#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/Matchers.h"
#include "mlir/IR/SymbolTable.h"
#include "mlir/Transforms/RegionUtils.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFOUTLINEPARALLEL
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

static constexpr StringLiteral kParallelFor = "flashmhf_parallel_for";

/// Types of a body: (begin, end, context).
static FunctionType getBodyType(MLIRContext *context) {
  Type index = IndexType::get(context);
  return FunctionType::get(
      context, {index, index, LLVM::LLVMPointerType::get(context)}, {});
}

/// Number of iterations along each dimension: ceil((upper - lower) / step), and
/// 0 where that is negative.
static SmallVector<Value> makeTripCounts(OpBuilder &builder,
                                         scf::ForallOp loop) {
  Location loc = loop.getLoc();
  Value zero = arith::ConstantIndexOp::create(builder, loc, 0);
  SmallVector<Value> counts;
  for (auto [lower, upper, step] :
       llvm::zip_equal(loop.getMixedLowerBound(), loop.getMixedUpperBound(),
                       loop.getMixedStep())) {
    Value extent = builder.createOrFold<arith::SubIOp>(
        loc, getValueOrCreateConstantIndexOp(builder, loc, upper),
        getValueOrCreateConstantIndexOp(builder, loc, lower));
    Value count = builder.createOrFold<arith::CeilDivSIOp>(
        loc, extent, getValueOrCreateConstantIndexOp(builder, loc, step));
    counts.push_back(builder.createOrFold<arith::MaxSIOp>(loc, count, zero));
  }
  return counts;
}

namespace {
/// The values that a loop takes from outside, as fields of a structure.
struct Captures {
  SmallVector<Value> values;
  LLVM::LLVMStructType type;

  /// Fails where a captured value has no LLVM type.
  static FailureOr<Captures> get(scf::ForallOp loop, ValueRange extra);
  Value store(OpBuilder &builder, scf::ForallOp loop) const;
  void load(OpBuilder &builder, Location loc, Value pointer,
            IRMapping &mapping) const;
};
} // namespace

FailureOr<Captures> Captures::get(scf::ForallOp loop, ValueRange extra) {
  llvm::SetVector<Value> captured;
  getUsedValuesDefinedAbove(loop.getRegion(), captured);
  captured.insert_range(loop.getDynamicLowerBound());
  captured.insert_range(loop.getDynamicStep());
  captured.insert_range(extra);

  Captures result;
  LLVMTypeConverter converter(loop.getContext());
  SmallVector<Type> types;
  for (Value value : captured) {
    Type type = converter.convertType(value.getType());
    if (!type || isa<TensorType>(value.getType()))
      return loop.emitOpError("cannot pass a value of type ")
             << value.getType() << " to a parallel function";
    // Constants are cheaper made again, and keep bounds static.
    if (matchPattern(value, m_Constant()))
      continue;
    result.values.push_back(value);
    types.push_back(type);
  }
  result.type = LLVM::LLVMStructType::getLiteral(loop.getContext(), types);
  return result;
}

Value Captures::store(OpBuilder &builder, scf::ForallOp loop) const {
  Location loc = loop.getLoc();
  auto pointer = LLVM::LLVMPointerType::get(loop.getContext());
  // In the entry block: a loop around this one must not grow the stack.
  OpBuilder::InsertionGuard guard(builder);
  auto function = loop->getParentOfType<func::FuncOp>();
  OpBuilder entry = OpBuilder::atBlockBegin(&function.front());
  Value one = LLVM::ConstantOp::create(entry, loc, entry.getI64Type(), 1);
  Value structure = LLVM::AllocaOp::create(entry, loc, pointer, type, one);
  for (auto [i, value] : llvm::enumerate(values)) {
    Type field = type.getBody()[i];
    Value converted = value;
    if (field != value.getType())
      converted = UnrealizedConversionCastOp::create(builder, loc, field, value)
                      .getResult(0);
    Value address =
        LLVM::GEPOp::create(builder, loc, pointer, type, structure,
                            ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
    LLVM::StoreOp::create(builder, loc, converted, address);
  }
  return structure;
}

void Captures::load(OpBuilder &builder, Location loc, Value pointer,
                    IRMapping &mapping) const {
  for (auto [i, value] : llvm::enumerate(values)) {
    Type field = type.getBody()[i];
    Value address =
        LLVM::GEPOp::create(builder, loc, pointer.getType(), type, pointer,
                            ArrayRef<LLVM::GEPArg>{0, static_cast<int32_t>(i)});
    Value loaded = LLVM::LoadOp::create(builder, loc, field, address);
    if (field != value.getType())
      loaded = UnrealizedConversionCastOp::create(builder, loc, value.getType(),
                                                  loaded)
                   .getResult(0);
    mapping.map(value, loaded);
  }
}

/// The function that runs the iterations [begin, end) of `loop`.
static func::FuncOp makeBody(scf::ForallOp loop, const Captures &captures,
                             ArrayRef<Value> counts, StringRef name,
                             SymbolTable &symbols) {
  Location loc = loop.getLoc();
  OpBuilder builder(loop.getContext());
  auto function =
      func::FuncOp::create(loc, name, getBodyType(loop.getContext()));
  function.setPrivate();
  symbols.insert(function);
  Block *entry = function.addEntryBlock();
  builder.setInsertionPointToStart(entry);

  IRMapping mapping;
  captures.load(builder, loc, entry->getArgument(2), mapping);
  auto lookUp = [&](Value value) -> Value {
    if (Value mapped = mapping.lookupOrNull(value))
      return mapped;
    Operation *constant = builder.clone(*value.getDefiningOp());
    Value copy = constant->getResult(cast<OpResult>(value).getResultNumber());
    mapping.map(value, copy);
    return copy;
  };
  llvm::SetVector<Value> used;
  getUsedValuesDefinedAbove(loop.getRegion(), used);
  for (Value value : used)
    lookUp(value);
  auto lookUpFold = [&](OpFoldResult fold) -> Value {
    if (auto value = dyn_cast<Value>(fold))
      return lookUp(value);
    return getValueOrCreateConstantIndexOp(builder, loc, fold);
  };
  SmallVector<Value> sizes, lower, steps;
  for (Value count : counts)
    sizes.push_back(lookUp(count));
  for (OpFoldResult bound : loop.getMixedLowerBound())
    lower.push_back(lookUpFold(bound));
  for (OpFoldResult step : loop.getMixedStep())
    steps.push_back(lookUpFold(step));

  Value one = arith::ConstantIndexOp::create(builder, loc, 1);
  auto range = scf::ForOp::create(builder, loc, entry->getArgument(0),
                                  entry->getArgument(1), one);
  func::ReturnOp::create(builder, loc);

  // The number of an iteration, taken apart from its last dimension.
  builder.setInsertionPointToStart(range.getBody());
  Value rest = range.getInductionVar();
  for (int64_t dim = loop.getRank() - 1; dim >= 0; --dim) {
    Value position = rest;
    if (dim > 0) {
      position = arith::RemSIOp::create(builder, loc, rest, sizes[dim]);
      rest = arith::DivSIOp::create(builder, loc, rest, sizes[dim]);
    }
    Value offset = arith::MulIOp::create(builder, loc, position, steps[dim]);
    mapping.map(loop.getInductionVar(dim),
                arith::AddIOp::create(builder, loc, lower[dim], offset));
  }
  for (Operation &op : loop.getBody()->without_terminator())
    builder.clone(op, mapping);
  return function;
}

namespace {
struct OutlineParallel
    : public flashmhf::impl::FlashMHFOutlineParallelBase<OutlineParallel> {
  void runOnOperation() override;

private:
  LogicalResult outline(scf::ForallOp loop, SymbolTable &symbols);
};
} // namespace

LogicalResult OutlineParallel::outline(scf::ForallOp loop,
                                       SymbolTable &symbols) {
  if (loop->getNumResults())
    return loop.emitOpError("must be on buffers to be outlined");
  auto parent = loop->getParentOfType<func::FuncOp>();
  OpBuilder builder(loop);
  Location loc = loop.getLoc();
  SmallVector<Value> counts = makeTripCounts(builder, loop);
  FailureOr<Captures> captures = Captures::get(loop, counts);
  if (failed(captures))
    return failure();

  func::FuncOp body = makeBody(loop, *captures, counts,
                               (parent.getName() + "_parallel").str(), symbols);
  Value total = counts.front();
  for (Value count : ArrayRef(counts).drop_front())
    total = arith::MulIOp::create(builder, loc, total, count);
  Value context = captures->store(builder, loop);
  Value pointer =
      func::ConstantOp::create(builder, loc, body.getFunctionType(),
                               FlatSymbolRefAttr::get(body.getSymNameAttr()));
  func::CallOp::create(builder, loc, TypeRange(), kParallelFor,
                       ValueRange{total, pointer, context});
  loop.erase();
  return success();
}

void OutlineParallel::runOnOperation() {
  ModuleOp module = getOperation();
  SmallVector<scf::ForallOp> loops;
  module.walk([&](scf::ForallOp loop) {
    // A loop inside another stays: its iterations run one after another.
    if (!loop->getParentOfType<scf::ForallOp>() &&
        loop->getParentOfType<func::FuncOp>() && loop.getRank() > 0)
      loops.push_back(loop);
  });
  if (loops.empty())
    return;

  SymbolTable symbols(module);
  if (!symbols.lookup(kParallelFor)) {
    MLIRContext *context = &getContext();
    FunctionType body = getBodyType(context);
    auto declaration = func::FuncOp::create(
        module.getLoc(), kParallelFor,
        FunctionType::get(
            context, {IndexType::get(context), body, body.getInput(2)}, {}));
    declaration.setPrivate();
    symbols.insert(declaration);
  }
  for (scf::ForallOp loop : loops)
    if (failed(outline(loop, symbols)))
      return signalPassFailure();
}
