//===- TensorMaps.cpp - Tensor maps as arguments of kernels ---------------===//

#include "TensorMaps.h"

#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/Dialect/Hopper/Transforms/Passes.h"

#include "mlir/Dialect/Arith/IR/Arith.h"
#include "mlir/Dialect/LLVMIR/LLVMDialect.h"
#include "mlir/Dialect/SCF/IR/SCF.h"

using namespace mlir;
using namespace mlir::hopper;

LogicalResult hopper::lowerTensorMaps(gpu::GPUFuncOp func,
                                      DenseMap<Value, TensorMapType> &maps) {
  Builder b(func.getContext());
  auto pointer = LLVM::LLVMPointerType::get(func.getContext());
  SmallVector<Type> types(func.getArgumentTypes());
  for (auto [i, type] : llvm::enumerate(types)) {
    if (!isa<TensorMapType>(type))
      continue;
    // Their numbers must outlast the expansion of memref arguments.
    if (maps.size() != i)
      return func.emitOpError("takes tensor map ")
             << i << " after an argument of another kind; tensor maps come "
             << "first";
    maps[func.getArgument(i)] = cast<TensorMapType>(type);
    type = pointer;
    func.getArgument(i).setType(pointer);
  }
  func.setFunctionType(b.getFunctionType(types, {}));
  func->setAttr(kTensorMapsAttrName, b.getI64IntegerAttr(maps.size()));
  return success();
}

/// Whether a block has few steps: a piece, or one that reads its weights once.
static bool isShort(gpu::GPUFuncOp func) {
  flashmhf::ScheduleAttr schedule = getSchedule(func);
  if (schedule && schedule.getSplit() > 1)
    return true;
  WalkResult result = func.walk([](PutOp put) {
    return put.getEvictFirst() ? WalkResult::interrupt()
                               : WalkResult::advance();
  });
  return result.wasInterrupted();
}

/// The intrinsic would be printed twice, for each of two address spaces.
static void prefetch(OpBuilder &b, Location loc, Value map) {
  LLVM::InlineAsmOp::create(
      b, loc, TypeRange(), map, "prefetch.tensormap [$0];", "l",
      /*has_side_effects=*/true, /*is_align_stack=*/false,
      LLVM::TailCallKind::None,
      LLVM::AsmDialectAttr::get(b.getContext(), LLVM::AsmDialect::AD_ATT),
      /*operand_attrs=*/ArrayAttr());
}

void hopper::prefetchTensorMaps(OpBuilder &b, gpu::GPUFuncOp func,
                                int64_t thread) {
  auto count = func->getAttrOfType<IntegerAttr>(kTensorMapsAttrName);
  if (!count || !isShort(func))
    return;
  OpBuilder::InsertionGuard guard(b);
  Location loc = func.getLoc();
  Value number = gpu::ThreadIdOp::create(b, loc, gpu::Dimension::x);
  Value isIt =
      arith::CmpIOp::create(b, loc, arith::CmpIPredicate::eq, number,
                            arith::ConstantIndexOp::create(b, loc, thread));
  auto ifOp = scf::IfOp::create(b, loc, isIt, /*withElseRegion=*/false);
  b.setInsertionPointToStart(ifOp.thenBlock());
  for (Value map : func.getArguments().take_front(count.getInt()))
    prefetch(b, loc, map);
}
