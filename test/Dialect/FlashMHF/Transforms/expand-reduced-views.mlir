// RUN: flashmhf-opt %s --flashmhf-expand-reduced-views | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-to-cpu | FileCheck %s --check-prefix=CPU

!five = memref<2x1x1x16x16xf32, strided<[256, ?, 256, 16, 1], offset: ?>>
!four = memref<1x1x16x16xf32, strided<[1792, ?, 16, 1], offset: ?>>
!q = memref<1x1x8x16xf32>

// Three dimensions of one element, of which the last is dropped: 7 times the
// source's stride is no stride of the source's.

// CHECK-LABEL: func @step
//  CHECK-SAME: %[[W:.*]]: memref<2x1x1x16x16xf32,
//       CHECK: %[[FULL:.*]] = memref.subview %[[W]][0, 0, 0, 0, 0] [1, 1, 1, 16, 16] [7, 1, 1, 1, 1] : {{.*}} to memref<1x1x1x16x16xf32, strided<[1792, ?, 256, 16, 1], offset: ?>>
//       CHECK: %[[BASE:.*]], %[[OFFSET:.*]], %{{.*}}:5, %[[STRIDES:.*]]:5 = memref.extract_strided_metadata %[[FULL]]
//       CHECK: %[[K:.*]] = memref.reinterpret_cast %[[BASE]] to offset: [%[[OFFSET]]], sizes: [1, 1, 16, 16], strides: [1792, %[[STRIDES]]#1, 16, 1]
//       CHECK: flashmhf.mhffn silu ins(%{{.*}}, %[[K]], %[[K]]

// CPU-LABEL: llvm.func @step
func.func @step(%w: !five, %q: !q, %o: !q) {
  %k = memref.subview %w[0, 0, 0, 0, 0] [1, 1, 1, 16, 16] [7, 1, 1, 1, 1] : !five to !four
  flashmhf.mhffn silu ins(%q, %k, %k : !q, !four, !four) outs(%o : !q)
  return
}

// The size in the middle is kept; all strides are alike.

!any = memref<1x?x16x16xf32, strided<[256, 256, 16, 1], offset: ?>>

// CHECK-LABEL: func @sizes
//       CHECK: memref.extract_strided_metadata
//       CHECK: memref.reinterpret_cast %{{.*}} sizes: [1, %{{.*}}#1, 16, 16], strides: [256, 256, 16, 1]

// CPU-LABEL: llvm.func @sizes
func.func @sizes(%w: memref<1x1x1x16x16xf32>, %q: !q, %o: !q, %n: index) {
  %k = memref.subview %w[%n, 0, 0, 0, 0] [1, %n, 1, 16, 16] [1, 1, 1, 1, 1] : memref<1x1x1x16x16xf32> to !any
  flashmhf.mhffn silu ins(%q, %k, %k : !q, !any, !any) outs(%o : !q)
  return
}

// All dimensions of one element are dropped: nothing to find out.

// CHECK-LABEL: func @known
//   CHECK-NOT: reinterpret_cast
//       CHECK: return
func.func @known(%w: memref<3x2x4x16x16xf32>) -> memref<2x4x16x16xf32, strided<[1024, 256, 16, 1]>> {
  %k = memref.subview %w[0, 0, 0, 0, 0] [1, 2, 4, 16, 16] [7, 1, 1, 1, 1] : memref<3x2x4x16x16xf32> to memref<2x4x16x16xf32, strided<[1024, 256, 16, 1]>>
  return %k : memref<2x4x16x16xf32, strided<[1024, 256, 16, 1]>>
}

// Bufferization makes such views of slices.

!t = tensor<1x?x16x16xf32>

// CPU-LABEL: llvm.func @slice
func.func @slice(%w: tensor<15x3x1x16x16xf32>, %q: tensor<1x1x8x16xf32>, %o: tensor<1x1x8x16xf32>, %n: index) -> tensor<1x1x8x16xf32> {
  %k = tensor.extract_slice %w[0, 0, 0, 0, 0] [1, %n, 1, 16, 16] [7, 1, 1, 1, 1] : tensor<15x3x1x16x16xf32> to !t
  %0 = flashmhf.mhffn silu ins(%q, %k, %k : tensor<1x1x8x16xf32>, !t, !t) outs(%o : tensor<1x1x8x16xf32>) -> tensor<1x1x8x16xf32>
  return %0 : tensor<1x1x8x16xf32>
}
