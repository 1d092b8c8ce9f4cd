// RUN: flashmhf-opt %s --flashmhf-split-dff --canonicalize --cse --split-input-file --mlir-print-local-scope | FileCheck %s
// What the pass leaves is tiled already.
// RUN: flashmhf-opt %s --flashmhf-split-dff --flashmhf-split-dff --flashmhf-tile-tokens --flashmhf-tile-dff --canonicalize --cse --split-input-file --mlir-print-local-scope | FileCheck %s

// 9 steps in 4 pieces: 2, 2, 2 and 3.

// CHECK-LABEL: func @uneven
// CHECK-SAME: %[[Q:[a-z0-9]*]]: tensor<1x4x?x64xbf16>, %[[K:[a-z0-9]*]]: tensor<4x3x96x64xbf16>
// CHECK-SAME: %[[OUT:[a-z0-9]*]]: tensor<1x4x?x64xbf16>)
// CHECK: %[[L:.*]] = tensor.dim
// CHECK: %[[EMPTY:.*]] = tensor.empty(%[[L]]) : tensor<4x1x4x?x64xf32>
// CHECK: %[[PARTS:.*]] = scf.forall (%[[P:.*]], %[[H:.*]], %[[M:.*]]) = (0, 0, 0) to (4, 4, %[[L]]) step (1, 1, 64) shared_outs(%[[W:.*]] = %[[EMPTY]])
// CHECK:   %[[ROWS:.*]] = affine.min {{.*}}(%[[M]])[%[[L]]]
// CHECK:   tensor.extract_slice %[[W]][%[[P]], 0, %[[H]], %[[M]], 0] [1, 1, 1, %[[ROWS]], 64] {{.*}} to tensor<1x1x?x64xf32>
// CHECK:   linalg.fill
// CHECK:   %[[FIRST:.*]] = affine.apply affine_map<(d0) -> ((d0 * 9) floordiv 4)>(%[[P]])
// CHECK:   %[[END:.*]] = affine.apply affine_map<(d0) -> ((d0 * 9 + 9) floordiv 4)>(%[[P]])
// CHECK:   %[[SUM:.*]] = scf.for %[[T:.*]] = %[[FIRST]] to %[[END]] step %{{.*}} iter_args
// CHECK:     %[[E:.*]] = affine.apply affine_map<(d0) -> (d0 floordiv 3)>(%[[T]])
// CHECK:     %[[F:.*]] = affine.apply {{.*}}(%[[T]])
// CHECK:     tensor.extract_slice %[[K]][%[[H]], %[[E]], %[[F]], 0] [1, 1, 32, 64]
// CHECK:     flashmhf.mhffn silu
// CHECK-SAME:  -> tensor<1x1x?x64xf32>
// CHECK:   tensor.parallel_insert_slice %[[SUM]] into %[[W]][%[[P]], 0, %[[H]], %[[M]], 0]
// CHECK: scf.forall (%[[H:.*]], %[[M:.*]]) = (0, 0) to (4, %[[L]]) step (1, 64) shared_outs(%[[O:.*]] = %[[OUT]])
// CHECK:   tensor.extract_slice %[[PARTS]][0, 0, %[[H]], %[[M]], 0] [4, 1, 1, %{{.*}}, 64]
// CHECK:   linalg.generic {{.*}} iterator_types = ["reduction", "parallel", "parallel", "parallel", "parallel"]
// CHECK:     arith.addf
// CHECK:   linalg.generic
// CHECK-NOT: extf
// CHECK:     arith.truncf
// CHECK:   tensor.parallel_insert_slice {{.*}} into %[[O]]
func.func @uneven(%q: tensor<1x4x?x64xbf16>, %k: tensor<4x3x96x64xbf16>, %v: tensor<4x3x96x64xbf16>, %out: tensor<1x4x?x64xbf16>) -> tensor<1x4x?x64xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<1x4x?x64xbf16>) -> tensor<1x4x?x64xbf16>
  %o = flashmhf.mhffn silu ins(%q, %k, %v : tensor<1x4x?x64xbf16>, tensor<4x3x96x64xbf16>, tensor<4x3x96x64xbf16>)
      outs(%init : tensor<1x4x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, split = 4>} -> tensor<1x4x?x64xbf16>
  return %o : tensor<1x4x?x64xbf16>
}

// -----

// An init that is not zero is added once, by the sum; the last step of a
// sub-network is short.

// CHECK-LABEL: func @accumulate
// CHECK: %[[W:.*]] = memref.alloc() : memref<2x2x1x5x16xf32>
// CHECK: scf.forall (%[[P:.*]], %[[B:.*]]) in (2, 2)
// CHECK:   memref.subview %[[W]][%[[P]], %[[B]], 0, 0, 0] [1, 1, 1, 5, 16]
// CHECK:   linalg.fill
// CHECK:   scf.for
// CHECK:     affine.min affine_map<(d0) -> (16, d0 * -16 + (d0 floordiv 3) * 48 + 40)>
// CHECK:     flashmhf.mhffn relu
// CHECK: scf.forall
// CHECK:   linalg.generic
// CHECK:     arith.addf
// CHECK:   linalg.generic
// CHECK:     arith.extf
// CHECK:     arith.addf
// CHECK:     arith.truncf
func.func @accumulate(%q: memref<2x1x5x16xf16>, %k: memref<1x1x40x16xf16>, %v: memref<1x1x40x16xf16>, %out: memref<2x1x5x16xf16>) {
  flashmhf.mhffn relu ins(%q, %k, %v : memref<2x1x5x16xf16>, memref<1x1x40x16xf16>, memref<1x1x40x16xf16>)
      outs(%out : memref<2x1x5x16xf16>) {schedule = #flashmhf.schedule<dff_tile = 16, split = 2>}
  return
}
