// RUN: flashmhf-opt %s --hopper-allocate-shared-memory --hopper-lower-tiles --hopper-lower-rings --hopper-lower-warpgroups --hopper-distribute --canonicalize --cse | FileCheck %s
// RUN: flashmhf-opt %s --hopper-lower-tiles --canonicalize --cse | FileCheck %s --check-prefix=TILES

// A cluster fills slots together: each block waits for the consumers of all,
// expects the whole tile and fetches its share for all.

gpu.module @kernels {
  // Whole panels: 2 of 64 columns, one for each block.
  // CHECK-LABEL: gpu.func @panels
  gpu.func @panels(%m: !hopper.tensor_map<1x1x64x64xbf16>, %i: index) kernel {
    // 2 consumers of 4 warps in 2 blocks give a slot back.
    // CHECK-DAG:  %[[C16:.*]] = arith.constant 16 : i32
    // CHECK:      nvvm.mbarrier.init %{{.*}}, %[[C16]]
    // CHECK:      nvvm.cluster.arrive
    // CHECK-NEXT: nvvm.cluster.wait
    // CHECK-NOT:  gpu.barrier
    %ring = hopper.ring "K" : !hopper.ring<1 x 64x128xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      // CHECK:      mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], 16384;
      // CHECK:      %[[RANK:.*]] = nvvm.read.ptx.sreg.cluster.ctarank
      // CHECK:      cp.async.bulk.tensor.5d.{{.*}}.multicast::cluster [$0], [$1, {$2, $3, $4, $5, $6}], [$7], $8;
      // CHECK-NOT:  cp.async.bulk.tensor
      hopper.put %m[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 64x128xbf16, cluster 2>
    } consumers 2 registers 240 {
      %slot = hopper.get %ring : !hopper.ring<1 x 64x128xbf16, cluster 2> -> !hopper.slot<64x128xbf16, cluster 2>
      // Lane i of each warp tells block i.
      // CHECK:      mapa.shared::cluster.u32 remote, $0, $1;{{.*}}mbarrier.arrive.shared::cluster.b64 _, [remote];
      hopper.release %slot : !hopper.slot<64x128xbf16, cluster 2>
    }
    // No block ends before all have finished.
    // CHECK:      nvvm.cluster.arrive
    // CHECK-NEXT: nvvm.cluster.wait
    // CHECK-NEXT: gpu.return
    gpu.return
  }

  // Three panels cannot be halved: rows of each panel.
  // CHECK-LABEL: gpu.func @rows
  gpu.func @rows(%m: !hopper.tensor_map<1x1x32x32xbf16>, %i: index) kernel {
    %ring = hopper.ring "K" : !hopper.ring<1 x 64x96xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      // CHECK-COUNT-3: cp.async.bulk.tensor.5d.{{.*}}.multicast::cluster
      // CHECK-NOT:     cp.async.bulk.tensor
      hopper.put %m[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x32x32xbf16>, !hopper.ring<1 x 64x96xbf16, cluster 2>
    } consumers 2 registers 240 {
    }
    gpu.return
  }

  // A warp waits, and its first lane acts.
  // CHECK-LABEL: gpu.func @warp
  gpu.func @warp(%m: !hopper.tensor_map<1x1x64x64xbf16>, %i: index) kernel {
    %ring = hopper.ring "K" : !hopper.ring<1 x 64x128xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      // CHECK:      mbarrier.try_wait
      // CHECK:      nvvm.bar.warp.sync
      // CHECK:      %[[LANE:.*]] = arith.remui %{{.*}}, %c32
      // CHECK:      %[[FIRST:.*]] = arith.cmpi eq, %[[LANE]], %c0
      // CHECK:      "@$1 mbarrier.arrive.expect_tx.shared::cta.b64 _, [$0], 16384;", "r,b,~{memory}" %{{.*}}, %[[FIRST]]
      // CHECK:      "@$9 cp.async.bulk.tensor.5d.{{.*}}.multicast::cluster [$0], [$1, {$2, $3, $4, $5, $6}], [$7], $8;", {{.*}}, %[[FIRST]] :
      hopper.thread warp {
        hopper.put %m[%i, %i, %i, %i] into %ring : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 64x128xbf16, cluster 2>
      }
    } consumers 2 registers 240 {
    }
    gpu.return
  }

  // TILES-LABEL: gpu.func @tiles
  // TILES-DAG: %[[C255:.*]] = arith.constant 255 : i32
  // TILES-DAG: %[[C2:.*]] = arith.constant 2 : i32
  // TILES-DAG: %[[C256:.*]] = arith.constant 256 : i32
  // TILES:     %[[UP:.*]] = arith.addi %{{.*}}, %[[C255]]
  // TILES:     %[[PAIRS:.*]] = arith.divui %[[UP]], %[[C256]]
  // TILES:     arith.muli %[[PAIRS]], %[[C2]]
  gpu.func @tiles(%o: memref<?x?x?x64xbf16>, %out: memref<index>) {
    %n = hopper.tile_count %o tiles [1, 1, 128] cluster 2 : memref<?x?x?x64xbf16>
    memref.store %n, %out[] : memref<index>
    gpu.return
  }
}
