// The choice where the number of tokens is not known.

// RUN: flashmhf-opt %s --flashmhf-assign-schedule=tuned=false | FileCheck %s

// CHECK-LABEL: func.func @d128
// CHECK: schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, stages = [2, 2, 2], consumers = 2, registers = [24, 240], cluster = 2, persistent = true, overlap = true, rotate = false, producers = 2, fuse_tiles = true, halve_q = true, stream_k = true>
func.func @d128(%q: memref<?x8x?x128xbf16>, %w: memref<8x11x256x128xbf16>, %o: memref<?x8x?x128xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x128xbf16>, memref<8x11x256x128xbf16>, memref<8x11x256x128xbf16>) up(%w : memref<8x11x256x128xbf16>) outs(%o : memref<?x8x?x128xbf16>)
  return
}

// Three accumulators of 256 and 2 x 64 columns fill the registers, and only one
// stage of U fits beside a Q of 64 KiB.

// CHECK-LABEL: func.func @d256
// CHECK: dff_tile = 64, stages = [2, 1, 2]
func.func @d256(%q: memref<?x8x?x256xbf16>, %w: memref<8x11x256x256xbf16>, %o: memref<?x8x?x256xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x256xbf16>, memref<8x11x256x256xbf16>, memref<8x11x256x256xbf16>) up(%w : memref<8x11x256x256xbf16>) outs(%o : memref<?x8x?x256xbf16>)
  return
}

// CHECK-LABEL: func.func @d192
// CHECK: dff_tile = 64, stages = [2, 2, 2]
func.func @d192(%q: memref<?x8x?x192xf16>, %w: memref<8x11x256x192xf16>, %o: memref<?x8x?x192xf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x192xf16>, memref<8x11x256x192xf16>, memref<8x11x256x192xf16>) up(%w : memref<8x11x256x192xf16>) outs(%o : memref<?x8x?x192xf16>)
  return
}

// Without U the ring and the accumulators of U are not there.

// CHECK-LABEL: func.func @d256_no_up
// CHECK: dff_tile = 64, stages = [2, 2, 2]
func.func @d256_no_up(%q: memref<?x8x?x256xbf16>, %w: memref<8x11x256x256xbf16>, %o: memref<?x8x?x256xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x256xbf16>, memref<8x11x256x256xbf16>, memref<8x11x256x256xbf16>) outs(%o : memref<?x8x?x256xbf16>)
  return
}

// All of F in one step, with the columns that a wgmma takes.

// CHECK-LABEL: func.func @f96
// CHECK: dff_tile = 96,
func.func @f96(%q: memref<?x8x?x64xbf16>, %w: memref<8x11x96x64xbf16>, %o: memref<?x8x?x64xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x64xbf16>, memref<8x11x96x64xbf16>, memref<8x11x96x64xbf16>) outs(%o : memref<?x8x?x64xbf16>)
  return
}

// With U the accumulators have no room for 200 columns; of two steps the
// smallest that are whole instructions, the last one partial.

// CHECK-LABEL: func.func @f200
// CHECK: dff_tile = 112,
func.func @f200(%q: memref<?x8x?x64xbf16>, %w: memref<8x11x200x64xbf16>, %o: memref<?x8x?x64xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x64xbf16>, memref<8x11x200x64xbf16>, memref<8x11x200x64xbf16>) up(%w : memref<8x11x200x64xbf16>) outs(%o : memref<?x8x?x64xbf16>)
  return
}

// CHECK-LABEL: func.func @f8
// CHECK: dff_tile = 8,
func.func @f8(%q: memref<?x8x?x64xbf16>, %w: memref<8x11x8x64xbf16>, %o: memref<?x8x?x64xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x64xbf16>, memref<8x11x8x64xbf16>, memref<8x11x8x64xbf16>) outs(%o : memref<?x8x?x64xbf16>)
  return
}

// Nothing fits: the smallest schedule, for a later pass to reject.

// CHECK-LABEL: func.func @d512
// CHECK: dff_tile = 16, stages = [1, 1, 1]
func.func @d512(%q: memref<?x8x?x512xbf16>, %w: memref<8x11x256x512xbf16>, %o: memref<?x8x?x512xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x512xbf16>, memref<8x11x256x512xbf16>, memref<8x11x256x512xbf16>) outs(%o : memref<?x8x?x512xbf16>)
  return
}

// CHECK-LABEL: func.func @users_own
// CHECK: schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, stages = [3, 2, 1], consumers = 1, registers = [40, 232], cluster = 2, persistent = true, overlap = true, rotate = true>
func.func @users_own(%q: memref<?x8x?x64xbf16>, %w: memref<8x11x256x64xbf16>, %o: memref<?x8x?x64xbf16>) {
  flashmhf.mhffn silu ins(%q, %w, %w : memref<?x8x?x64xbf16>, memref<8x11x256x64xbf16>, memref<8x11x256x64xbf16>) outs(%o : memref<?x8x?x64xbf16>)
    {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, stages = [3, 2, 1], consumers = 1, registers = [40, 232], cluster = 2, persistent = true, overlap = true, rotate = true>}
  return
}
