// RUN: flashmhf-opt %s --flashmhf-decompose --split-input-file | FileCheck %s

// One head per KUV-head. The three products are summed in f32, A is rounded
// once, and the sum is rounded once into a bf16 init.

// CHECK-DAG: #[[$QMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d3, d5)>
// CHECK-DAG: #[[$KMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d2, d4, d5)>
// CHECK-DAG: #[[$SMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3, d4)>
// CHECK-DAG: #[[$ID:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d2, d3, d4)>
// CHECK-DAG: #[[$RMAP:.*]] = affine_map<(d0, d1, d2, d3, d4) -> (d0, d1, d3, d2)>
// CHECK-DAG: #[[$AMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d4, d2, d5)>
// CHECK-DAG: #[[$VMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d4, d5, d3)>
// CHECK-DAG: #[[$OMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)>

// CHECK-LABEL: func.func @tensors
// CHECK-SAME: %[[Q:[^:]*]]: tensor<?x8x?x16xbf16>, %[[K:[^:]*]]: {{[^,]*}}, %[[U:[^:]*]]: {{[^,]*}}, %[[V:[^:]*]]: {{[^,]*}}, %[[R:[^:]*]]: {{[^,]*}}, %[[O:[^:]*]]: tensor<?x8x?x16xbf16>)
// CHECK: %[[S:.*]] = linalg.generic {indexing_maps = [#[[$QMAP]], #[[$KMAP]], #[[$SMAP]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "parallel", "reduction"]} ins(%[[Q]], %[[K]] : {{.*}}) outs(%{{.*}} : tensor<?x8x3x?x32xf32>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: bf16, %[[Y:.*]]: bf16, %[[Z:.*]]: f32):
// CHECK-NEXT:   %[[XE:.*]] = arith.extf %[[X]]
// CHECK-NEXT:   %[[YE:.*]] = arith.extf %[[Y]]
// CHECK-NEXT:   %[[XY:.*]] = arith.mulf %[[XE]], %[[YE]] : f32
// CHECK-NEXT:   %[[ZZ:.*]] = arith.addf %[[Z]], %[[XY]] : f32
// CHECK-NEXT:   linalg.yield %[[ZZ]]
// CHECK: %[[T:.*]] = linalg.generic {indexing_maps = [#[[$QMAP]], #[[$KMAP]], #[[$SMAP]]], {{.*}}} ins(%[[Q]], %[[U]] : {{.*}}) outs(%{{.*}} : tensor<?x8x3x?x32xf32>)
// CHECK: %[[A:.*]] = linalg.generic {indexing_maps = [#[[$ID]], #[[$RMAP]], #[[$ID]], #[[$ID]]], {{.*}}} ins(%[[S]], %[[R]], %[[T]] : {{.*}}) outs(%{{.*}} : tensor<?x8x3x?x32xbf16>)
// CHECK-NEXT: ^bb0(%[[X:.*]]: f32, %[[Y:.*]]: f32, %[[Z:.*]]: f32, %{{.*}}: bf16):
// CHECK:        %[[NEG:.*]] = arith.negf %[[X]]
// CHECK-NEXT:   %[[EXP:.*]] = math.exp %[[NEG]]
// CHECK-NEXT:   %[[DEN:.*]] = arith.addf %{{.*}}, %[[EXP]]
// CHECK-NEXT:   %[[ACT:.*]] = arith.divf %[[X]], %[[DEN]]
// CHECK-NEXT:   %[[RACT:.*]] = arith.mulf %[[ACT]], %[[Y]]
// CHECK-NEXT:   %[[GATED:.*]] = arith.mulf %[[RACT]], %[[Z]]
// CHECK-NEXT:   %[[ROUNDED:.*]] = arith.truncf %[[GATED]] : f32 to bf16
// CHECK-NEXT:   linalg.yield %[[ROUNDED]]
// CHECK: %[[SUM:.*]] = linalg.generic {indexing_maps = [#[[$AMAP]], #[[$VMAP]], #[[$OMAP]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%[[A]], %[[V]] : {{.*}}) outs(%{{.*}} : tensor<?x8x?x16xf32>)
// CHECK: %[[OUT:.*]] = linalg.generic {{.*}} ins(%[[SUM]] : tensor<?x8x?x16xf32>) outs(%[[O]] : tensor<?x8x?x16xbf16>)
// CHECK:   arith.extf
// CHECK:   arith.addf
// CHECK:   arith.truncf
// CHECK: return %[[OUT]]
func.func @tensors(%q: tensor<?x8x?x16xbf16>, %k: tensor<8x3x32x16xbf16>, %u: tensor<8x3x32x16xbf16>, %v: tensor<8x3x32x16xbf16>, %r: tensor<?x8x?x3xf32>, %o: tensor<?x8x?x16xbf16>) -> tensor<?x8x?x16xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<?x8x?x16xbf16>, tensor<8x3x32x16xbf16>, tensor<8x3x32x16xbf16>) up(%u : tensor<8x3x32x16xbf16>) router(%r : tensor<?x8x?x3xf32>) outs(%o : tensor<?x8x?x16xbf16>) -> tensor<?x8x?x16xbf16>
  return %0 : tensor<?x8x?x16xbf16>
}

