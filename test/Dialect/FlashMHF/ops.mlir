// RUN: flashmhf-opt %s | flashmhf-opt | FileCheck %s
// RUN: flashmhf-opt %s --mlir-print-op-generic | flashmhf-opt | FileCheck %s

// CHECK-LABEL: func.func @tensors
func.func @tensors(%q: tensor<?x8x?x128xbf16>, %k: tensor<4x11x256x128xbf16>, %u: tensor<4x11x256x128xbf16>, %v: tensor<4x11x256x128xbf16>, %r: tensor<?x8x?x11xf32>, %o: tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16> {
  // CHECK: flashmhf.mhffn silu ins(%{{.*}}, %{{.*}}, %{{.*}} : tensor<?x8x?x128xbf16>, tensor<4x11x256x128xbf16>, tensor<4x11x256x128xbf16>) up(%{{.*}} : tensor<4x11x256x128xbf16>) router(%{{.*}} : tensor<?x8x?x11xf32>) outs(%{{.*}} : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<?x8x?x128xbf16>, tensor<4x11x256x128xbf16>, tensor<4x11x256x128xbf16>) up(%u : tensor<4x11x256x128xbf16>) router(%r : tensor<?x8x?x11xf32>) outs(%o : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  return %0 : tensor<?x8x?x128xbf16>
}

// A memref may be strided; the output may be as wide as the accumulation.

// CHECK-LABEL: func.func @memrefs
func.func @memrefs(%q: memref<2x8x64x32xf16, strided<[?, ?, ?, 1], offset: ?>>, %w: memref<8x1x64x32xf16>, %o: memref<2x8x64x32xf32>) {
  // CHECK: flashmhf.mhffn identity ins(%{{.*}}, %{{.*}}, %{{.*}} : {{.*}}) outs(%{{.*}} : memref<2x8x64x32xf32>){{$}}
  flashmhf.mhffn identity ins(%q, %w, %w : memref<2x8x64x32xf16, strided<[?, ?, ?, 1], offset: ?>>, memref<8x1x64x32xf16>, memref<8x1x64x32xf16>) outs(%o : memref<2x8x64x32xf32>)
  return
}

// CHECK-LABEL: func.func @activations
func.func @activations(%q: memref<1x1x4x4xf64>, %r: memref<1x1x4x1xf64>, %w: memref<1x1x8x4xf64>) {
  // CHECK: flashmhf.mhffn gelu
  flashmhf.mhffn gelu ins(%q, %w, %w : memref<1x1x4x4xf64>, memref<1x1x8x4xf64>, memref<1x1x8x4xf64>) router(%r : memref<1x1x4x1xf64>) outs(%q : memref<1x1x4x4xf64>)
  // CHECK: flashmhf.mhffn relu ins
  flashmhf.mhffn relu ins(%q, %w, %w : memref<1x1x4x4xf64>, memref<1x1x8x4xf64>, memref<1x1x8x4xf64>) outs(%q : memref<1x1x4x4xf64>)
  // CHECK: flashmhf.mhffn relu2
  flashmhf.mhffn relu2 ins(%q, %w, %w : memref<1x1x4x4xf64>, memref<1x1x8x4xf64>, memref<1x1x8x4xf64>) outs(%q : memref<1x1x4x4xf64>)
  // CHECK: flashmhf.mhffn sigmoid
  flashmhf.mhffn sigmoid ins(%q, %w, %w : memref<1x1x4x4xf64>, memref<1x1x8x4xf64>, memref<1x1x8x4xf64>) outs(%q : memref<1x1x4x4xf64>)
  return
}

// A key that is left out has its default; all are printed, `split` where it is
// not 1.

// CHECK-LABEL: func.func @schedules
// CHECK-SAME: #flashmhf.schedule<token_tile = 128, dff_tile = 128, stages = [2, 2, 2], consumers = 2, registers = [24, 240], cluster = 1, persistent = false, overlap = false, rotate = false>
// CHECK-SAME: #flashmhf.schedule<token_tile = 192, dff_tile = 64, stages = [1, 2, 3], consumers = 3, registers = [32, 160], cluster = 2, persistent = true, overlap = true, rotate = false, split = 8>
// CHECK-SAME: rotate = false, split = 2, scale_sums = true, late_columns = 64, paced = true, hold_q = true>
// CHECK-SAME: persistent = true, overlap = false, rotate = false, stream_k = true>
func.func @schedules() attributes {
    a = #flashmhf.schedule<>,
    b = #flashmhf.schedule<split = 8, overlap = true, persistent = true, cluster = 2, registers = [32, 160], consumers = 3, stages = [1, 2, 3], dff_tile = 64, token_tile = 192>,
    c = #flashmhf.schedule<hold_q = true, paced = true, split = 2, late_columns = 64, scale_sums = true>,
    d = #flashmhf.schedule<stream_k = true, persistent = true>} {
  return
}

// An mhffn on tensors that nobody uses is dead, one on memrefs is not.

// RUN: flashmhf-opt %s --canonicalize | FileCheck %s --check-prefix=EFFECTS
// EFFECTS-LABEL: func.func @effects
// EFFECTS-NOT: tensor<1x1x4x4xf32>)
// EFFECTS: flashmhf.mhffn {{.*}} outs(%{{.*}} : memref<1x1x4x4xf32>)
// EFFECTS-NEXT: return
func.func @effects(%q: tensor<1x1x4x4xf32>, %w: tensor<1x1x8x4xf32>, %qm: memref<1x1x4x4xf32>, %wm: memref<1x1x8x4xf32>, %o: memref<1x1x4x4xf32>) {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x1x4x4xf32>, tensor<1x1x8x4xf32>, tensor<1x1x8x4xf32>) outs(%q : tensor<1x1x4x4xf32>) -> tensor<1x1x4x4xf32>
  flashmhf.mhffn silu ins(%qm, %wm, %wm : memref<1x1x4x4xf32>, memref<1x1x8x4xf32>, memref<1x1x8x4xf32>) outs(%o : memref<1x1x4x4xf32>)
  return
}

