// RUN: flashmhf-opt %s --flashmhf-fuse-swiglu --split-input-file --verify-diagnostics

!q = memref<1x4x256x64xbf16>
!w = memref<4x1x32x64xbf16>

func.func @untiled(%q: !q, %w: !w, %o: !q) {
  // expected-error@+1 {{must be tiled over tokens and be on memrefs; run flashmhf-tile-tokens, flashmhf-tile-dff and flashmhf-bufferize first}}
  flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%o : !q)
  return
}

// -----

!q = tensor<1x1x128x64xbf16>
!w = tensor<1x1x32x64xbf16>

func.func @tensors(%q: !q, %w: !w, %o: !q) -> !q {
  %r = scf.forall (%l) = (0) to (128) step (128) shared_outs(%out = %o) -> !q {
    // expected-error@+1 {{must be tiled over tokens and be on memrefs}}
    %t = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%out : !q) -> !q
    scf.forall.in_parallel {
      tensor.parallel_insert_slice %t into %out[0, 0, 0, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q into !q
    }
  }
  return %r : !q
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}

func.func @no_schedule(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{has no schedule; run flashmhf-assign-schedule}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc)
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xf32>
!tile = memref<1x1x128x64xf32, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xf32>
!wtile = memref<1x1x32x64xf32, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @f32_inputs(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs bf16 or f16 inputs on a GPU, has 'f32'}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: f32):
      linalg.yield %in : f32
    }
  }
  return
}

// -----

