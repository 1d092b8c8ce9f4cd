// RUN: flashmhf-opt %s --canonicalize | FileCheck %s

// CHECK-LABEL: func.func @router_of_ones
// CHECK-NOT: router
// CHECK: return
func.func @router_of_ones(%q: tensor<1x2x4x8xbf16>, %w: tensor<2x3x16x8xbf16>, %e: tensor<1x2x4x3xf32>) -> tensor<1x2x4x8xbf16> {
  %ones = arith.constant dense<1.0> : tensor<1x2x4x3xf32>
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) router(%ones : tensor<1x2x4x3xf32>) outs(%q : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  %one = arith.constant 1.0 : f32
  %filled = linalg.fill ins(%one : f32) outs(%e : tensor<1x2x4x3xf32>) -> tensor<1x2x4x3xf32>
  %1 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) up(%w : tensor<2x3x16x8xbf16>) router(%filled : tensor<1x2x4x3xf32>) outs(%0 : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  return %1 : tensor<1x2x4x8xbf16>
}

// CHECK-LABEL: func.func @other_router
// CHECK-COUNT-3: router(
func.func @other_router(%q: tensor<1x2x4x8xbf16>, %w: tensor<2x3x16x8xbf16>, %e: tensor<1x2x4x3xf32>) -> tensor<1x2x4x8xbf16> {
  %twos = arith.constant dense<2.0> : tensor<1x2x4x3xf32>
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) router(%twos : tensor<1x2x4x3xf32>) outs(%q : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  %zero = arith.constant 0.0 : f32
  %filled = linalg.fill ins(%zero : f32) outs(%e : tensor<1x2x4x3xf32>) -> tensor<1x2x4x3xf32>
  %1 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) router(%filled : tensor<1x2x4x3xf32>) outs(%0 : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  %2 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) router(%e : tensor<1x2x4x3xf32>) outs(%1 : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  return %2 : tensor<1x2x4x8xbf16>
}

// CHECK-LABEL: func.func @empty_sum
// CHECK-SAME: %[[O:[^:]*]]: tensor<1x2x?x8xbf16>)
// CHECK-NEXT: return %[[O]]
func.func @empty_sum(%q: tensor<1x2x?x8xbf16>, %w: tensor<2x3x0x8xbf16>, %o: tensor<1x2x?x8xbf16>) -> tensor<1x2x?x8xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x?x8xbf16>, tensor<2x3x0x8xbf16>, tensor<2x3x0x8xbf16>) outs(%o : tensor<1x2x?x8xbf16>) -> tensor<1x2x?x8xbf16>
  return %0 : tensor<1x2x?x8xbf16>
}

// CHECK-LABEL: func.func @empty_memrefs
// CHECK-NEXT: return
func.func @empty_memrefs(%q: memref<1x2x0x8xbf16>, %w: memref<2x3x16x8xbf16>, %o: memref<1x2x0x8xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<1x2x0x8xbf16>, memref<2x3x16x8xbf16>, memref<2x3x16x8xbf16>) outs(%o : memref<1x2x0x8xbf16>)
  return
}

// CHECK-LABEL: func.func @memref_cast
// CHECK-NOT: memref.cast
// CHECK: flashmhf.mhffn silu ins(%{{.*}} : memref<1x2x4x8xbf16>, memref<2x3x16x8xbf16>, memref<2x3x16x8xbf16>)
func.func @memref_cast(%q: memref<1x2x4x8xbf16>, %w: memref<2x3x16x8xbf16>, %o: memref<1x2x4x8xbf16>) {
  %qd = memref.cast %q : memref<1x2x4x8xbf16> to memref<?x2x?x8xbf16>
  %wd = memref.cast %w : memref<2x3x16x8xbf16> to memref<2x?x?x8xbf16>
  flashmhf.mhffn silu ins(%qd, %wd, %wd : memref<?x2x?x8xbf16>, memref<2x?x?x8xbf16>, memref<2x?x?x8xbf16>) outs(%o : memref<1x2x4x8xbf16>)
  return
}

// CHECK-LABEL: func.func @tensor_cast
// CHECK: %[[T:.*]] = flashmhf.mhffn {{.*}} outs(%{{.*}} : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
// CHECK: tensor.cast %[[T]] : tensor<1x2x4x8xbf16> to tensor<1x2x?x8xbf16>
func.func @tensor_cast(%q: tensor<1x2x4x8xbf16>, %w: tensor<2x3x16x8xbf16>) -> tensor<1x2x?x8xbf16> {
  %qd = tensor.cast %q : tensor<1x2x4x8xbf16> to tensor<1x2x?x8xbf16>
  %0 = flashmhf.mhffn silu ins(%qd, %w, %w : tensor<1x2x?x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) outs(%qd : tensor<1x2x?x8xbf16>) -> tensor<1x2x?x8xbf16>
  return %0 : tensor<1x2x?x8xbf16>
}

// Of known sizes: two sequences of 33 tokens are 66, and two tiles of 64.

// CHECK-LABEL: func @pick_variant
// CHECK-DAG:     %[[ONE:.*]] = arith.constant 1 : index
// CHECK-DAG:     %[[TWO:.*]] = arith.constant 2 : index
// CHECK-DAG:     %[[FIVE:.*]] = arith.constant 5 : index
// CHECK:         return %[[TWO]], %[[ONE]], %[[FIVE]]
func.func @pick_variant() -> (index, index, index) {
  %b = arith.constant 2 : index
  %l = arith.constant 33 : index
  %tokens = flashmhf.pick_variant %b, %l
      [#flashmhf.case<tokens = 65, tile = 64, tiles = 2, variant = 1>,
       #flashmhf.case<tokens = 66, tile = 64, tiles = 2, variant = 2>]
      otherwise 5
  %tiles = flashmhf.pick_variant %b, %l
      [#flashmhf.case<tokens = 66, tile = 128, tiles = 1, variant = 3>,
       #flashmhf.case<tokens = 66, tile = 128, tiles = 2, variant = 1>]
      otherwise 5
  %none = flashmhf.pick_variant %b, %l
      [#flashmhf.case<tokens = 66, tile = 32, tiles = 3, variant = 0>]
      otherwise 5
  return %tokens, %tiles, %none : index, index, index
}