// The shape of the result is that of the init.

// RUN: flashmhf-opt %s --resolve-ranked-shaped-type-result-dims | FileCheck %s --check-prefix=REIFY
// REIFY-LABEL: func.func @reify
// REIFY-SAME: %[[O:[^:]*]]: tensor<?x8x?x128xbf16>) -> index
// REIFY: %[[D:.*]] = tensor.dim %[[O]], %c2
// REIFY: return %[[D]]
func.func @reify(%q: tensor<?x8x?x128xbf16>, %w: tensor<4x11x256x128xbf16>, %o: tensor<?x8x?x128xbf16>) -> index {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<?x8x?x128xbf16>, tensor<4x11x256x128xbf16>, tensor<4x11x256x128xbf16>) outs(%o : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  %c2 = arith.constant 2 : index
  %d = tensor.dim %0, %c2 : tensor<?x8x?x128xbf16>
  return %d : index
}

// The second of three variants has a case of its own, the third has none.

// CHECK-LABEL: func.func @pick_variant
func.func @pick_variant(%b: index, %l: index) -> index {
  // CHECK: flashmhf.pick_variant %{{.*}}, %{{.*}} [#flashmhf.case<tokens = 64, tile = 64, tiles = 1, variant = 1>, #flashmhf.case<tokens = 512, tile = 128, tiles = 4, variant = 0>] otherwise 2
  %n = flashmhf.pick_variant %b, %l
      [#flashmhf.case<tokens = 64, tile = 64, tiles = 1, variant = 1>,
       #flashmhf.case<tokens = 512, tile = 128, tiles = 4, variant = 0>]
      otherwise 2
  return %n : index
}