!q = memref<1x4x256x8xbf16>
!tile = memref<1x1x128x8xbf16, strided<[8192, 2048, 8, 1], offset: ?>>
!w = memref<4x1x32x8xbf16>
!wtile = memref<1x1x32x8xbf16, strided<[256, 256, 8, 1], offset: ?>>
!acc = memref<1x1x128x8xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @narrow_head(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 8] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 8] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 8] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 8] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a static head width D of 16 to 256, a multiple of 16, on a GPU, has 8}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x272xbf16>
!tile = memref<1x1x128x272xbf16, strided<[278528, 69632, 272, 1], offset: ?>>
!w = memref<4x1x32x272xbf16>
!wtile = memref<1x1x32x272xbf16, strided<[8704, 8704, 272, 1], offset: ?>>
!acc = memref<1x1x128x272xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @wide_head(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 272] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 272] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 272] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 272] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a static head width D of 16 to 256, a multiple of 16, on a GPU, has 272}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x40xbf16>
!tile = memref<1x1x128x40xbf16, strided<[40960, 10240, 40, 1], offset: ?>>
!w = memref<4x1x32x40xbf16>
!wtile = memref<1x1x32x40xbf16, strided<[1280, 1280, 40, 1], offset: ?>>
!acc = memref<1x1x128x40xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @odd_head(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 40] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 40] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 40] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 40] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a static head width D of 16 to 256, a multiple of 16, on a GPU, has 40}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x2x32x64xbf16>
!wtile = memref<1x2x32x64xbf16, strided<[4096, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @two_sub_networks(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 2, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 2, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{must be tiled to one head and one sub-network, but K is 'memref<1x2x32x64xbf16, strided<[4096, 2048, 64, 1], offset: ?>>'}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x320x64xbf16>
!wtile = memref<1x1x320x64xbf16, strided<[20480, 20480, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @wide_step(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 320, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 320, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a dff_tile of at most 256 on a GPU, has 320}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x48x64xbf16>
!wtile = memref<1x1x24x64xbf16, strided<[3072, 3072, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

// Steps of 24 rows would be fetched as 32, and 8 of them be counted twice.

func.func @odd_step(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 24, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 24, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a dff_tile that is all of F or a multiple of 16 on a GPU, has 24}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<token_tile = 320, dff_tile = 32, consumers = 5>

func.func @many_tokens(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a token_tile of at most 256 on a GPU, has 320}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32, consumers = 3>

func.func @consumers(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs a token_tile of 64 rows for each consumer: 128 rows, 3 consumers}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 32, consumers = 1>

func.func @tile_of_other_size(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{has tiles of 128 tokens, but token_tile is 64}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32, stages = [2, 2, 8000]>

func.func @stages(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs at most 7264 stages on a GPU, has 8000}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x256xbf16>
!tile = memref<1x1x128x256xbf16, strided<[262144, 65536, 256, 1], offset: ?>>
!w = memref<4x1x128x256xbf16>
!wtile = memref<1x1x128x256xbf16, strided<[32768, 32768, 256, 1], offset: ?>>
!acc = memref<1x1x128x256xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @registers(%q: !q, %k: !w, %u: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 256] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 128, 256] [1, 1, 1, 1] : !w to !wtile
    %ut = memref.subview %u[%h, 0, 0, 0] [1, 1, 128, 256] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 128, 256] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 256] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs 256 registers per thread for accumulators (D = 256, 2 x dff_tile = 128) and 32 besides, but a consumer has 240}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) up(%ut : !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32, registers = [24, 64]>

func.func @few_registers(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs 48 registers per thread for accumulators (D = 64, 1 x dff_tile = 32) and 32 besides, but a consumer has 64}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @second(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    // expected-error@+1 {{is the second of its token tile; only one can be fused}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @out_of_steps(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{must go over batch, heads and tokens from 0 in steps of 1, 1 and token_tile = 128}}
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 2, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @out_of_start(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{must go over batch, heads and tokens from 0 in steps of 1, 1 and token_tile = 128}}
  scf.forall (%b, %h, %l) = (0, 0, 128) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @part_of_output(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{must go over the whole output: to 128 of 256 in dimension 2}}
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 128) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @no_output(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{writes no output}}
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @not_filled(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    // expected-error@+1 {{uses the buffer of its token tile before it is filled with zero}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @filled_with_one(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    // expected-error@+1 {{is not the zero of the accumulator}}
    linalg.fill ins(%one : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @second_buffer(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{is a second buffer of one token tile}}
    %other = memref.alloc() : !acc
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xbf16>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @bf16_accumulator(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : bf16
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    // expected-error@+1 {{must hold f32, in which products sum}}
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : bf16) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: bf16, %out: bf16):
      linalg.yield %in : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @foreign_operation(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{'gpu.barrier' op has no place in a fused kernel}}
    gpu.barrier
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @captured(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      // expected-error@+1 {{is not element-wise on the accumulator and the output and cannot be fused}}
      %0 = arith.mulf %in, %two : f32
      %1 = arith.truncf %0 : f32 to bf16
      linalg.yield %1 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @constant_stored(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %two = arith.constant 2.0 : bf16
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    // expected-error@+1 {{stores a value that is not of the accumulator}}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      linalg.yield %two : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @permuted(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    // expected-error@+1 {{is not element-wise on the accumulator}}
    linalg.generic {indexing_maps = [affine_map<(b, h, l, d) -> (h, b, l, d)>, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @reads_another(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    // expected-error@+1 {{reads a buffer that is neither the accumulator nor its output}}
    linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%qt : !tile) outs(%ot : !tile) {
    ^bb0(%in: bf16, %out: bf16):
      linalg.yield %in : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @second_output(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %c2 = arith.constant 0.0 : bf16
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    linalg.fill ins(%c2 : bf16) outs(%qt : !tile)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
    // expected-error@+1 {{writes a second output of its token tile}}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x?xbf16>
!w = memref<4x1x32x?xbf16>
!acc = memref<1x1x128x?xf32>

func.func @dynamic_head(%q: memref<1x1x128x?xbf16>, %w: memref<1x1x32x?xbf16>, %acc: !acc) {
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    // expected-error@+1 {{needs a static head width D of 16 to 256, a multiple of 16, on a GPU, has a dynamic one}}
    flashmhf.mhffn silu ins(%q, %w, %w : memref<1x1x128x?xbf16>, memref<1x1x32x?xbf16>, memref<1x1x32x?xbf16>) outs(%acc : !acc) {schedule = #flashmhf.schedule<>}
  }
  return
}

// -----

!q = memref<1x1x128x64xbf16>
!w = memref<1x1x?x64xbf16>
!acc = memref<1x1x128x64xf32>

// Tiles of dynamic F come in steps of dff_tile.

func.func @dynamic_step(%q: !q, %w: !w, %acc: !acc) {
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    // expected-error@+1 {{needs a dff_tile that is all of F or a multiple of 16 on a GPU, has 40}}
    flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) outs(%acc : !acc) {schedule = #flashmhf.schedule<dff_tile = 40>}
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x3x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[6144, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>

// A kernel knows the position of its tile, not the sizes of host tensors.

func.func @unknown_bound(%q: !q, %w: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  // expected-note@+1 {{the value}}
  %n = memref.dim %w, %c1 : !w
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    scf.for %e = %c0 to %n step %c1 {
      %wt = memref.subview %w[%h, %e, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
      // expected-error@+1 {{needs a value that the kernel cannot compute from its tile's position}}
      flashmhf.mhffn silu ins(%qt, %wt, %wt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #flashmhf.schedule<dff_tile = 32>}
    }
    linalg.generic {indexing_maps = [affine_map<(b, h, l, d) -> (b, h, l, d)>, affine_map<(b, h, l, d) -> (b, h, l, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x?x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[?, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>

// The steps are counted when the kernel is made.

func.func @dynamic_bound(%q: !q, %w: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %n = memref.dim %w, %c1 : !w
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    scf.for %e = %c0 to %n step %c1 {
      %wt = memref.subview %w[%h, %e, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
      // expected-error@+1 {{needs static H, G, E and F on a GPU, has H = 4, G = 4, E = ?, F = 32}}
      flashmhf.mhffn silu ins(%qt, %wt, %wt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #flashmhf.schedule<dff_tile = 32>}
    }
    linalg.generic {indexing_maps = [affine_map<(b, h, l, d) -> (b, h, l, d)>, affine_map<(b, h, l, d) -> (b, h, l, d)>], iterator_types = ["parallel", "parallel", "parallel", "parallel"]} ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<1x1x32x64xbf16>

func.func @no_buffer(%q: !q, %w: !w, %o: !q) {
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    // expected-error@+1 {{must sum into the buffer of its token tile}}
    flashmhf.mhffn silu ins(%qt, %w, %w : !tile, !w, !w) outs(%ot : !tile) {schedule = #flashmhf.schedule<dff_tile = 32>}
    memref.copy %ot, %ot : !tile to !tile
  }
  return
}
