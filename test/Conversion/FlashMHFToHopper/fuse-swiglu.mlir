// RUN: flashmhf-opt %s --flashmhf-fuse-swiglu | FileCheck %s

#schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 32>
!q = memref<1x4x256x64xbf16>
!tile = memref<1x1x128x64xbf16, strided<[65536, 16384, 64, 1], offset: ?>>
!w = memref<4x2x64x64xbf16>
!wtile = memref<1x1x32x64xbf16, strided<[8192, 4096, 64, 1], offset: ?>>
!r = memref<1x4x256x2xf32>
!rtile = memref<1x1x128x1xf32, strided<[2048, 512, 2, 1], offset: ?>>
// One sub-network of one tile.
!w1 = memref<4x1x32x64xbf16>
!w1tile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!acc = memref<1x1x128x64xf32>

#id = affine_map<(b, h, l, d) -> (b, h, l, d)>
#elementwise = {indexing_maps = [#id, #id], iterator_types = ["parallel", "parallel", "parallel", "parallel"]}

// The whole operation: loops over sub-networks and F carry the accumulator; Q is
// fetched once; K and U are given back as soon as they
// have been read.

// CHECK-LABEL: gpu.func @whole
// CHECK-SAME: (%[[MQ:[^:]*]]: !hopper.tensor_map<1x1x64x64xbf16>, %[[MK:[^:]*]]: !hopper.tensor_map<1x1x32x64xbf16>, %[[MU:[^:]*]]: !hopper.tensor_map<1x1x32x64xbf16>, %[[MV:[^:]*]]: !hopper.tensor_map<1x1x32x64xbf16>, %[[R:[^:]*]]: memref<1x4x256x2xf32>, %[[O:[^:]*]]: memref<1x4x256x64xbf16>) kernel
// CHECK-SAME: flashmhf.schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 32,
// CHECK-DAG:  hopper.ring "Q" : <1 x 128x64xbf16, parts 2>
// CHECK-DAG:  hopper.ring "K" : <1 x 32x64xbf16>
// CHECK-DAG:  hopper.ring "U" : <1 x 32x64xbf16>
// CHECK-DAG:  hopper.ring "V" : <1 x 32x64xbf16>
// CHECK:      %[[BLOCK:.*]] = gpu.block_id x
// CHECK-NEXT: %[[B:.*]], %[[H:.*]], %[[ROW:.*]] = hopper.tile_coordinates %[[BLOCK]] of %[[O]] tiles [1, 1, 128]
// CHECK:      %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<128x64xf32>
// CHECK:      hopper.put %[[MQ]][%[[B]], %[[H]], %[[ROW]], %{{.*}}] into %Q
// CHECK-NEXT: %[[Q:.*]] = hopper.get %Q
// CHECK:      %[[OUTER:.*]] = scf.for %[[E:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[ACC0:.*]] = %[[ZERO]]) -> (vector<128x64xf32>) {
// CHECK-NEXT:   %[[INNER:.*]] = scf.for %[[F:.*]] = %{{.*}} to %{{.*}} step %{{.*}} iter_args(%[[ACC1:.*]] = %[[ACC0]]) -> (vector<128x64xf32>) {
// CHECK-NEXT:     %[[ROWS:.*]] = hopper.load_rows %[[R]][%[[B]], %[[H]], %[[ROW]], %[[E]]] : memref<1x4x256x2xf32> -> vector<128xf32>
// CHECK:          hopper.put %[[MK]][%[[H]], %[[E]], %[[F]], %{{.*}}] into %K
// CHECK-NEXT:     hopper.put %[[MU]][%[[H]], %[[E]], %[[F]], %{{.*}}] into %U
// CHECK-NEXT:     hopper.put %[[MV]][%[[H]], %[[E]], %[[F]], %{{.*}}] into %V
// CHECK-NEXT:     %[[K:.*]] = hopper.get %K
// CHECK-NEXT:     %[[S:.*]] = hopper.wgmma %[[Q]], %[[K]] transpose_b : !hopper.slot<128x64xbf16>, <32x64xbf16> -> <vector<128x32xf32>>
// CHECK-NEXT:     %[[U:.*]] = hopper.get %U
// CHECK-NEXT:     %[[T:.*]] = hopper.wgmma %[[Q]], %[[U]] transpose_b
// CHECK-NEXT:     %[[X:.*]] = hopper.wait %[[S]]
// CHECK-NEXT:     hopper.release %[[K]]
// CHECK-NEXT:     %[[HALVES:.*]] = arith.constant dense<5.000000e-01> : vector<128x32xf32>
// CHECK-NEXT:     %[[HALF:.*]] = arith.mulf %[[X]], %[[HALVES]]
// CHECK-NEXT:     %[[TANH:.*]] = math.tanh %[[HALF]]
// CHECK-NEXT:     %[[SILU:.*]] = math.fma %[[HALF]], %[[TANH]], %[[HALF]]
// CHECK-NEXT:     %[[SCALED:.*]] = hopper.row_scale %[[SILU]], %[[ROWS]]
// CHECK-NEXT:     %[[GATE:.*]] = hopper.wait %[[T]]
// CHECK-NEXT:     hopper.release %[[U]]
// CHECK-NEXT:     %[[GATED:.*]] = arith.mulf %[[SCALED]], %[[GATE]]
// CHECK-NEXT:     %[[A:.*]] = arith.truncf %[[GATED]] : vector<128x32xf32> to vector<128x32xbf16>
// CHECK-NEXT:     %[[V:.*]] = hopper.get %V
// CHECK-NEXT:     %[[P:.*]] = hopper.wgmma %[[A]], %[[V]] acc %[[ACC1]] : vector<128x64xf32> : vector<128x32xbf16>, <32x64xbf16> -> <vector<128x64xf32> reads vector<128x32xbf16>>
// CHECK-NEXT:     %[[SUM:.*]] = hopper.wait %[[P]]
// CHECK-NEXT:     hopper.release %[[V]]
// CHECK-NEXT:     scf.yield %[[SUM]]
// CHECK-NEXT:   }
// CHECK-NEXT:   scf.yield %[[INNER]]
// CHECK-NEXT: }
// CHECK-NEXT: hopper.release %[[Q]]
// CHECK:      %[[ROUNDED:.*]] = arith.truncf %[[OUTER]] : vector<128x64xf32> to vector<128x64xbf16>
// CHECK:      hopper.store %[[ROUNDED]], %[[O]][%[[B]], %[[H]], %[[ROW]], %{{.*}}]
// CHECK-NEXT: gpu.return
func.func @whole(%q: !q, %k: !w, %u: !w, %v: !w, %r: !r, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c32 = arith.constant 32 : index
  %c64 = arith.constant 64 : index
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    scf.for %e = %c0 to %c2 step %c1 {
      scf.for %f = %c0 to %c64 step %c32 {
        %kt = memref.subview %k[%h, %e, %f, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
        %ut = memref.subview %u[%h, %e, %f, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
        %vt = memref.subview %v[%h, %e, %f, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w to !wtile
        %rt = memref.subview %r[%b, %h, %l, %e] [1, 1, 128, 1] [1, 1, 1, 1] : !r to !rtile
        flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !wtile, !wtile) up(%ut : !wtile) router(%rt : !rtile) outs(%acc : !acc) {schedule = #schedule}
      }
    }
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// No U, no R, no loop: nothing gates, and Q is given back after its only product.

// CHECK-LABEL: gpu.func @identity
// CHECK-SAME: (%{{[^:]*}}: !hopper.tensor_map<1x1x64x64xbf16>, %{{[^:]*}}: !hopper.tensor_map<1x1x32x64xbf16>, %{{[^:]*}}: !hopper.tensor_map<1x1x32x64xbf16>, %{{[^:]*}}: memref<1x4x256x64xbf16>) kernel
// CHECK-NOT:  hopper.ring "U"
// CHECK:      hopper.put
// CHECK-NEXT: %[[Q:.*]] = hopper.get %Q
// CHECK:      %[[K:.*]] = hopper.get %K
// CHECK-NEXT: %[[S:.*]] = hopper.wgmma %[[Q]], %[[K]] transpose_b
// CHECK-NEXT: %[[X:.*]] = hopper.wait %[[S]]
// CHECK-NEXT: hopper.release %[[K]]
// CHECK-NEXT: hopper.release %[[Q]]
// CHECK-NEXT: arith.truncf %[[X]] : vector<128x32xf32> to vector<128x32xbf16>
func.func @identity(%q: !q, %k: !w1, %v: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn identity ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// CHECK-LABEL: gpu.func @relu
// CHECK:      %[[X:.*]] = hopper.wait %{{.*}} : <vector<128x32xf32>>
// CHECK:      %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<128x32xf32>
// CHECK-NEXT: %[[Y:.*]] = arith.maximumf %[[X]], %[[ZERO]]
// CHECK:      arith.truncf %[[Y]] : vector<128x32xf32> to vector<128x32xbf16>
func.func @relu(%q: !q, %k: !w1, %v: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn relu ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// CHECK-LABEL: gpu.func @relu2
// CHECK:      %[[X:.*]] = hopper.wait %{{.*}} : <vector<128x32xf32>>
// CHECK:      %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<128x32xf32>
// CHECK-NEXT: %[[P:.*]] = arith.maximumf %[[X]], %[[ZERO]]
// CHECK-NEXT: %[[Y:.*]] = arith.mulf %[[P]], %[[P]]
// CHECK:      arith.truncf %[[Y]] : vector<128x32xf32> to vector<128x32xbf16>
func.func @relu2(%q: !q, %k: !w1, %v: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn relu2 ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// sig(x) = 1/2 + 1/2 tanh(x / 2).

// CHECK-LABEL: gpu.func @sigmoid
// CHECK:      %[[X:.*]] = hopper.wait %{{.*}} : <vector<128x32xf32>>
// CHECK:      %[[HALF:.*]] = arith.constant dense<5.000000e-01> : vector<128x32xf32>
// CHECK-NEXT: %[[H:.*]] = arith.mulf %[[X]], %[[HALF]]
// CHECK-NEXT: %[[T:.*]] = math.tanh %[[H]]
// CHECK-NEXT: %[[Y:.*]] = math.fma %[[HALF]], %[[T]], %[[HALF]]
// CHECK:      arith.truncf %[[Y]] : vector<128x32xf32> to vector<128x32xbf16>
func.func @sigmoid(%q: !q, %k: !w1, %v: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn sigmoid ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// x (c1 + c3 x^2), c1 = sqrt(2 / pi), c3 = 0.044715 c1.

// CHECK-LABEL: gpu.func @gelu
// CHECK:      %[[X:.*]] = hopper.wait %{{.*}} : <vector<128x32xf32>>
// CHECK:      %[[XX:.*]] = arith.mulf %[[X]], %[[X]]
// CHECK-DAG:  %[[C1:.*]] = arith.constant dense<0.797884{{.*}}> : vector<128x32xf32>
// CHECK-DAG:  %[[C3:.*]] = arith.constant dense<0.035677{{.*}}> : vector<128x32xf32>
// CHECK:      %[[F:.*]] = math.fma %[[XX]], %[[C3]], %[[C1]]
// CHECK:      %[[I:.*]] = arith.mulf %[[X]], %[[F]]
// CHECK:      %[[HALVES:.*]] = arith.constant dense<5.000000e-01> : vector<128x32xf32>
// CHECK-NEXT: %[[H:.*]] = arith.mulf %[[X]], %[[HALVES]]
// CHECK-NEXT: %[[T:.*]] = math.tanh %[[I]]
// CHECK-NEXT: %[[Y:.*]] = math.fma %[[H]], %[[T]], %[[H]]
// CHECK:      arith.truncf %[[Y]] : vector<128x32xf32> to vector<128x32xbf16>
func.func @gelu(%q: !q, %k: !w1, %v: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn gelu ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// Adding to what the output holds: the tile is loaded, extended and summed.

// CHECK-LABEL: gpu.func @accumulate
// CHECK-SAME: %[[O:[^:]*]]: memref<1x4x256x64xbf16>) kernel
// CHECK:      %[[SUM:.*]] = hopper.wait %{{.*}} reads
// CHECK:      %[[OLD:.*]] = hopper.load %[[O]][%[[B:.*]], %[[H:.*]], %[[ROW:.*]], %{{.*}}] : memref<1x4x256x64xbf16> -> vector<128x64xbf16>
// CHECK-NEXT: %[[WIDE:.*]] = arith.extf %[[OLD]] : vector<128x64xbf16> to vector<128x64xf32>
// CHECK-NEXT: %[[ALL:.*]] = arith.addf %[[WIDE]], %[[SUM]] : vector<128x64xf32>
// CHECK-NEXT: %[[ROUNDED:.*]] = arith.truncf %[[ALL]]
// CHECK:      hopper.store %[[ROUNDED]], %[[O]][%[[B]], %[[H]], %[[ROW]], %{{.*}}]
func.func @accumulate(%q: !q, %k: !w1, %v: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.extf %out : bf16 to f32
      %1 = arith.addf %0, %in : f32
      %2 = arith.truncf %1 : f32 to bf16
      linalg.yield %2 : bf16
    }
  }
  return
}

// An f32 output gets the accumulator as it is.

// CHECK-LABEL: gpu.func @f32_output
// CHECK-SAME: %[[O:[^:]*]]: memref<1x4x256x64xf32>) kernel
// CHECK:      %[[SUM:.*]] = hopper.wait %{{.*}} reads
// CHECK-NOT:  truncf
// CHECK:      hopper.store %[[SUM]], %[[O]]
!of32 = memref<1x4x256x64xf32>
!of32tile = memref<1x1x128x64xf32, strided<[65536, 16384, 64, 1], offset: ?>>
func.func @f32_output(%q: !q, %k: !w1, %v: !w1, %o: !of32) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !of32 to !of32tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn silu ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    memref.copy %acc, %ot : !acc to !of32tile
  }
  return
}

// Fewer groups of weights than heads: what computes the group is copied.

// CHECK-LABEL: gpu.func @groups
// CHECK-SAME: (%[[MQ:[^:]*]]: !hopper.tensor_map<1x1x64x64xbf16>, %[[MK:[^:]*]]: !hopper
// CHECK:      %[[B:.*]], %[[H:.*]], %[[ROW:.*]] = hopper.tile_coordinates
// CHECK:      %[[TWO:.*]] = arith.constant 2 : index
// CHECK:      %[[G:.*]] = arith.divui %[[H]], %[[TWO]]
// CHECK:      hopper.put %[[MK]][%[[G]], %{{.*}}, %{{.*}}, %{{.*}}] into %K
!w2 = memref<2x1x32x64xbf16>
func.func @groups(%q: !q, %k: !w2, %v: !w2, %o: !q) {
  %zero = arith.constant 0.0 : f32
  %c2 = arith.constant 2 : index
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %g = arith.divui %h, %c2 : index
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%g, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w2 to !w1tile
    %vt = memref.subview %v[%g, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w2 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn relu ins(%qt, %kt, %vt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// F = 40 in one step: 48 rows are fetched, the last 8 beyond the tensor and 0.

// CHECK-LABEL: gpu.func @short_f
// CHECK-SAME: !hopper.tensor_map<1x1x48x64xbf16>
// CHECK:      hopper.wgmma {{.*}} -> <vector<128x48xf32>>
!w40 = memref<4x1x40x64xbf16>
!w40tile = memref<1x1x40x64xbf16, strided<[2560, 2560, 64, 1], offset: ?>>
func.func @short_f(%q: !q, %k: !w40, %v: !w40, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 40, 64] [1, 1, 1, 1] : !w40 to !w40tile
    %vt = memref.subview %v[%h, 0, 0, 0] [1, 1, 40, 64] [1, 1, 1, 1] : !w40 to !w40tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn relu ins(%qt, %kt, %vt : !tile, !w40tile, !w40tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// One tensor may be Q and K: each role has its own map.

// CHECK-LABEL: gpu.func @same_tensor
// CHECK-SAME: (%[[MQ:[^:]*]]: !hopper.tensor_map<1x1x64x64xbf16>, %[[MK:[^:]*]]: !hopper.tensor_map<1x1x32x64xbf16>, %{{[^:]*}}: !hopper.tensor_map<1x1x32x64xbf16>,
// CHECK:      hopper.put %[[MQ]][{{.*}}] into %Q
// CHECK:      hopper.put %[[MK]][{{.*}}] into %K
!square = memref<1x1x32x64xbf16>
!squaretile = memref<1x1x32x64xbf16, strided<[2048, 2048, 64, 1], offset: ?>>
!squareacc = memref<1x1x32x64xf32>
func.func @same_tensor(%q: !square, %o: !square) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 1, 32) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !square to !squaretile
    %kt = memref.subview %q[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !square to !squaretile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !square to !squaretile
    %acc = memref.alloc() : !squareacc
    linalg.fill ins(%zero : f32) outs(%acc : !squareacc)
    flashmhf.mhffn relu ins(%qt, %kt, %kt : !squaretile, !squaretile, !squaretile) outs(%acc : !squareacc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !squareacc) outs(%ot : !squaretile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}

// Two operations of one function are two kernels; the launch stands where the
// loop stood.

// CHECK-LABEL: gpu.func @twice(
// CHECK-LABEL: gpu.func @twice_0(
// CHECK-LABEL: func.func @whole
// CHECK-SAME: (%[[Q:[^:]*]]: memref<1x4x256x64xbf16>, %[[K:[^:]*]]: memref<4x2x64x64xbf16>, %[[U:[^:]*]]: memref<4x2x64x64xbf16>, %[[V:[^:]*]]: memref<4x2x64x64xbf16>, %[[R:[^:]*]]: memref<1x4x256x2xf32>, %[[O:[^:]*]]: memref<1x4x256x64xbf16>)
// CHECK-NOT:  scf.forall
// CHECK:      hopper.launch @kernels::@whole args(%[[Q]], %[[K]], %[[U]], %[[V]], %[[R]], %[[O]] : {{.*}}) as [!hopper.tensor_map<1x1x64x64xbf16>, !hopper.tensor_map<1x1x32x64xbf16>, !hopper.tensor_map<1x1x32x64xbf16>, !hopper.tensor_map<1x1x32x64xbf16>, memref<1x4x256x2xf32>, memref<1x4x256x64xbf16>] over %[[O]] tiles [1, 1, 128] : memref<1x4x256x64xbf16>
// CHECK-NEXT: return
// CHECK-LABEL: func.func @twice
// CHECK:      hopper.launch @kernels::@twice args({{.*}}) as {{.*}} tiles [1, 1, 128] : memref
// CHECK-NEXT: hopper.launch @kernels::@twice_0 args({{.*}}) as {{.*}} tiles [1, 1, 128] cluster 2 persistent : memref
// CHECK-NEXT: return
func.func @twice(%q: !q, %k: !w1, %o: !q) {
  %zero = arith.constant 0.0 : f32
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn relu ins(%qt, %kt, %kt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #schedule}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  scf.forall (%b, %h, %l) = (0, 0, 0) to (1, 4, 256) step (1, 1, 128) {
    %qt = memref.subview %q[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %kt = memref.subview %k[%h, 0, 0, 0] [1, 1, 32, 64] [1, 1, 1, 1] : !w1 to !w1tile
    %ot = memref.subview %o[%b, %h, %l, 0] [1, 1, 128, 64] [1, 1, 1, 1] : !q to !tile
    %acc = memref.alloc() : !acc
    linalg.fill ins(%zero : f32) outs(%acc : !acc)
    flashmhf.mhffn relu ins(%qt, %kt, %kt : !tile, !w1tile, !w1tile) outs(%acc : !acc) {schedule = #flashmhf.schedule<dff_tile = 32, cluster = 2, persistent = true>}
    linalg.generic #elementwise ins(%acc : !acc) outs(%ot : !tile) {
    ^bb0(%in: f32, %out: bf16):
      %0 = arith.truncf %in : f32 to bf16
      linalg.yield %0 : bf16
    }
  }
  return
}
