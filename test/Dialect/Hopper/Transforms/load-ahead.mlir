// RUN: flashmhf-opt %s --hopper-load-ahead | FileCheck %s
// RUN: flashmhf-opt %s --hopper-load-ahead --hopper-pipeline | FileCheck %s --check-prefix=PIPELINED

#first = affine_map<()[s0] -> ((s0 * 22) floordiv 5)>
#end = affine_map<()[s0] -> ((s0 * 22 + 22) floordiv 5)>
#network = affine_map<(d0) -> (d0 floordiv 2)>

!q = !hopper.slot<64x64xbf16>
!k = !hopper.slot<32x64xbf16>
!tensor = memref<1x4x?x11xf32>

gpu.module @kernels {
  // The first step's values are loaded before Q is waited for, those of each
  // other step in the one before it; the last step loads its own again.

  // CHECK-LABEL: gpu.func @piece
  // CHECK-SAME: (%[[R:.*]]: memref<1x4x?x11xf32>,
  // CHECK:      consumers
  // CHECK:        %[[LO:.*]] = affine.apply
  // CHECK:        %[[HI:.*]] = affine.apply
  // CHECK:        %[[E0:.*]] = affine.apply #{{.*}}(%[[LO]])
  // CHECK-NEXT:   %[[R0:.*]] = hopper.load_rows %[[R]][%{{.*}}, %{{.*}}, %{{.*}}, %[[E0]]]
  // CHECK-NEXT:   hopper.get %Q
  // CHECK-NEXT:   scf.for %[[T:.*]] = %[[LO]] to %[[HI]] step %[[ONE:.*]] iter_args(%{{.*}} = %{{.*}}, %[[ROWS:.*]] = %[[R0]])
  // CHECK-NEXT:     affine.apply
  // CHECK-NEXT:     %[[NEXT:.*]] = arith.addi %[[T]], %[[ONE]]
  // CHECK-NEXT:     %[[IS:.*]] = arith.cmpi slt, %[[NEXT]], %[[HI]]
  // CHECK-NEXT:     %[[AT:.*]] = arith.select %[[IS]], %[[NEXT]], %[[T]]
  // CHECK-NEXT:     %[[E:.*]] = affine.apply #{{.*}}(%[[AT]])
  // CHECK-NEXT:     %[[AHEAD:.*]] = hopper.load_rows %[[R]][%{{.*}}, %{{.*}}, %{{.*}}, %[[E]]]
  // CHECK-NEXT:     hopper.get %K
  // CHECK:          hopper.row_scale %{{.*}}, %[[ROWS]]
  // CHECK:          scf.yield %{{.*}}, %[[AHEAD]]

  // In the overlapped loop too, whose head has the values of step 0 and loads
  // those of step 1.

  // PIPELINED-LABEL: gpu.func @piece
  // PIPELINED:        %[[R0:.*]] = hopper.load_rows
  // PIPELINED-NEXT:   hopper.get %Q
  // PIPELINED:        %[[R1:.*]] = hopper.load_rows
  // PIPELINED:        hopper.row_scale %{{.*}}, %[[R0]]
  // PIPELINED:        scf.for {{.*}} iter_args(%{{.*}} = %{{.*}}, %[[ROWS:.*]] = %[[R1]], %{{.*}} = %{{.*}}, %{{.*}} = %{{.*}})
  // PIPELINED:          %[[AHEAD:.*]] = hopper.load_rows
  // PIPELINED:          hopper.row_scale %{{.*}}, %[[ROWS]]
  // PIPELINED:          scf.yield %{{.*}}, %[[AHEAD]],
  gpu.func @piece(%r: !tensor, %o: memref<1x4x?x64xf32>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true, split = 5>} {
    %rq = hopper.ring "Q" : !hopper.ring<1 x 64x64xbf16>
    %rk = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %rv = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c1 = arith.constant 1 : index
      %zero = arith.constant dense<0.0> : vector<64x64xf32>
      %piece = gpu.block_id x
      %lo = affine.apply #first()[%piece]
      %hi = affine.apply #end()[%piece]
      %q = hopper.get %rq : !hopper.ring<1 x 64x64xbf16> -> !q
      %sum = scf.for %t = %lo to %hi step %c1 iter_args(%a = %zero) -> vector<64x64xf32> {
        %e = affine.apply #network(%t)
        %rows = hopper.load_rows %r[%i, %i, %i, %e] : !tensor -> vector<64xf32>
        %k = hopper.get %rk : !hopper.ring<1 x 32x64xbf16> -> !k
        %s = hopper.wgmma %q, %k transpose_b : !q, !k -> !hopper.inflight<vector<64x32xf32>>
        %x = hopper.wait %s : !hopper.inflight<vector<64x32xf32>>
        hopper.release %k : !k
        %g = hopper.row_scale %x, %rows : vector<64x32xf32>, vector<64xf32>
        %y = arith.truncf %g : vector<64x32xf32> to vector<64x32xbf16>
        %v = hopper.get %rv : !hopper.ring<1 x 32x64xbf16> -> !k
        %p = hopper.wgmma %y, %v acc %a : vector<64x64xf32> : vector<64x32xbf16>, !k -> !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>
        %n = hopper.wait %p : !hopper.inflight<vector<64x64xf32> reads vector<64x32xbf16>>
        hopper.release %v : !k
        scf.yield %n : vector<64x64xf32>
      }
      hopper.release %q : !q
      hopper.store %sum, %o[%i, %i, %i, %i] : vector<64x64xf32>, memref<1x4x?x64xf32>
    }
    gpu.return
  }

  // Where no sum is split, a load stays in its step.

  // CHECK-LABEL: gpu.func @whole
  // CHECK:      scf.for
  // CHECK-NEXT:   %[[ROWS:.*]] = hopper.load_rows
  // CHECK-NEXT:   hopper.row_scale %{{.*}}, %[[ROWS]]
  gpu.func @whole(%r: !tensor, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %x = arith.constant dense<1.0> : vector<64x32xf32>
    scf.for %t = %c1 to %c5 step %c1 {
      %rows = hopper.load_rows %r[%i, %i, %i, %t] : !tensor -> vector<64xf32>
      %g = hopper.row_scale %x, %rows : vector<64x32xf32>, vector<64xf32>
    }
    gpu.return
  }

  // Nor does a load move whose place another step decides,

  // CHECK-LABEL: gpu.func @carried
  // CHECK:      scf.for %{{.*}} iter_args(%[[E:.*]] = %{{.*}}) -> (index)
  // CHECK:        hopper.load_rows %{{.*}}[%{{.*}}, %{{.*}}, %{{.*}}, %[[E]]]
  // CHECK:        scf.yield %{{[^,]*}} : index
  gpu.func @carried(%r: !tensor, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true, split = 2>} {
    %c1 = arith.constant 1 : index
    %c5 = arith.constant 5 : index
    %x = arith.constant dense<1.0> : vector<64x32xf32>
    %last = scf.for %t = %c1 to %c5 step %c1 iter_args(%e = %c1) -> index {
      %rows = hopper.load_rows %r[%i, %i, %i, %e] : !tensor -> vector<64xf32>
      %g = hopper.row_scale %x, %rows : vector<64x32xf32>, vector<64xf32>
      %n = arith.addi %e, %t : index
      scf.yield %n : index
    }
    gpu.return
  }

  // or one of a loop that may have no step.

  // CHECK-LABEL: gpu.func @maybe_empty
  // CHECK-NOT:  hopper.load_rows
  // CHECK:      scf.for
  // CHECK-NEXT:   hopper.load_rows
  gpu.func @maybe_empty(%r: !tensor, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true, split = 2>} {
    %c1 = arith.constant 1 : index
    %x = arith.constant dense<1.0> : vector<64x32xf32>
    scf.for %t = %c1 to %i step %c1 {
      %rows = hopper.load_rows %r[%i, %i, %i, %t] : !tensor -> vector<64xf32>
      %g = hopper.row_scale %x, %rows : vector<64x32xf32>, vector<64xf32>
    }
    gpu.return
  }
}
