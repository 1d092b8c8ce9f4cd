// RUN: flashmhf-opt %s --flashmhf-fuse-swiglu -split-input-file -verify-diagnostics
//
// Loops, operands and outputs that no kernel can be made of.

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @foreign_value(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{carries a value that is not the buffer of its token tile}}
    %sum = scf.for %e = %c0 to %c1 step %c1 iter_args(%x = %zero) -> (f32) {
      flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
      scf.yield %x : f32
    }
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
!skipping = memref<1x1x128x64xbf16, strided<[65536, 16384, 128, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @every_second_token(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, 0, 0] [1, 1, 128, 64] [1, 1, 2, 1] : !q to !skipping
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs operands that are tiles of tensors of rank 4, cut out with stride 1}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !skipping, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
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
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @operand_of_the_tile(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.alloc() : memref<1x1x128x64xbf16>
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    // expected-error@+1 {{needs operands that are tiles of tensors outside of the loop over tokens}}
    flashmhf.mhffn silu ins(%qt, %kt, %vt : memref<1x1x128x64xbf16>, !wtile, !wtile) outs(%acc : !acc) {schedule = #schedule}
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
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

gpu.module @device {
  gpu.func @no_host(%q: !q, %k: !w, %v: !w, %o: !q) kernel {
    %zero = arith.constant 0.0 : f32
    // expected-error@+1 {{must be in a func.func}}
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
        %0 = arith.truncf %in : f32 to bf16
        linalg.yield %0 : bf16
      }
    }
    gpu.return
  }
}

// -----

!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x1x32x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @over_columns(%q: !q, %k: !w, %v: !w, %o: !q) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{has a loop that does not go over batch, heads or tokens of its output}}
  scf.forall (%b, %h, %l, %d) = (0, 0, 0, 0) to (1, 4, 256, 64) step (1, 1, 128, 64) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[%b, %h, %l, %d] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
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
#id = affine_map<(a, b, c, d) -> (a, b, c, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}
#schedule = #flashmhf.schedule<dff_tile = 32>

func.func @output_of_rank_5(%q: !q, %k: !w, %v: !w, %o: memref<1x1x4x256x64xbf16>) {
  %zero = arith.constant 0.0 : f32
  // expected-error@+1 {{needs an output of rank 4, has 'memref<1x1x4x256x64xbf16>'}}
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
    %ot = memref.subview %o[0, %b, %h, %l, 0] [1, 1, 1, 128, 64] [1, 1, 1, 1, 1] : memref<1x1x4x256x64xbf16> to !tile
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
