// RUN: flashmhf-opt %s --hopper-warp-specialize | FileCheck %s

!map = !hopper.tensor_map<1x1x128x64xbf16>
!weights = !hopper.tensor_map<1x1x32x64xbf16>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  // Puts and the loop around them go to the producer, without what the loop
  // carries; rings stay in front; each consumer takes 64 of the 128 rows.

  // CHECK-LABEL: gpu.func @ffn
  // CHECK-SAME: (%[[MQ:.*]]: !hopper.tensor_map<1x1x128x64xbf16>, %[[MK:.*]]: !hopper.tensor_map<1x1x32x64xbf16>, %[[R:.*]]: memref<1x4x?x2xf32>, %[[O:.*]]: memref<1x4x?x64xbf16>)
  // CHECK-NEXT: %Q = hopper.ring "Q"
  // CHECK-NEXT: %K = hopper.ring "K"
  // CHECK-NEXT: hopper.warpgroups producer registers 24 {
  // CHECK-NOT:    hopper.get
  // CHECK-NOT:    vector
  // CHECK:        %[[PB:.*]], %[[PH:.*]], %[[PROW:.*]] = hopper.tile_coordinates
  // CHECK:        hopper.put %[[MQ]][%[[PB]], %[[PH]], %[[PROW]], %{{.*}}] into %Q
  // CHECK-NEXT:   scf.for %[[PF:.*]] = %{{.*}} to %{{.*}} step %{{.*}} {
  // CHECK-NEXT:     hopper.put %[[MK]][%[[PH]], %{{.*}}, %[[PF]], %{{.*}}] into %K
  // CHECK-NEXT:   }
  // CHECK-NEXT: } consumers 2 registers 240 {
  // CHECK:        %[[INDEX:.*]] = hopper.consumer_index
  // CHECK-NEXT:   %[[C64:.*]] = arith.constant 64 : index
  // CHECK-NEXT:   %[[ROW:.*]] = arith.muli %[[INDEX]], %[[C64]] : index
  // CHECK-NOT:    hopper.put
  // CHECK:        %[[B:.*]], %[[H:.*]], %[[TILE:.*]] = hopper.tile_coordinates
  // CHECK:        %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<64x64xf32>
  // CHECK:        %[[RROW:.*]] = arith.addi %[[TILE]], %[[ROW]]
  // CHECK-NEXT:   %[[ROWS:.*]] = hopper.load_rows %[[R]][%[[B]], %[[H]], %[[RROW]], %{{.*}}] : {{.*}} -> vector<64xf32>
  // CHECK:        %[[Q:.*]] = hopper.get %Q : {{.*}} -> <128x64xbf16>
  // CHECK-NEXT:   %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %[[ZERO]]) -> (vector<64x64xf32>) {
  // CHECK-NEXT:     %[[K:.*]] = hopper.get %K
  // CHECK-NEXT:     %[[S:.*]] = hopper.wgmma %[[Q]][%[[ROW]]], %[[K]] transpose_b : {{.*}} -> <vector<64x32xf32>>
  // CHECK-NEXT:     %[[A:.*]] = hopper.wait %[[S]] : <vector<64x32xf32>>
  // CHECK-NEXT:     %[[SCALED:.*]] = hopper.row_scale %[[A]], %[[ROWS]] : vector<64x32xf32>, vector<64xf32>
  // CHECK-NEXT:     %[[T:.*]] = arith.truncf %[[SCALED]] : vector<64x32xf32> to vector<64x32xbf16>
  // CHECK-NEXT:     %[[P:.*]] = hopper.wgmma %[[T]], %[[K]] acc %[[ACC]] : vector<64x64xf32> : vector<64x32xbf16>, <32x64xbf16> -> <vector<64x64xf32> reads vector<64x32xbf16>>
  // CHECK-NEXT:     %[[NEXT:.*]] = hopper.wait %[[P]]
  // CHECK-NEXT:     hopper.release %[[K]]
  // CHECK-NEXT:     scf.yield %[[NEXT]] : vector<64x64xf32>
  // CHECK-NEXT:   }
  // CHECK-NEXT:   hopper.release %[[Q]]
  // CHECK:        %[[LROW:.*]] = arith.addi %[[TILE]], %[[ROW]]
  // CHECK-NEXT:   %[[OLD:.*]] = hopper.load %[[O]][%[[B]], %[[H]], %[[LROW]], %{{.*}}] : {{.*}} -> vector<64x64xbf16>
  // CHECK:        %[[SROW:.*]] = arith.addi %[[TILE]], %[[ROW]]
  // CHECK-NEXT:   hopper.store %{{.*}}, %[[O]][%[[B]], %[[H]], %[[SROW]], %{{.*}}] : vector<64x64xbf16>
  // CHECK-NEXT: }
  // CHECK-NEXT: gpu.return
  gpu.func @ffn(%mq: !map, %mk: !weights, %r: memref<1x4x?x2xf32>, %o: !out) kernel attributes {flashmhf.schedule = #flashmhf.schedule<token_tile = 128>} {
    %rq = hopper.ring "Q" : !hopper.ring<1 x 128x64xbf16>
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %block = gpu.block_id x
    %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 128] : !out
    %c0 = arith.constant 0 : index
    %c32 = arith.constant 32 : index
    %c256 = arith.constant 256 : index
    %zero = arith.constant dense<0.0> : vector<128x64xf32>
    %rows = hopper.load_rows %r[%b, %h, %row, %c0] : memref<1x4x?x2xf32> -> vector<128xf32>
    hopper.put %mq[%b, %h, %row, %c0] into %rq : !map, !hopper.ring<1 x 128x64xbf16>
    %q = hopper.get %rq : !hopper.ring<1 x 128x64xbf16> -> !hopper.slot<128x64xbf16>
    %sum = scf.for %f = %c0 to %c256 step %c32 iter_args(%acc = %zero) -> vector<128x64xf32> {
      hopper.put %mk[%h, %c0, %f, %c0] into %rk : !weights, !hopper.ring<1 x 32x64xbf16>
      %k = hopper.get %rk : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
      %s = hopper.wgmma %q, %k transpose_b : !hopper.slot<128x64xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<128x32xf32>>
      %a = hopper.wait %s : !hopper.inflight<vector<128x32xf32>>
      %scaled = hopper.row_scale %a, %rows : vector<128x32xf32>, vector<128xf32>
      %t = arith.truncf %scaled : vector<128x32xf32> to vector<128x32xbf16>
      %p = hopper.wgmma %t, %k acc %acc : vector<128x64xf32> : vector<128x32xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<128x64xf32> reads vector<128x32xbf16>>
      %next = hopper.wait %p : !hopper.inflight<vector<128x64xf32> reads vector<128x32xbf16>>
      hopper.release %k : !hopper.slot<32x64xbf16>
      scf.yield %next : vector<128x64xf32>
    }
    hopper.release %q : !hopper.slot<128x64xbf16>
    %old = hopper.load %o[%b, %h, %row, %c0] : !out -> vector<128x64xbf16>
    %wide = arith.extf %old : vector<128x64xbf16> to vector<128x64xf32>
    %all = arith.addf %sum, %wide : vector<128x64xf32>
    %rounded = arith.truncf %all : vector<128x64xf32> to vector<128x64xbf16>
    hopper.store %rounded, %o[%b, %h, %row, %c0] : vector<128x64xbf16>, !out
    gpu.return
  }

  // Of scalar operations the producer gets those that its puts need; the bound
  // that only a consumer's loop has stays there.

  // CHECK-LABEL: gpu.func @needed_only
  // CHECK:      hopper.warpgroups producer registers 24 {
  // CHECK-NEXT:   %[[C32:.*]] = arith.constant 32 : index
  // CHECK-NEXT:   hopper.put %{{.*}}[%[[C32]], %[[C32]], %[[C32]], %[[C32]]] into %K
  // CHECK-NEXT: } consumers 1 registers 240 {
  // CHECK:        %[[ROWS:.*]] = hopper.load_rows
  // CHECK:        vector.extract %[[ROWS]]
  gpu.func @needed_only(%mk: !weights, %r: memref<1x4x?x2xf32>) kernel attributes {flashmhf.schedule = #flashmhf.schedule<token_tile = 64, consumers = 1>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %c32 = arith.constant 32 : index
    %c0 = arith.constant 0 : index
    %rows = hopper.load_rows %r[%c0, %c0, %c0, %c0] : memref<1x4x?x2xf32> -> vector<64xf32>
    %first = vector.extract %rows[0] : f32 from vector<64xf32>
    hopper.put %mk[%c32, %c32, %c32, %c32] into %rk : !weights, !hopper.ring<1 x 32x64xbf16>
    %k = hopper.get %rk : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
    hopper.release %k : !hopper.slot<32x64xbf16>
    gpu.return
  }

  // What is specialised already, or moves no tiles, stays as it is.

  // CHECK-LABEL: gpu.func @again
  // CHECK:      hopper.warpgroups
  // CHECK-NOT:  hopper.warpgroups
  // CHECK:      gpu.return
  gpu.func @again(%mk: !weights) kernel {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
      %c0 = arith.constant 0 : index
      hopper.put %mk[%c0, %c0, %c0, %c0] into %rk : !weights, !hopper.ring<1 x 32x64xbf16>
    } consumers 2 registers 240 {
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @other
  // CHECK-NEXT: gpu.return
  gpu.func @other() kernel {
    gpu.return
  }
}
