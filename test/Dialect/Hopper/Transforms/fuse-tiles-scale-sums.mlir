// RUN: flashmhf-opt %s --hopper-fuse-tiles --hopper-place-waits | FileCheck %s

// R of the last sub-network of a tile is loaded before the last sum of the tile is
// issued, and the sum is added up when the first products of the next tile run.

#on = #flashmhf.schedule<dff_tile = 64, token_tile = 128, persistent = true, overlap = true, fuse_tiles = true, scale_sums = true>
!q = !hopper.slot<64x64xbf16>
!s = !hopper.slot<64x64xbf16>
!qring = !hopper.ring<1 x 128x64xbf16, parts 2>
!ring = !hopper.ring<2 x 64x64xbf16>
!p = !hopper.inflight<vector<64x64xf32>>
!sum = !hopper.inflight<vector<64x64xf32> reads vector<64x64xbf16>>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @fuse
  // CHECK-SAME:  (%{{.*}}: memref<1x4x?x64xbf16>, %[[R:[^ :]*]]: memref
  // CHECK:       scf.while
  // CHECK:         scf.for
  // CHECK:           hopper.add_scaled
  // CHECK:       } do {
  // CHECK-NEXT:  ^bb0(%[[OLD:.*]]: index, %[[A:.*]]: vector<64x64xbf16>, %[[V:.*]]: !hopper.slot<64x64xbf16>, %[[PART:.*]]: vector<64x64xf32>, %[[ACC:.*]]: vector<64x64xf32>):
  // CHECK:         %[[NEW:.*]] = arith.addi %[[OLD]]
  // CHECK:         %[[B:.*]], %[[H:.*]], %[[ROW:.*]] = hopper.tile_coordinates %[[OLD]]
  // CHECK:         %[[ROWS:.*]] = hopper.load_rows %[[R]][%[[B]], %[[H]], %[[ROW]],
  // CHECK-NEXT:    hopper.take_turn
  // CHECK-NEXT:    %[[P:.*]] = hopper.wgmma %[[A]], %[[V]] acc %[[PART]] : vector<64x64xf32> if %{{.*}}
  // CHECK:         hopper.wgmma {{.*}} transpose_b
  // CHECK-NEXT:    %[[SUM:.*]] = hopper.wait %[[P]] pending 1
  // CHECK-NEXT:    hopper.pass_turn
  // CHECK-NOT:     hopper.load_rows
  // CHECK:         %[[ALL:.*]] = hopper.add_scaled %[[ACC]], %[[SUM]], %[[ROWS]] if
  // CHECK:         %[[ROUNDED:.*]] = arith.truncf %[[ALL]]
  // CHECK:         hopper.store %[[ROUNDED]]
  // CHECK:         scf.yield %[[NEW]]
  // CHECK-NEXT:  }
  // CHECK:       hopper.load_rows
  // CHECK:       hopper.add_scaled
  // CHECK:       hopper.store
  gpu.func @fuse(%o: !out, %r: memref<1x4x?x4xf32>) kernel attributes {flashmhf.schedule = #on} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %true = arith.constant true
    %false = arith.constant false
    %zero = arith.constant dense<0.0> : vector<64x64xf32>
    %rq = hopper.ring "Q" : !qring
    %rk = hopper.ring "K" : !ring
    %rv = hopper.ring "V" : !ring
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %first = gpu.block_id x
      %step = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] : !out
      scf.for %n = %first to %count step %step {
        %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
        %q = hopper.get %rq : !qring -> !q
        %k0 = hopper.get %rk : !ring -> !s
        hopper.take_turn
        %p0 = hopper.wgmma %q, %k0 transpose_b : !q, !s -> !p
        hopper.pass_turn
        %s0 = hopper.wait %p0 : !p
        hopper.release %k0 : !s
        %a0 = arith.truncf %s0 : vector<64x64xf32> to vector<64x64xbf16>
        %v0 = hopper.get %rv : !ring -> !s
        %x:4 = scf.for %f = %c0 to %c3 step %c1 iter_args(%acc = %zero, %part = %zero, %a = %a0, %v = %v0) -> (vector<64x64xf32>, vector<64x64xf32>, vector<64x64xbf16>, !s) {
          %rows = hopper.load_rows %r[%b, %h, %row, %f] : memref<1x4x?x4xf32> -> vector<64xf32>
          %k = hopper.get %rk : !ring -> !s
          hopper.take_turn
          %sum = hopper.wgmma %a, %v acc %part : vector<64x64xf32> if %false : vector<64x64xbf16>, !s -> !sum
          %p = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
          %part2 = hopper.wait %sum pending 1 : !sum
          hopper.pass_turn
          hopper.release %v : !s
          %acc2 = hopper.add_scaled %acc, %part2, %rows if %true : vector<64x64xf32>, vector<64xf32>
          %s = hopper.wait %p : !p
          hopper.release %k : !s
          %a2 = arith.truncf %s : vector<64x64xf32> to vector<64x64xbf16>
          %v2 = hopper.get %rv : !ring -> !s
          scf.yield %acc2, %part2, %a2, %v2 : vector<64x64xf32>, vector<64x64xf32>, vector<64x64xbf16>, !s
        }
        hopper.release %q : !q
        %lastrows = hopper.load_rows %r[%b, %h, %row, %c3] : memref<1x4x?x4xf32> -> vector<64xf32>
        %last = hopper.wgmma %x#2, %x#3 acc %x#1 : vector<64x64xf32> if %false : vector<64x64xbf16>, !s -> !sum
        %done = hopper.wait %last : !sum
        hopper.release %x#3 : !s
        %all = hopper.add_scaled %x#0, %done, %lastrows if %true : vector<64x64xf32>, vector<64xf32>
        %rounded = arith.truncf %all : vector<64x64xf32> to vector<64x64xbf16>
        hopper.store %rounded, %o[%b, %h, %row, %c0] : vector<64x64xbf16>, !out
      }
    }
    gpu.return
  }
}
