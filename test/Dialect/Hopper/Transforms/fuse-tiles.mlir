// RUN: flashmhf-opt %s --hopper-fuse-tiles --hopper-place-waits | FileCheck %s

// The tiles of a pipelined consumer: head, steps, tail.

#on = #flashmhf.schedule<dff_tile = 64, token_tile = 128, persistent = true, overlap = true, fuse_tiles = true>
!q = !hopper.slot<64x64xbf16>
!s = !hopper.slot<64x64xbf16>
!qring = !hopper.ring<1 x 128x64xbf16, parts 2>
!ring = !hopper.ring<2 x 64x64xbf16>
!p = !hopper.inflight<vector<64x64xf32>>
!sum = !hopper.inflight<vector<64x64xf32> reads vector<64x64xbf16>>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @fuse
  // The head of the first tile.
  // CHECK:      } consumers 2 registers 240 {
  // CHECK:        %[[FIRST:.*]] = gpu.block_id x
  // CHECK:        %[[Q0:.*]] = hopper.get %Q
  // CHECK:        hopper.take_turn
  // CHECK-NEXT:   hopper.wgmma %[[Q0]], %{{.*}} transpose_b
  // CHECK-NEXT:   hopper.pass_turn
  // CHECK:        %[[A0:.*]] = arith.truncf
  // CHECK:        %[[V0:.*]] = hopper.get %V

  // The steps, which the tile's number, Q, A and the slot of V reach.
  // CHECK:        %[[LAST:.*]]:4 = scf.while (%[[N:.*]] = %[[FIRST]], %[[Q:.*]] = %[[Q0]], %[[A:.*]] = %[[A0]], %[[V:.*]] = %[[V0]])
  // CHECK-NOT:      hopper.get %Q
  // CHECK:          %[[STEPS:.*]]:3 = scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %[[A]], %{{.*}} = %[[V]])
  // CHECK:          hopper.release %[[Q]]
  // CHECK-NEXT:     %[[NEXT:.*]] = arith.addi %[[N]], %[[STEP:.*]] : index
  // CHECK-NEXT:     %[[MORE:.*]] = arith.cmpi slt, %[[NEXT]], %{{.*}} : index
  // CHECK-NEXT:     scf.condition(%[[MORE]]) %[[N]], %[[STEPS]]#1, %[[STEPS]]#2, %[[STEPS]]#0

  // One turn for the last sum of this tile and the first product of the next;
  // the output is stored before anybody waits for that product.
  // CHECK:        } do {
  // CHECK-NEXT:   ^bb0(%[[OLD:.*]]: index, %[[OA:.*]]: vector<64x64xbf16>, %[[OV:.*]]: !hopper.slot<64x64xbf16>, %[[O:.*]]: vector<64x64xf32>):
  // CHECK:          %[[NEW:.*]] = arith.addi %[[OLD]], %[[STEP]] : index
  // CHECK-NEXT:     hopper.take_turn
  // CHECK-NEXT:     %[[SUM:.*]] = hopper.wgmma %[[OA]], %[[OV]] acc %[[O]]
  // CHECK-NEXT:     %[[NQ:.*]] = hopper.get %Q
  // CHECK-NEXT:     %[[NK:.*]] = hopper.get %K
  // CHECK-NEXT:     %[[PRODUCT:.*]] = hopper.wgmma %[[NQ]], %[[NK]] transpose_b
  // CHECK-NEXT:     %[[DONE:.*]] = hopper.wait %[[SUM]] pending 1
  // CHECK-NEXT:     hopper.pass_turn
  // CHECK-NEXT:     hopper.release %[[OV]]
  // CHECK-NEXT:     %[[ROUNDED:.*]] = arith.truncf %[[DONE]]
  // CHECK:          %{{.*}}, %[[HEAD:.*]], %{{.*}} = hopper.tile_coordinates %[[OLD]]
  // CHECK:          hopper.store %[[ROUNDED]], %{{.*}}[%{{.*}}, %[[HEAD]],
  // CHECK-NEXT:     hopper.wait %[[PRODUCT]]
  // CHECK-NOT:      pending
  // CHECK:          %[[NA:.*]] = arith.truncf
  // CHECK:          %[[NV:.*]] = hopper.get %V
  // CHECK:          scf.yield %[[NEW]], %[[NQ]], %[[NA]], %[[NV]]
  // CHECK-NEXT:   }

  // The tail of the last tile.
  // CHECK:        hopper.wgmma %[[LAST]]#1, %[[LAST]]#2 acc %[[LAST]]#3
  // CHECK:        hopper.tile_coordinates %[[LAST]]#0
  // CHECK:        hopper.store
  // CHECK-NOT:    scf.for
  // CHECK:        gpu.return
  gpu.func @fuse(%o: !out) kernel attributes {flashmhf.schedule = #on} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
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
        %q = hopper.get %rq : !qring -> !q
        %k0 = hopper.get %rk : !ring -> !s
        hopper.take_turn
        %p0 = hopper.wgmma %q, %k0 transpose_b : !q, !s -> !p
        hopper.pass_turn
        %s0 = hopper.wait %p0 : !p
        hopper.release %k0 : !s
        %a0 = arith.truncf %s0 : vector<64x64xf32> to vector<64x64xbf16>
        %v0 = hopper.get %rv : !ring -> !s
        %r:3 = scf.for %f = %c0 to %c3 step %c1 iter_args(%acc = %zero, %a = %a0, %v = %v0) -> (vector<64x64xf32>, vector<64x64xbf16>, !s) {
          %k = hopper.get %rk : !ring -> !s
          hopper.take_turn
          %sum = hopper.wgmma %a, %v acc %acc : vector<64x64xf32> : vector<64x64xbf16>, !s -> !sum
          %p = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
          %acc2 = hopper.wait %sum pending 1 : !sum
          hopper.pass_turn
          hopper.release %v : !s
          %s = hopper.wait %p : !p
          hopper.release %k : !s
          %a2 = arith.truncf %s : vector<64x64xf32> to vector<64x64xbf16>
          %v2 = hopper.get %rv : !ring -> !s
          scf.yield %acc2, %a2, %v2 : vector<64x64xf32>, vector<64x64xbf16>, !s
        }
        hopper.release %q : !q
        %last = hopper.wgmma %r#1, %r#2 acc %r#0 : vector<64x64xf32> : vector<64x64xbf16>, !s -> !sum
        %done = hopper.wait %last : !sum
        hopper.release %r#2 : !s
        %rounded = arith.truncf %done : vector<64x64xf32> to vector<64x64xbf16>
        %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
        hopper.store %rounded, %o[%b, %h, %row, %c0] : vector<64x64xbf16>, !out
      }
    }
    gpu.return
  }

  // A tile of one step has no steps to end under; it stays.

  // CHECK-LABEL: gpu.func @single
  // CHECK:       scf.for
  // CHECK-NOT:   scf.while
  gpu.func @single(%o: !out) kernel attributes {flashmhf.schedule = #on} {
    %c0 = arith.constant 0 : index
    %zero = arith.constant dense<0.0> : vector<64x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %first = gpu.block_id x
      %step = gpu.grid_dim x
      %count = hopper.tile_count %o tiles [1, 1, 128] : !out
      scf.for %n = %first to %count step %step {
        %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
        hopper.store %zero, %o[%b, %h, %row, %c0] : vector<64x64xbf16>, !out
      }
    }
    gpu.return
  }
}
