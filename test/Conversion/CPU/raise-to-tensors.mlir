// RUN: flashmhf-opt %s --flashmhf-raise-to-tensors | FileCheck %s

// CHECK-LABEL: func @memrefs
//  CHECK-SAME: %[[Q:.*]]: memref<1x2x8x16xf32>, %[[K:.*]]: memref<2x1x4x16xf32>, %[[O:.*]]: memref
func.func @memrefs(%q: memref<1x2x8x16xf32>, %k: memref<2x1x4x16xf32>,
                   %o: memref<1x2x8x16xf32, strided<[?, ?, ?, 1]>>) {
  // K serves as V too: one tensor.
  // CHECK-DAG: %[[TQ:.*]] = bufferization.to_tensor %[[Q]] restrict :
  // CHECK-DAG: %[[TK:.*]] = bufferization.to_tensor %[[K]] restrict :
  // CHECK-DAG: %[[TO:.*]] = bufferization.to_tensor %[[O]] restrict writable
  // CHECK: %[[R:.*]] = flashmhf.mhffn relu ins(%[[TQ]], %[[TK]], %[[TK]] :
  // CHECK-SAME: outs(%[[TO]] : tensor<1x2x8x16xf32>) -> tensor<1x2x8x16xf32>
  // CHECK: bufferization.materialize_in_destination %[[R]] in restrict writable %[[O]]
  flashmhf.mhffn relu ins(%q, %k, %k : memref<1x2x8x16xf32>, memref<2x1x4x16xf32>, memref<2x1x4x16xf32>)
    outs(%o : memref<1x2x8x16xf32, strided<[?, ?, ?, 1]>>)
  return
}
