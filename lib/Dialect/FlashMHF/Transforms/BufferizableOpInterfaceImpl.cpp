//===- BufferizableOpInterfaceImpl.cpp - Bufferization -------------------===//
//
/// \file
/// mhffn and project on tensors become the same on buffers: they read all
/// operands and write the buffer of their init.
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
template <typename OpTy>
struct DestinationModel
    : DstBufferizableOpInterfaceExternalModel<DestinationModel<OpTy>, OpTy> {
  LogicalResult bufferize(Operation *op, RewriterBase &rewriter,
                          const BufferizationOptions &options,
                          BufferizationState &state) const {
    if (!op->getNumResults())
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
                                  cast<OpTy>(onBuffers).getInit());
    return success();
  }
};
} // namespace

void flashmhf::registerBufferizableOpInterfaceExternalModels(
    DialectRegistry &registry) {
  registry.addExtension(+[](MLIRContext *context, FlashMHFDialect *) {
    MHFFNOp::attachInterface<DestinationModel<MHFFNOp>>(*context);
    ProjectOp::attachInterface<DestinationModel<ProjectOp>>(*context);
  });
}
