//===- BufferizableOpInterfaceImpl.cpp - Bufferization of mhffn -----------===//
//
/// \file
/// mhffn on tensors becomes mhffn on buffers: it reads all operands and writes
/// the buffer of its init.
//
//===----------------------------------------------------------------------===//

#include "flashmhf/Dialect/FlashMHF/Transforms/BufferizableOpInterfaceImpl.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFOps.h"

#include "mlir/Dialect/Bufferization/IR/BufferizableOpInterface.h"
#include "mlir/Dialect/Bufferization/IR/DstBufferizableOpInterfaceImpl.h"

using namespace mlir;
using namespace mlir::bufferization;
using namespace mlir::flashmhf;

namespace {
struct MHFFNOpModel
    : DstBufferizableOpInterfaceExternalModel<MHFFNOpModel, MHFFNOp> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    auto mhffn = cast<MHFFNOp>(op);
    if (!mhffn.getResult())
      return success();
    rewriter.setInsertionPoint(op);
    SmallVector<Value> buffers;
    for (Value operand : op->getOperands()) {
      FailureOr<Value> buffer = getBuffer(rewriter, operand, options, state);
      if (failed(buffer))
        return failure();
      buffers.push_back(*buffer);
    }
    Operation *onBuffers = clone(rewriter, op, TypeRange(), buffers);
    replaceOpWithBufferizedValues(rewriter, op,
                                  cast<MHFFNOp>(onBuffers).getInit());
    return success();
  }
};
} // namespace

void flashmhf::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FlashMHFDialect *) {
    MHFFNOp::attachInterface<MHFFNOpModel>(*context);
  });
}
