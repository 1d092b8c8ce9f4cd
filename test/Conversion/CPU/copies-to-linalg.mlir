// RUN: flashmhf-opt %s --flashmhf-copies-to-linalg | FileCheck %s

// CHECK-LABEL: func @copy
//  CHECK-SAME: %[[A:.*]]: memref<?x8xf32, strided<[?, 1]>>, %[[B:.*]]: memref
//   CHECK-NOT: memref.copy
//       CHECK: linalg.generic {{.*}} ins(%[[A]] : {{.*}}) outs(%[[B]] :
func.func @copy(%a: memref<?x8xf32, strided<[?, 1]>>, %b: memref<?x8xf32>) {
  memref.copy %a, %b : memref<?x8xf32, strided<[?, 1]>> to memref<?x8xf32>
  return
}
