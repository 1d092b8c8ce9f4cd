// RUN: flashmhf-opt %s --hopper-pipeline --hopper-place-waits | FileCheck %s

// With exchanged roles V^T A^T of a step is issued first of all in the next one:
// what it reads lies in shared memory. It is awaited behind the products with K
// and U, and in front of the next write of A.

#schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, stages = [2, 2, 2], overlap = true, exchange = true>
!ring = !hopper.ring<1 x 64x64xbf16>
!slot = !hopper.slot<64x64xbf16>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @steps
  // CHECK-DAG:   %K = hopper.ring "K" : <2 x 64x64xbf16>
  // CHECK-DAG:   %A = hopper.ring "A" : <2 x 8x64xbf16, local>
  // CHECK:       %[[Q:.*]] = hopper.get %Q
  // CHECK:       hopper.wgmma %{{.*}}, %[[Q]] transpose_b
  // CHECK:       %[[A0:.*]] = hopper.get %A
  // CHECK:       hopper.write %{{.*}} to %[[A0]]
  // CHECK:       %[[V0:.*]] = hopper.get %V
  // CHECK:       %[[LAST:.*]]:3 = scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[V:.*]] = %[[V0]], %[[A:.*]] = %[[A0]])
  // CHECK-NEXT:    %[[O:.*]] = hopper.wgmma %[[V]] transpose_a, %[[A]] transpose_b acc %[[ACC]]
  // CHECK-NEXT:    %[[K:.*]] = hopper.get %K
  // CHECK-NEXT:    %[[S:.*]] = hopper.wgmma %[[K]], %[[Q]] transpose_b
  // CHECK-NEXT:    %[[U:.*]] = hopper.get %U
  // CHECK-NEXT:    %[[T:.*]] = hopper.wgmma %[[U]], %[[Q]] transpose_b
  // CHECK-NEXT:    %[[SUM:.*]] = hopper.wait %[[O]] pending 2
  // CHECK-NEXT:    hopper.release %[[V]]
  // CHECK:         hopper.wait %[[S]] pending 1
  // CHECK:         hopper.anchor
  // CHECK:         hopper.wait %[[T]] :
  // CHECK:         %[[NEXTA:.*]] = hopper.get %A
  // CHECK-NEXT:    hopper.write %{{.*}} to %[[NEXTA]]
  // CHECK-NEXT:    %[[NEXTV:.*]] = hopper.get %V
  // CHECK-NEXT:    scf.yield %[[SUM]], %[[NEXTV]], %[[NEXTA]]
  // CHECK:       hopper.release %[[Q]]
  // CHECK:       %[[END:.*]] = hopper.wgmma %[[LAST]]#1 transpose_a, %[[LAST]]#2 transpose_b acc %[[LAST]]#0
  // CHECK-NEXT:  hopper.wait %[[END]] :
  // CHECK-NEXT:  hopper.release %[[LAST]]#1
  gpu.func @steps(%o: memref<1x1x?x64xf32>) kernel attributes {flashmhf.schedule = #schedule} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %Q = hopper.ring "Q" : !hopper.ring<1 x 8x64xbf16>
    %K = hopper.ring "K" : !ring
    %U = hopper.ring "U" : !ring
    %V = hopper.ring "V" : !ring
    %A = hopper.ring "A" : !hopper.ring<2 x 8x64xbf16, local>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %q = hopper.get %Q : !hopper.ring<1 x 8x64xbf16> -> !hopper.slot<8x64xbf16>
      %sum = scf.for %j = %c0 to %c4 step %c1 iter_args(%acc = %zero) -> (vector<64x8xf32>) {
        %k = hopper.get %K : !ring -> !slot
        %s = hopper.wgmma %k, %q transpose_b : !slot, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
        %u = hopper.get %U : !ring -> !slot
        %t = hopper.wgmma %u, %q transpose_b : !slot, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
        %s1 = hopper.wait %s : !hopper.inflight<vector<64x8xf32>>
        hopper.release %k : !slot
        %h = math.tanh %s1 : vector<64x8xf32>
        %t1 = hopper.wait %t : !hopper.inflight<vector<64x8xf32>>
        hopper.release %u : !slot
        %p = arith.mulf %h, %t1 : vector<64x8xf32>
        %a = arith.truncf %p : vector<64x8xf32> to vector<64x8xbf16>
        %w = hopper.get %A : !hopper.ring<2 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
        hopper.write %a to %w : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
        %v = hopper.get %V : !ring -> !slot
        %o1 = hopper.wgmma %v transpose_a, %w transpose_b acc %acc : vector<64x8xf32> : !slot, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<64x8xf32>>
        %next = hopper.wait %o1 : !hopper.inflight<vector<64x8xf32>>
        hopper.release %v : !slot
        scf.yield %next : vector<64x8xf32>
      }
      hopper.release %q : !hopper.slot<8x64xbf16>
      hopper.store %sum, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x64xf32>
    }
    gpu.return
  }
}
