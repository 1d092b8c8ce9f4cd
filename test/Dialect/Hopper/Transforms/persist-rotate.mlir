// RUN: flashmhf-opt %s --hopper-persist | FileCheck %s

// Each cluster of two blocks starts its sum at a sub-network of its own.

#schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, cluster = 2, persistent = true, rotate = true>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @rotate
  gpu.func @rotate(%m: !hopper.tensor_map<1x1x32x64xbf16>, %o: memref<1x8x?x64xbf16>) kernel attributes {flashmhf.schedule = #schedule} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c11 = arith.constant 11 : index
    %ring = hopper.ring "K" : !hopper.ring<1 x 64x64xbf16, cluster 2>
    %block = gpu.block_id x
    hopper.warpgroups producer registers 24 {
      // CHECK: scf.for %[[TILE:.*]] = %{{.*}} to
      // CHECK: %[[PAIR:.*]] = arith.divui %[[TILE]], %{{.*}}
      // CHECK: %[[START:.*]] = arith.remui %[[PAIR]], %{{.*}}
      // CHECK: scf.for %[[E:.*]] = %c0 to %c11 step %c1
      // CHECK:   %[[SUM:.*]] = arith.addi %[[START]], %[[E]]
      // CHECK:   %[[WRAPS:.*]] = arith.cmpi uge, %[[SUM]], %{{.*}}
      // CHECK:   %[[AROUND:.*]] = arith.subi %[[SUM]], %{{.*}}
      // CHECK:   %[[ROTATED:.*]] = arith.select %[[WRAPS]], %[[AROUND]], %[[SUM]]
      // CHECK:   hopper.put %{{.*}}[%{{.*}}, %[[ROTATED]], %{{.*}}, %{{.*}}]
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x8x?x64xbf16>
      scf.for %e = %c0 to %c11 step %c1 {
        hopper.put %m[%h, %e, %c0, %c0] into %ring : !hopper.tensor_map<1x1x32x64xbf16>, !hopper.ring<1 x 64x64xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
      // CHECK: consumers 1
      // CHECK: scf.for
      // CHECK: scf.for
      // CHECK:   hopper.get
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x8x?x64xbf16>
      scf.for %e = %c0 to %c11 step %c1 {
        %k = hopper.get %ring : !hopper.ring<1 x 64x64xbf16, cluster 2> -> !hopper.slot<64x64xbf16, cluster 2>
        hopper.release %k : !hopper.slot<64x64xbf16, cluster 2>
      }
    }
    gpu.return
  }
}