// -----

// An init of the accumulation type is summed into.

// CHECK-LABEL: func.func @memrefs
// CHECK-SAME: %[[Q:[^:]*]]: {{.*}}, %[[W:[^:]*]]: memref<1x1x32x16xf16>, %[[O:[^:]*]]: memref<1x1x?x16xf32>)
// CHECK: %[[S:.*]] = memref.alloc(%{{.*}}) : memref<1x1x1x?x32xf32>
// CHECK: linalg.fill {{.*}} outs(%[[S]] :
// CHECK: linalg.generic {{.*}} ins(%[[Q]], %[[W]] : {{.*}}) outs(%[[S]] :
// CHECK: %[[A:.*]] = memref.alloc(%{{.*}}) : memref<1x1x1x?x32xf16>
// CHECK: linalg.generic {{.*}} ins(%[[S]] : {{.*}}) outs(%[[A]] :
// CHECK:   arith.maximumf
// CHECK: linalg.generic {{.*}} ins(%[[A]], %[[W]] : {{.*}}) outs(%[[O]] :
// CHECK-NOT: linalg.generic
// CHECK: return
func.func @memrefs(%q: memref<1x1x?x16xf16, strided<[?, ?, ?, 1], offset: ?>>, %w: memref<1x1x32x16xf16>, %o: memref<1x1x?x16xf32>) {
  flashmhf.mhffn relu ins(%q, %w, %w : memref<1x1x?x16xf16, strided<[?, ?, ?, 1], offset: ?>>, memref<1x1x32x16xf16>, memref<1x1x32x16xf16>) outs(%o : memref<1x1x?x16xf32>)
  return
}

// -----

// Heads that share a KUV-head are split off into a dimension of their own.

