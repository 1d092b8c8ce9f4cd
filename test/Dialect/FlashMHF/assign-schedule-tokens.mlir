// The choice where the number of tokens is known: waves of tiles decide.

// RUN: flashmhf-opt %s --flashmhf-assign-schedule=tuned=false | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-assign-schedule="tuned=false gpu=h100-pcie" | FileCheck %s --check-prefix=PCIE

!w = tensor<8x11x256x128xbf16>

// Weights are the rows of the products where tokens are few, and pieces push
// their sums where all clusters of them run at once.

// CHECK-LABEL: func.func @one_token
// CHECK: token_tile = 8, dff_tile = 64, {{.*}}consumers = 1, {{.*}}split = 8, push = true, exchange = true>
!q1 = tensor<1x8x1x128xbf16>
func.func @one_token(%q: !q1, %w: !w, %o: !q1) -> !q1 {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q1, !w, !w) up(%w : !w) outs(%o : !q1) -> !q1
  return %r : !q1
}

// 64 tiles of 128 tokens in two pieces, which push to each other, are one wave
// over 132 multiprocessors; over 114 they would be two, and whole tiles are one.

// CHECK-LABEL: func.func @t1000
// CHECK: token_tile = 128, dff_tile = 64, {{.*}}consumers = 2, {{.*}}overlap = true, rotate = false, split = 2, halve_q = true, push = true, hold_q = true>
// PCIE-LABEL: func.func @t1000
// PCIE: token_tile = 128, {{.*}}consumers = 2,
// PCIE-NOT: split
!q2 = tensor<1x8x1000x128xbf16>
func.func @t1000(%q: !q2, %w: !w, %o: !q2) -> !q2 {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q2, !w, !w) up(%w : !w) outs(%o : !q2) -> !q2
  return %r : !q2
}

// CHECK-LABEL: func.func @t4096
// CHECK: token_tile = 128, dff_tile = 128, stages = [2, 2, 2], consumers = 2, registers = [24, 240], cluster = 2, persistent = true, overlap = true, rotate = false, producers = 2, fuse_tiles = true, halve_q = true>
!q3 = tensor<1x8x4096x128xbf16>
func.func @t4096(%q: !q3, %w: !w, %o: !q3) -> !q3 {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q3, !w, !w) up(%w : !w) outs(%o : !q3) -> !q3
  return %r : !q3
}

// 1024 tiles are 7 waves of 132 and 100 tiles, which all blocks share.

// CHECK-LABEL: func.func @t16384
// CHECK: persistent = true, overlap = true, rotate = false, producers = 2, fuse_tiles = true, halve_q = true, stream_k = true>
!q4 = tensor<1x8x16384x128xbf16>
func.func @t16384(%q: !q4, %w: !w, %o: !q4) -> !q4 {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q4, !w, !w) up(%w : !w) outs(%o : !q4) -> !q4
  return %r : !q4
}

// What no GPU computes has no candidates.

// CHECK-LABEL: func.func @f64
// CHECK: dff_tile = 16, stages = [1, 1, 1]
!q64 = tensor<1x6x4x129xf64>
!w64 = tensor<3x2x32x129xf64>
func.func @f64(%q: !q64, %w: !w64) -> !q64 {
  %r = flashmhf.mhffn identity ins(%q, %w, %w : !q64, !w64, !w64) outs(%q : !q64) -> !q64
  return %r : !q64
}

// A producer of 24 registers spills beside consumers that store f32.

// CHECK-LABEL: func.func @f32
// CHECK: registers = [40, 232]
!o3 = tensor<1x8x4096x128xf32>
func.func @f32(%q: !q3, %w: !w, %o: !o3) -> !o3 {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q3, !w, !w) up(%w : !w) outs(%o : !o3) -> !o3
  return %r : !o3
}
