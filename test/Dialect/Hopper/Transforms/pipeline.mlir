// RUN: flashmhf-opt %s --hopper-pipeline | FileCheck %s

// CHECK-DAG: #[[$FIRST1:.*]] = affine_map<()[s0] -> ((s0 * 22) floordiv 5)>
// CHECK-DAG: #[[$END1:.*]] = affine_map<()[s0] -> ((s0 * 22 + 22) floordiv 5)>
// CHECK-DAG: #[[$FIRST2:.*]] = affine_map<()[s0] -> (s0 * 11)>
// CHECK-DAG: #[[$END2:.*]] = affine_map<()[s0] -> (s0 * 11 + 11)>
#first = affine_map<()[s0] -> ((s0 * 22) floordiv 5)>
#end = affine_map<()[s0] -> ((s0 * 22 + 22) floordiv 5)>
#even_first = affine_map<()[s0] -> (s0 * 11)>
#even_end = affine_map<()[s0] -> (s0 * 11 + 11)>
#short_first = affine_map<()[s0] -> (s0)>
#short_end = affine_map<()[s0] -> (s0 + 1)>
#few_first = affine_map<()[s0] -> ((s0 * 3) floordiv 5)>
#few_end = affine_map<()[s0] -> ((s0 * 3 + 3) floordiv 5)>

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

  // 22 steps in 5 pieces of 4 or 5: the bounds say that no piece is empty, so that
  // head and tail need no test and no sum is selected. The loop may be empty.

  // CHECK-LABEL: gpu.func @pieces
  // CHECK:        %[[LO:.*]] = affine.apply #[[$FIRST1]]()[%[[PIECE:.*]]]
  // CHECK:        %[[HI:.*]] = affine.apply #[[$END1]]()[%[[PIECE]]]
  // CHECK-NOT:    scf.if
  // CHECK:        hopper.take_turn
  // CHECK-NEXT:   hopper.wgmma {{.*}} transpose_b
  // CHECK-NEXT:   hopper.pass_turn
  // CHECK:        %[[V0:.*]] = hopper.get %V
  // CHECK:        %[[A0:.*]] = arith.truncf
  // CHECK:        %[[STOP:.*]] = arith.subi %[[HI]], %{{.*}}
  // CHECK:        %[[LAST:.*]]:3 = scf.for %{{.*}} = %[[LO]] to %[[STOP]] {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %[[A0]], %{{.*}} = %[[V0]])
  // CHECK:          hopper.take_turn
  // CHECK-NEXT:     hopper.wgmma {{.*}} acc
  // CHECK-NEXT:     hopper.wgmma {{.*}} transpose_b
  // CHECK:          scf.yield
  // CHECK-NOT:    arith.select {{.*}} vector
  // CHECK:        %[[P:.*]] = hopper.wgmma %[[LAST]]#1, %[[LAST]]#2 acc %[[LAST]]#0
  // CHECK-NEXT:   %[[ALL:.*]] = hopper.wait %[[P]]
  // CHECK-NEXT:   hopper.release %[[LAST]]#2
  // CHECK-NEXT:   hopper.store %[[ALL]]
  gpu.func @pieces(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c1 = arith.constant 1 : index
      %piece = gpu.block_id x
      %lo = affine.apply #first()[%piece]
      %hi = affine.apply #end()[%piece]
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %lo to %hi step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
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

  // The same of 22 steps in 2 pieces of 11.

  // CHECK-LABEL: gpu.func @even_pieces
  // CHECK:        %[[LO:.*]] = affine.apply #[[$FIRST2]]()[%[[PIECE:.*]]]
  // CHECK:        %[[HI:.*]] = affine.apply #[[$END2]]()[%[[PIECE]]]
  // CHECK-NOT:    scf.if
  // CHECK:        hopper.take_turn
  // CHECK-NEXT:   hopper.wgmma {{.*}} transpose_b
  // CHECK-NEXT:   hopper.pass_turn
  // CHECK:        %[[V0:.*]] = hopper.get %V
  // CHECK:        %[[A0:.*]] = arith.truncf
  // CHECK:        %[[STOP:.*]] = arith.subi %[[HI]], %{{.*}}
  // CHECK:        %[[LAST:.*]]:3 = scf.for %{{.*}} = %[[LO]] to %[[STOP]] {{.*}} iter_args(%{{.*}} = %{{.*}}, %{{.*}} = %[[A0]], %{{.*}} = %[[V0]])
  // CHECK:          hopper.take_turn
  // CHECK-NEXT:     hopper.wgmma {{.*}} acc
  // CHECK-NEXT:     hopper.wgmma {{.*}} transpose_b
  // CHECK:          scf.yield
  // CHECK-NOT:    arith.select {{.*}} vector
  // CHECK:        %[[P:.*]] = hopper.wgmma %[[LAST]]#1, %[[LAST]]#2 acc %[[LAST]]#0
  // CHECK-NEXT:   %[[ALL:.*]] = hopper.wait %[[P]]
  // CHECK-NEXT:   hopper.release %[[LAST]]#2
  // CHECK-NEXT:   hopper.store %[[ALL]]
  gpu.func @even_pieces(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c1 = arith.constant 1 : index
      %piece = gpu.block_id x
      %lo = affine.apply #even_first()[%piece]
      %hi = affine.apply #even_end()[%piece]
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %lo to %hi step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
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

  // Each piece has one step.

  // CHECK-LABEL: gpu.func @short_pieces
  // CHECK-NOT:    hopper.take_turn
  // CHECK:        scf.for
  // CHECK-NOT:    hopper.take_turn
  // CHECK:        hopper.store
  gpu.func @short_pieces(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c1 = arith.constant 1 : index
      %piece = gpu.block_id x
      %lo = affine.apply #short_first()[%piece]
      %hi = affine.apply #short_end()[%piece]
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %lo to %hi step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
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

  // 3 steps in 5 pieces: some have none.

  // CHECK-LABEL: gpu.func @maybe_empty
  // CHECK-NOT:    hopper.take_turn
  // CHECK:        scf.for
  // CHECK-NOT:    hopper.take_turn
  // CHECK:        hopper.store
  gpu.func @maybe_empty(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c1 = arith.constant 1 : index
      %piece = gpu.block_id x
      %lo = affine.apply #few_first()[%piece]
      %hi = affine.apply #few_end()[%piece]
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %lo to %hi step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
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

  // Nothing is known of the number of steps.

  // CHECK-LABEL: gpu.func @unknown
  // CHECK-NOT:    hopper.take_turn
  // CHECK:        scf.for
  // CHECK-NOT:    hopper.take_turn
  // CHECK:        hopper.store
  gpu.func @unknown(%q: !hopper.slot<128x64xbf16>, %acc: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %c1 = arith.constant 1 : index
      %hi = gpu.block_id x
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sum = scf.for %f = %i to %hi step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
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
