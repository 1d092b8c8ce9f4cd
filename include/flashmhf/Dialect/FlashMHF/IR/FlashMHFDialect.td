//===- FlashMHFDialect.td - The flashmhf dialect ----------*- tablegen -*-===//
//
// The dialect itself.
//
//===----------------------------------------------------------------------===//

#ifndef FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFDIALECT_TD
#define FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFDIALECT_TD

include "mlir/IR/OpBase.td"

def FlashMHF_Dialect : Dialect {
  let name = "flashmhf";
  let cppNamespace = "::mlir::flashmhf";
  let summary = "The multi-head feed-forward network as one operation";
  let description = [{
    `flashmhf` says *what* is computed: `flashmhf.mhffn` is a multi-head
    feed-forward network on tensors or memrefs. It accumulates into its
    destination, so tiling over tokens, heads, sub-networks or their width
    yields the same operation on smaller operands. How a tile is computed on a
    given machine is the business of the dialects below it.
  }];
  // What tiling, decomposition and canonicalization create.
  let dependentDialects = [
    "affine::AffineDialect", "arith::ArithDialect", "linalg::LinalgDialect",
    "math::MathDialect", "memref::MemRefDialect", "tensor::TensorDialect"
  ];
  let useDefaultAttributePrinterParser = 1;
  let hasConstantMaterializer = 1;
  let extraClassDeclaration = [{
    void registerAttributes();
  }];
}

#endif // FLASHMHF_DIALECT_FLASHMHF_IR_FLASHMHFDIALECT_TD
