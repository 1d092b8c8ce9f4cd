// RUN: flashmhf-opt %s --hopper-pipeline --hopper-place-waits --canonicalize | FileCheck %s

#overlap = #flashmhf.schedule<overlap = true>
!q = !hopper.slot<64x64xbf16>
!s = !hopper.slot<32x64xbf16>
!ring = !hopper.ring<1 x 32x64xbf16>
!p = !hopper.inflight<vector<64x32xf32>>
!sum = !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>

gpu.module @kernels {
  // The sum of a sub-network is added to that of all when the products of the next
  // step run. What only that needs, R and the conditions, belongs to the step of the
  // sum: it is computed when that step is summed, and no loop carries it.

  // CHECK-LABEL: gpu.func @late
  // CHECK-SAME:  (%[[Q:.*]]: !hopper.slot<64x64xbf16>, %[[R:[^ :]*]]: memref
  // CHECK:       consumers 1
  // CHECK-NOT:   hopper.load_rows
  // CHECK:       %[[LAST:.*]]:4 = scf.for %[[I:.*]] = {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[PART:.*]] = %{{.*}}, %[[A:.*]] = %{{.*}}, %[[V:.*]] = %{{.*}})
  // CHECK-NEXT:    %[[E:.*]] = arith.divui %[[I]], %{{.*}}
  // CHECK-NEXT:    %[[F:.*]] = arith.remui %[[I]], %{{.*}}
  // CHECK-NEXT:    %[[ROWS:.*]] = hopper.load_rows %[[R]][{{.*}}, %[[E]]]
  // CHECK-NEXT:    %[[MORE:.*]] = arith.cmpi ne, %[[F]]
  // CHECK-NEXT:    %[[ENDS:.*]] = arith.cmpi eq, %[[F]]
  // CHECK-NEXT:    hopper.get %K
  // CHECK-NEXT:    %[[P:.*]] = hopper.wgmma %[[A]], %[[V]] acc %[[PART]] : vector<64x64xf32> if %[[MORE]]
  // CHECK-NEXT:    %[[S:.*]] = hopper.wgmma %[[Q]], %{{.*}} transpose_b
  // CHECK-NEXT:    %[[SUM:.*]] = hopper.wait %[[P]] pending 1
  // CHECK-NEXT:    hopper.release %[[V]]
  // CHECK-NEXT:    %[[ALL:.*]] = hopper.add_scaled %[[ACC]], %[[SUM]], %[[ROWS]] if %[[ENDS]]
  // CHECK:         hopper.wait %[[S]]
  // CHECK:         scf.yield %[[ALL]], %[[SUM]]
  // CHECK:       hopper.load_rows
  // CHECK:       hopper.wgmma %[[LAST]]#2, %[[LAST]]#3 acc %[[LAST]]#1
  // CHECK:       hopper.add_scaled %[[LAST]]#0,
  gpu.func @late(%q: !q, %r: memref<1x4x?x4xf32>, %o: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #overlap} {
    %rk = hopper.ring "K" : !ring
    %rv = hopper.ring "V" : !ring
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %c8 = arith.constant 8 : index
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %sums:2 = scf.for %n = %c0 to %c8 step %c1 iter_args(%acc = %zero, %part = %zero) -> (vector<64x64xf32>, vector<64x64xf32>) {
        %e = arith.divui %n, %c2 : index
        %f = arith.remui %n, %c2 : index
        %rows = hopper.load_rows %r[%i, %i, %i, %e] : memref<1x4x?x4xf32> -> vector<64xf32>
        %k = hopper.get %rk : !ring -> !s
        %s = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
        %x = hopper.wait %s : !p
        hopper.release %k : !s
        %y = arith.truncf %x : vector<64x32xf32> to vector<64x32xbf16>
        %v = hopper.get %rv : !ring -> !s
        %more = arith.cmpi ne, %f, %c0 : index
        %ends = arith.cmpi eq, %f, %c1 : index
        %p = hopper.wgmma %y, %v acc %part : vector<64x64xf32> if %more : vector<64x32xbf16>, !s -> !sum
        %sum = hopper.wait %p : !sum
        hopper.release %v : !s
        %all = hopper.add_scaled %acc, %sum, %rows if %ends : vector<64x64xf32>, vector<64xf32>
        scf.yield %all, %sum : vector<64x64xf32>, vector<64x64xf32>
      }
      hopper.store %sums#0, %o[%i, %i, %i, %i] : vector<64x64xf32>, memref<1x4x?x64xf32>
    }
    gpu.return
  }

  // Values of R that were loaded a step ahead: of the two that are in registers it is
  // the older one.

  // CHECK-LABEL: gpu.func @ahead
  // CHECK-SAME:  (%{{.*}}: !hopper.slot<64x64xbf16>, %[[R:[^ :]*]]: memref
  // CHECK:       consumers 1
  // CHECK:       %[[R0:.*]] = hopper.load_rows
  // CHECK:       %[[R1:.*]] = hopper.load_rows
  // CHECK:       %[[OLD0:.*]] = hopper.anchor %[[R0]] : vector<64xf32>
  // CHECK:       scf.for {{.*}} iter_args(%[[ACC:.*]] = %{{.*}}, %[[PART:.*]] = %{{.*}}, %[[NEW:[^ ]*]] = %[[R1]], {{.*}}, %[[OLD:[^ ]*]] = %[[OLD0]])
  // CHECK:         %[[NEXT:.*]] = hopper.load_rows
  // CHECK:         hopper.add_scaled %[[ACC]], %{{.*}}, %[[OLD]] if
  // CHECK:         %[[NEXTOLD:.*]] = hopper.anchor %[[NEW]]
  // CHECK:         scf.yield %{{.*}}, %{{.*}}, %[[NEXT]], {{.*}}, %[[NEXTOLD]] :
  gpu.func @ahead(%q: !q, %r: memref<1x4x?x8xf32>, %o: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #overlap} {
    %rk = hopper.ring "K" : !ring
    %rv = hopper.ring "V" : !ring
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c8 = arith.constant 8 : index
      %true = arith.constant true
      %false = arith.constant false
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %first = hopper.load_rows %r[%i, %i, %i, %c0] : memref<1x4x?x8xf32> -> vector<64xf32>
      %sums:3 = scf.for %n = %c0 to %c8 step %c1 iter_args(%acc = %zero, %part = %zero, %rows = %first) -> (vector<64x64xf32>, vector<64x64xf32>, vector<64xf32>) {
        %next = hopper.load_rows %r[%i, %i, %i, %n] : memref<1x4x?x8xf32> -> vector<64xf32>
        %k = hopper.get %rk : !ring -> !s
        %s = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
        %x = hopper.wait %s : !p
        hopper.release %k : !s
        %y = arith.truncf %x : vector<64x32xf32> to vector<64x32xbf16>
        %v = hopper.get %rv : !ring -> !s
        %p = hopper.wgmma %y, %v acc %part : vector<64x64xf32> if %false : vector<64x32xbf16>, !s -> !sum
        %sum = hopper.wait %p : !sum
        hopper.release %v : !s
        %all = hopper.add_scaled %acc, %sum, %rows if %true : vector<64x64xf32>, vector<64xf32>
        scf.yield %all, %sum, %next : vector<64x64xf32>, vector<64x64xf32>, vector<64xf32>
      }
      hopper.store %sums#0, %o[%i, %i, %i, %i] : vector<64x64xf32>, memref<1x4x?x64xf32>
    }
    gpu.return
  }
}