// CHECK-DAG: #[[$QMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d4, d6)>
// CHECK-DAG: #[[$KMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d1, d3, d5, d6)>
// CHECK-DAG: #[[$SMAP:.*]] = affine_map<(d0, d1, d2, d3, d4, d5, d6) -> (d0, d1, d2, d3, d4, d5)>
// CHECK-LABEL: func.func @shared_heads
// CHECK-SAME: %[[Q:[^:]*]]: tensor<1x6x4x16xf64>, %[[W:[^:]*]]: tensor<3x2x32x16xf64>)
// CHECK: %[[QS:.*]] = tensor.expand_shape %[[Q]] {{\[\[}}0], [1, 2], [3], [4]] output_shape [1, 3, 2, 4, 16]
// CHECK: linalg.generic {indexing_maps = [#[[$QMAP]], #[[$KMAP]], #[[$SMAP]]], {{.*}}} ins(%[[QS]], %[[W]] : {{.*}}) outs(%{{.*}} : tensor<1x3x2x2x4x32xf64>)
// CHECK-NOT: arith.extf
// CHECK-NOT: arith.truncf
// CHECK: %[[SUM:.*]] = linalg.generic {{.*}} outs(%{{.*}} : tensor<1x3x2x4x16xf64>)
// CHECK: %[[MERGED:.*]] = tensor.collapse_shape %[[SUM]] {{\[\[}}0], [1, 2], [3], [4]]
// CHECK: linalg.generic {{.*}} ins(%[[MERGED]] : {{.*}}) outs(%[[Q]] : tensor<1x6x4x16xf64>)
func.func @shared_heads(%q: tensor<1x6x4x16xf64>, %w: tensor<3x2x32x16xf64>) -> tensor<1x6x4x16xf64> {
  %0 = flashmhf.mhffn identity ins(%q, %w, %w : tensor<1x6x4x16xf64>, tensor<3x2x32x16xf64>, tensor<3x2x32x16xf64>) outs(%q : tensor<1x6x4x16xf64>) -> tensor<1x6x4x16xf64>
  return %0 : tensor<1x6x4x16xf64>
}

// CHECK-LABEL: func.func @shared_heads_memref
// CHECK: memref.expand_shape
// CHECK: %[[OS:.*]] = memref.expand_shape %{{.*}} output_shape [%{{.*}}, 3, 2, 4, 16] : memref<?x6x4x16xf32> into memref<?x3x2x4x16xf32>
// CHECK: linalg.generic {{.*}} outs(%[[OS]] :
func.func @shared_heads_memref(%q: memref<?x6x4x16xf32>, %w: memref<3x2x32x16xf32>, %o: memref<?x6x4x16xf32>) {
  flashmhf.mhffn identity ins(%q, %w, %w : memref<?x6x4x16xf32>, memref<3x2x32x16xf32>, memref<3x2x32x16xf32>) outs(%o : memref<?x6x4x16xf32>)
  return
}

// The number of heads is known from Q.

// CHECK-LABEL: func.func @shared_heads_dynamic_init
// CHECK-SAME: %{{[^:]*}}: {{[^,]*}}, %{{[^:]*}}: {{[^,]*}}, %[[R:[^:]*]]: memref<1x?x4x2xf32, strided<[?, ?, ?, 1]>>, %[[O:[^:]*]]:
// CHECK: %[[RC:.*]] = memref.cast %[[R]] : memref<1x?x4x2xf32, strided<[?, ?, ?, 1]>> to memref<1x6x4x2xf32, strided<[?, ?, ?, 1]>>
// CHECK: memref.expand_shape %[[RC]]
// CHECK: memref.cast %[[O]] : memref<1x?x4x16xf32> to memref<1x6x4x16xf32>
func.func @shared_heads_dynamic_init(%q: memref<1x6x4x16xf32>, %w: memref<3x2x32x16xf32>, %r: memref<1x?x4x2xf32, strided<[?, ?, ?, 1]>>, %o: memref<1x?x4x16xf32>) {
  flashmhf.mhffn identity ins(%q, %w, %w : memref<1x6x4x16xf32>, memref<3x2x32x16xf32>, memref<3x2x32x16xf32>) router(%r : memref<1x?x4x2xf32, strided<[?, ?, ?, 1]>>) outs(%o : memref<1x?x4x16xf32>)
  return
}

