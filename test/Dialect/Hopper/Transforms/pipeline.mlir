// RUN: flashmhf-opt %s --hopper-pipeline | FileCheck %s

gpu.module @kernels {
  // K, U and V get the depth that the schedule says; Q is fetched once.

  // CHECK-LABEL: gpu.func @ffn
  // CHECK: hopper.ring "Q" : <1 x 128x64xbf16>
  // CHECK: hopper.ring "K" : <3 x 32x64xbf16>
  // CHECK: hopper.ring "U" : <2 x 32x64xbf16>
  // CHECK: hopper.ring "V" : <4 x 32x64xbf16>
  // CHECK: hopper.put %{{.*}} into %K : <1x1x32x64xbf16>, <3 x 32x64xbf16>
  // CHECK: hopper.get %K : <3 x 32x64xbf16> -> <32x64xbf16>
  gpu.func @ffn(%m: !hopper.tensor_map<1x1x32x64xbf16>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<stages = [3, 2, 4]>} {
    %q = hopper.ring "Q" : !hopper.ring<1 x 128x64xbf16>
    %k = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %u = hopper.ring "U" : !hopper.ring<1 x 32x64xbf16>
    %v = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %m[%i, %i, %i, %i] into %k : !hopper.tensor_map<1x1x32x64xbf16>, !hopper.ring<1 x 32x64xbf16>
    } consumers 2 registers 240 {
      %s = hopper.get %k : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
      hopper.release %s : !hopper.slot<32x64xbf16>
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @no_schedule
  // CHECK: hopper.ring "K" : <1 x 32x64xbf16>
  gpu.func @no_schedule() kernel {
    %k = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    gpu.return
  }

  // With overlap, A V of one step is summed while the next step's product with K
  // is issued: the first product is in front of the loop, the last sum behind
  // it; between them A and V are carried. Products are issued in turns.

  // CHECK-LABEL: gpu.func @overlap
  // CHECK-SAME: (%[[Q:.*]]: !hopper.slot<128x64xbf16>,
  // CHECK:      consumers 2
  // CHECK:        %[[K0:.*]] = hopper.get %K
  // CHECK-NEXT:   hopper.take_turn
  // CHECK-NEXT:   %[[S0:.*]] = hopper.wgmma %[[Q]], %[[K0]] transpose_b
  // CHECK-NEXT:   hopper.pass_turn
  // CHECK:        %[[V0:.*]] = hopper.get %V
  // CHECK:        %[[X0:.*]] = hopper.wait %[[S0]]
  // CHECK:        hopper.release %[[K0]]
  // CHECK:        %[[A0:.*]] = arith.truncf %[[X0]]
  // CHECK:        %[[LAST:.*]]:3 = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[A:.*]] = %[[A0]], %[[V:.*]] = %[[V0]])
  // CHECK:          %[[K:.*]] = hopper.get %K
  // CHECK-NEXT:     hopper.take_turn
  // CHECK-NEXT:     %[[P:.*]] = hopper.wgmma %[[A]], %[[V]] acc %[[ACC]]
  // CHECK-NEXT:     %[[S:.*]] = hopper.wgmma %[[Q]], %[[K]] transpose_b
  // CHECK-NEXT:     %[[SUM:.*]] = hopper.wait %[[P]]
  // CHECK-NEXT:     hopper.pass_turn
  // CHECK-NEXT:     hopper.release %[[V]]
  // CHECK:          %[[VNEXT:.*]] = hopper.get %V
  // CHECK:          %[[X:.*]] = hopper.wait %[[S]]
  // CHECK:          hopper.release %[[K]]
  // CHECK:          %[[ANEXT:.*]] = arith.truncf %[[X]]
  // CHECK-NEXT:     scf.yield %[[SUM]], %[[ANEXT]], %[[VNEXT]]
  // CHECK:        %[[PLAST:.*]] = hopper.wgmma %[[LAST]]#1, %[[LAST]]#2 acc %[[LAST]]#0
  // CHECK-NEXT:   %[[ALL:.*]] = hopper.wait %[[PLAST]]
  // CHECK-NEXT:   hopper.release %[[LAST]]#2
  // CHECK-NEXT:   hopper.store %[[ALL]]
  gpu.func @overlap(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %c0 to %c8 step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
        %k = hopper.get %rk : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
        %s = hopper.wgmma %q, %k transpose_b : !hopper.slot<128x64xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<64x32xf32>>
        %x = hopper.wait %s : !hopper.inflight<vector<64x32xf32>>
        hopper.release %k : !hopper.slot<32x64xbf16>
        %y = arith.truncf %x : vector<64x32xf32> to vector<64x32xbf16>
        %v = hopper.get %rv : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
        %p = hopper.wgmma %y, %v acc %a : vector<64x64xf32> : vector<64x32xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>
        %n = hopper.wait %p : !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>
        hopper.release %v : !hopper.slot<32x64xbf16>
        scf.yield %n : vector<64x64xf32>
      }
      hopper.store %sum, %acc[%i, %i, %i, %i] : vector<64x64xf32>, memref<1x4x?x64xf32>
    }
    gpu.return
  }

  // One step has nothing to overlap with.

  // CHECK-LABEL: gpu.func @one_step
  // CHECK-NOT:  hopper.take_turn
  // CHECK:      scf.for
  // CHECK-NOT:  hopper.take_turn
  // CHECK:      hopper.store
  gpu.func @one_step(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %end = arith.constant 1 : index
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %c0 to %end step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
        %k = hopper.get %rk : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
        %s = hopper.wgmma %q, %k transpose_b : !hopper.slot<128x64xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<64x32xf32>>
        %x = hopper.wait %s : !hopper.inflight<vector<64x32xf32>>
        hopper.release %k : !hopper.slot<32x64xbf16>
        %y = arith.truncf %x : vector<64x32xf32> to vector<64x32xbf16>
        %v = hopper.get %rv : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
        %p = hopper.wgmma %y, %v acc %a : vector<64x64xf32> : vector<64x32xbf16>, !hopper.slot<32x64xbf16> -> !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>
        %n = hopper.wait %p : !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>
        hopper.release %v : !hopper.slot<32x64xbf16>
        scf.yield %n : vector<64x64xf32>
      }
      hopper.store %sum, %acc[%i, %i, %i, %i] : vector<64x64xf32>, memref<1x4x?x64xf32>
    }
    gpu.return
  }
}
