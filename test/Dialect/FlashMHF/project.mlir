// RUN: flashmhf-opt %s | flashmhf-opt | FileCheck %s
// RUN: flashmhf-opt %s --canonicalize | FileCheck %s --check-prefix=CANON
// RUN: flashmhf-opt %s --flashmhf-decompose | FileCheck %s --check-prefix=LINALG
// RUN: flashmhf-opt %s --flashmhf-bufferize | FileCheck %s --check-prefix=BUFFERS

// LINALG-DAG: #[[$X:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d4, d2, d5)>
// LINALG-DAG: #[[$W:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d1, d4, d3, d5)>
// LINALG-DAG: #[[$O:.*]] = affine_map<(d0, d1, d2, d3, d4, d5) -> (d0, d1, d2, d3)>

// CHECK-LABEL: func.func @tensors
// CHECK:         flashmhf.project ins(%{{.*}}, %{{.*}} : tensor<2x3x?x32xbf16>, tensor<4x3x64x32xbf16>)
// CHECK-SAME:      outs(%{{.*}} : tensor<2x4x?x64xbf16>) -> tensor<2x4x?x64xbf16>

// Summed in f32 from zero, then added to the init and rounded.
// LINALG-LABEL: func.func @tensors
// LINALG-SAME:    (%[[XV:.*]]: tensor<2x3x?x32xbf16>, %[[WV:.*]]: tensor<4x3x64x32xbf16>, %[[OV:.*]]: tensor<2x4x?x64xbf16>)
// LINALG:         %[[ZERO:.*]] = linalg.fill {{.*}} -> tensor<2x4x?x64xf32>
// LINALG:         %[[SUM:.*]] = linalg.generic {indexing_maps = [#[[$X]], #[[$W]], #[[$O]]], iterator_types = ["parallel", "parallel", "parallel", "parallel", "reduction", "reduction"]} ins(%[[XV]], %[[WV]] : {{.*}}) outs(%[[ZERO]]
// LINALG:           arith.extf
// LINALG:           arith.extf
// LINALG:           arith.mulf
// LINALG:           arith.addf
// LINALG:         linalg.generic {{.*}} ins(%[[SUM]] : {{.*}}) outs(%[[OV]]
// LINALG:           arith.extf
// LINALG:           arith.addf
// LINALG:           arith.truncf
// LINALG-NOT:     flashmhf.project

// BUFFERS-LABEL: func.func @tensors
// BUFFERS-SAME:    (%[[XV:.*]]: memref<2x3x?x32xbf16, strided<[?, ?, ?, 1], offset: ?>>, %[[WV:.*]]: memref<{{.*}}>, %[[OV:.*]]: memref<{{.*}}>)
// BUFFERS-NEXT:    flashmhf.project ins(%[[XV]], %[[WV]] : {{.*}}) outs(%[[OV]] : memref<2x4x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>)
// BUFFERS-NEXT:    return
func.func @tensors(%x: tensor<2x3x?x32xbf16>, %w: tensor<4x3x64x32xbf16>, %out: tensor<2x4x?x64xbf16>) -> tensor<2x4x?x64xbf16> {
  %o = flashmhf.project ins(%x, %w : tensor<2x3x?x32xbf16>, tensor<4x3x64x32xbf16>)
      outs(%out : tensor<2x4x?x64xbf16>) -> tensor<2x4x?x64xbf16>
  return %o : tensor<2x4x?x64xbf16>
}

// CHECK-LABEL: func.func @memrefs
// CHECK:         flashmhf.project ins(%{{.*}}, %{{.*}} : memref<1x1x5x16xf32>, memref<2x1x8x16xf32>)
// CHECK-SAME:      outs(%{{.*}} : memref<1x2x5x8xf32>) {schedule = #flashmhf.schedule<token_tile = 64,

// The output holds the sum.
// LINALG-LABEL: func.func @memrefs
// LINALG-SAME:    (%{{.*}}: memref<{{.*}}>, %{{.*}}: memref<{{.*}}>, %[[OV:.*]]: memref<1x2x5x8xf32>)
// LINALG-NEXT:    linalg.generic {{.*}} outs(%[[OV]] : memref<1x2x5x8xf32>)
// LINALG:         return
func.func @memrefs(%x: memref<1x1x5x16xf32>, %w: memref<2x1x8x16xf32>, %out: memref<1x2x5x8xf32>) {
  flashmhf.project ins(%x, %w : memref<1x1x5x16xf32>, memref<2x1x8x16xf32>)
      outs(%out : memref<1x2x5x8xf32>) {schedule = #flashmhf.schedule<token_tile = 64>}
  return
}

// CANON-LABEL: func.func @empty
// CANON-SAME:    (%{{.*}}: tensor<{{.*}}>, %{{.*}}: tensor<{{.*}}>, %[[OUT:.*]]: tensor<1x2x5x8xf16>)
// CANON-NEXT:    return %[[OUT]]
func.func @empty(%x: tensor<1x0x5x16xf16>, %w: tensor<2x0x8x16xf16>, %out: tensor<1x2x5x8xf16>) -> tensor<1x2x5x8xf16> {
  %o = flashmhf.project ins(%x, %w : tensor<1x0x5x16xf16>, tensor<2x0x8x16xf16>)
      outs(%out : tensor<1x2x5x8xf16>) -> tensor<1x2x5x8xf16>
  return %o : tensor<1x2x5x8xf16>
}

// A cast that forgets a size is of no use.
// CANON-LABEL: func.func @cast
// CANON-NOT:     memref.cast
// CANON:         flashmhf.project ins(%{{.*}}, %{{.*}} : memref<1x1x5x16xf32>,
func.func @cast(%x: memref<1x1x5x16xf32>, %w: memref<2x1x8x16xf32>, %out: memref<1x2x5x8xf32>) {
  %any = memref.cast %x : memref<1x1x5x16xf32> to memref<1x1x?x16xf32>
  flashmhf.project ins(%any, %w : memref<1x1x?x16xf32>, memref<2x1x8x16xf32>)
      outs(%out : memref<1x2x5x8xf32>)
  return
}
