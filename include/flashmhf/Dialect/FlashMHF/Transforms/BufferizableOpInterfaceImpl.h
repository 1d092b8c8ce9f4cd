//===- BufferizableOpInterfaceImpl.h - Bufferization of mhffn ---*- C++ -*-===//
//
/// \file
/// Registration of the bufferization models of the dialect.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
#define FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H

namespace mlir {
class DialectRegistry;

namespace flashmhf {

/// Lets one-shot-bufferize handle the operations of the dialect.
void registerBufferizableOpInterfaceExternalModels(DialectRegistry &registry);

} // namespace flashmhf
} // namespace mlir

#endif // FLASHMHF_DIALECT_FLASHMHF_TRANSFORMS_BUFFERIZABLEOPINTERFACEIMPL_H
