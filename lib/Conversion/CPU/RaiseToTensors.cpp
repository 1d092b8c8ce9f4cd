//===- RaiseToTensors.cpp - mhffn on memrefs, put between tensors ---------===//
//
/// \file
/// In: mhffn on memrefs. Out: the same on tensors, read from and written to the
/// memrefs. An operand that two roles share is one tensor.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Conversion/CPU/Passes.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Bufferization/IR/Bufferization.h"
#include "mlir/Dialect/MemRef/IR/MemRef.h"
#include "mlir/IR/Builders.h"

namespace mlir::flashmhf {
#define GEN_PASS_DEF_FLASHMHFRAISETOTENSORS
#include "flashmhf/Conversion/CPU/Passes.h.inc"
} // namespace mlir::flashmhf

using namespace mlir;
using namespace mlir::flashmhf;

static void raise(MHFFNOp op) {
  OpBuilder builder(op);
  Location loc = op.getLoc();
  DenseMap<Value, Value> tensors;
  for (OpOperand &operand : op->getOpOperands()) {
    Value memref = operand.get();
    Value &tensor = tensors[memref];
    if (!tensor)
      tensor = bufferization::ToTensorOp::create(
          builder, loc, memref::getTensorTypeFromMemRefType(memref.getType()),
          memref, /*restrict=*/true, /*writable=*/op.isDpsInit(&operand));
  }
  auto lookUp = [&](Value memref) {
    return memref ? tensors.lookup(memref) : Value();
  };
  auto raised = MHFFNOp::create(
      builder, loc, op.getActivation(), lookUp(op.getQ()), lookUp(op.getK()),
      lookUp(op.getU()), lookUp(op.getV()), lookUp(op.getR()),
      lookUp(op.getInit()), op.getScheduleAttr());
  auto store = bufferization::MaterializeInDestinationOp::create(
      builder, loc, raised.getResult(), op.getInit());
  store.setRestrict(true);
  store.setWritable(true);
  op.erase();
}

namespace {
struct RaiseToTensors
    : public flashmhf::impl::FlashMHFRaiseToTensorsBase<RaiseToTensors> {
  void runOnOperation() override {
    getOperation()->walk([](MHFFNOp op) {
      if (!op.getResult())
        raise(op);
    });
  }
};
} // namespace