// CHECK-LABEL: func.func @shared_heads_narrow_memref
// CHECK: %[[SUM:.*]] = memref.alloc() : memref<1x3x2x4x16xf32>
// CHECK: linalg.generic {{.*}} outs(%[[SUM]] :
// CHECK: %[[MERGED:.*]] = memref.collapse_shape %[[SUM]] {{\[\[}}0], [1, 2], [3], [4]] : memref<1x3x2x4x16xf32> into memref<1x6x4x16xf32>
// CHECK: linalg.generic {{.*}} ins(%[[MERGED]] :
func.func @shared_heads_narrow_memref(%q: memref<1x6x4x16xf16>, %w: memref<3x2x32x16xf16>, %o: memref<1x6x4x16xf16>) {
  flashmhf.mhffn identity ins(%q, %w, %w : memref<1x6x4x16xf16>, memref<3x2x32x16xf16>, memref<3x2x32x16xf16>) outs(%o : memref<1x6x4x16xf16>)
  return
}

// -----

// CHECK-LABEL: func.func @gelu
// CHECK: linalg.generic {{.*}} outs(%{{.*}} : memref<1x1x1x4x8xf32>)
// CHECK: ^bb0(%[[X:[^:]*]]: f32, %{{[^:]*}}: f32):
// CHECK: %[[SCALE:.*]] = arith.constant 0.797884583 : f32
// CHECK: %[[HALF:.*]] = arith.constant 5.000000e-01 : f32
// CHECK: %[[ONE:.*]] = arith.constant 1.000000e+00 : f32
// CHECK: %[[C:.*]] = arith.constant 4.471500e-02 : f32
// CHECK: %[[X2:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK: %[[X3:.*]] = arith.mulf %[[X2]], %[[X]]
// CHECK: %[[CX3:.*]] = arith.mulf %[[C]], %[[X3]]
// CHECK: %[[SUM:.*]] = arith.addf %[[X]], %[[CX3]]
// CHECK: %[[INNER:.*]] = arith.mulf %[[SCALE]], %[[SUM]]
// CHECK: %[[TANH:.*]] = math.tanh %[[INNER]]
// CHECK: %[[TANH1:.*]] = arith.addf %[[ONE]], %[[TANH]]
// CHECK: %[[HALFX:.*]] = arith.mulf %[[HALF]], %[[X]]
// CHECK: %[[Y:.*]] = arith.mulf %[[HALFX]], %[[TANH1]]
// CHECK: linalg.yield %[[Y]]
func.func @gelu(%q: memref<1x1x4x4xf32>, %w: memref<1x1x8x4xf32>, %o: memref<1x1x4x4xf32>) {
  flashmhf.mhffn gelu ins(%q, %w, %w : memref<1x1x4x4xf32>, memref<1x1x8x4xf32>, memref<1x1x8x4xf32>) outs(%o : memref<1x1x4x4xf32>)
  return
}

// CHECK-LABEL: func.func @relu2
// CHECK: %[[RELU:.*]] = arith.maximumf
// CHECK-NEXT: arith.mulf %[[RELU]], %[[RELU]]
func.func @relu2(%q: memref<1x1x4x4xf32>, %w: memref<1x1x8x4xf32>, %o: memref<1x1x4x4xf32>) {
  flashmhf.mhffn relu2 ins(%q, %w, %w : memref<1x1x4x4xf32>, memref<1x1x8x4xf32>, memref<1x1x8x4xf32>) outs(%o : memref<1x1x4x4xf32>)
  return
}

// CHECK-LABEL: func.func @sigmoid
// CHECK: arith.negf
// CHECK: %[[DEN:.*]] = arith.addf
// CHECK-NEXT: %[[ONE:.*]] = arith.constant 1.0
// CHECK-NEXT: arith.divf %[[ONE]], %[[DEN]]
func.func @sigmoid(%q: memref<1x1x4x4xf32>, %w: memref<1x1x8x4xf32>, %o: memref<1x1x4x4xf32>) {
  flashmhf.mhffn sigmoid ins(%q, %w, %w : memref<1x1x4x4xf32>, memref<1x1x8x4xf32>, memref<1x1x8x4xf32>) outs(%o : memref<1x1x4x4xf32>)
  return
}
