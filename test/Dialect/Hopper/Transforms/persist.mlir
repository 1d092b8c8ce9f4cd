// RUN: flashmhf-opt %s --hopper-persist | FileCheck %s
// RUN: flashmhf-opt %s --hopper-persist --hopper-persist | FileCheck %s

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  // Both regions loop over the same tiles.

  // CHECK-LABEL: gpu.func @loops
  // CHECK-SAME: (%[[M:.*]]: !hopper.tensor_map<1x1x64x64xbf16>, %[[O:.*]]: memref<1x4x?x64xbf16>)
  // CHECK:      producer registers 24 {
  // CHECK-NEXT:   %[[FIRST:.*]] = gpu.block_id x
  // CHECK-NEXT:   %[[STEP:.*]] = gpu.grid_dim x
  // CHECK-NEXT:   %[[COUNT:.*]] = hopper.tile_count %[[O]] tiles [1, 1, 64]
  // CHECK-NEXT:   scf.for %[[N:.*]] = %[[FIRST]] to %[[COUNT]] step %[[STEP]] {
  // CHECK:          %[[B:.*]], %[[H:.*]], %[[ROW:.*]] = hopper.tile_coordinates %[[N]] of %[[O]]
  // CHECK:          hopper.put %[[M]][%[[B]], %[[H]], %[[ROW]], %{{.*}}]
  // CHECK-NEXT:   }
  // CHECK-NEXT: } consumers 1 registers 240 {
  // CHECK-NEXT:   %[[CFIRST:.*]] = gpu.block_id x
  // CHECK-NEXT:   %[[CSTEP:.*]] = gpu.grid_dim x
  // CHECK-NEXT:   %[[CCOUNT:.*]] = hopper.tile_count %[[O]] tiles [1, 1, 64]
  // CHECK-NEXT:   scf.for %[[CN:.*]] = %[[CFIRST]] to %[[CCOUNT]] step %[[CSTEP]] {
  // CHECK-NOT:      scf.for
  // CHECK:          hopper.tile_coordinates %[[CN]] of %[[O]]
  // CHECK:          hopper.release
  // CHECK-NEXT:   }
  // CHECK-NEXT: }
  gpu.func @loops(%m: !map, %o: !out) kernel attributes {flashmhf.schedule = #flashmhf.schedule<token_tile = 64, consumers = 1, persistent = true>} {
    %r = hopper.ring "Q" : !ring
    %n = gpu.block_id x
    hopper.warpgroups producer registers 24 {
      %c0 = arith.constant 0 : index
      %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 64] : !out
      hopper.put %m[%b, %h, %row, %c0] into %r : !map, !ring
    } consumers 1 registers 240 {
      %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 64] : !out
      %q = hopper.get %r : !ring -> !hopper.slot<64x64xbf16>
      hopper.release %q : !hopper.slot<64x64xbf16>
    }
    gpu.return
  }

  // A region that does not ask for its tile still runs once for each.

  // CHECK-LABEL: gpu.func @same_tile
  // CHECK:      producer registers 24 {
  // CHECK:        scf.for
  // CHECK:          hopper.put
  // CHECK:      } consumers 1 registers 240 {
  // CHECK:        scf.for
  gpu.func @same_tile(%m: !map, %o: !out) kernel attributes {flashmhf.schedule = #flashmhf.schedule<token_tile = 64, consumers = 1, persistent = true>} {
    %r = hopper.ring "K" : !ring
    %n = gpu.block_id x
    hopper.warpgroups producer registers 24 {
      %c0 = arith.constant 0 : index
      hopper.put %m[%c0, %c0, %c0, %c0] into %r : !map, !ring
    } consumers 1 registers 240 {
      %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 64] : !out
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @not_persistent
  // CHECK-NOT: scf.for
  // CHECK: gpu.return
  gpu.func @not_persistent(%o: !out) kernel attributes {flashmhf.schedule = #flashmhf.schedule<>} {
    %n = gpu.block_id x
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
    }
    gpu.return
  }
}
