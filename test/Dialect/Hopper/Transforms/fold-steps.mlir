// RUN: flashmhf-opt %s --hopper-fold-steps | FileCheck %s

#next = affine_map<()[s0] -> (s0 + 1)>
#some = affine_map<()[s0] -> ((s0 * 3) floordiv 2 + 1)>
!a = vector<64x16xbf16>
!v = !hopper.slot<16x64xbf16>
!acc = vector<64x64xf32>
!inflight = !hopper.inflight<vector<64x64xf32> reads vector<64x16xbf16>>

gpu.module @kernels {
  // One step, whichever it is: no loop, and nothing to add to.

  // CHECK-LABEL: gpu.func @one
  // CHECK:      consumers
  // CHECK-NOT:    scf.for
  // CHECK:        %[[V:.*]] = hopper.get %V
  // CHECK-NEXT:   %[[P:.*]] = hopper.wgmma %{{.*}}, %[[V]] : vector<64x16xbf16>, <16x64xbf16>
  // CHECK-NEXT:   %[[SUM:.*]] = hopper.wait %[[P]]
  // CHECK-NEXT:   hopper.release %[[V]]
  // CHECK-NEXT:   hopper.store %[[SUM]], %{{.*}}[%{{.*}}, %{{.*}}, %[[FIRST:.*]], %{{.*}}]
  gpu.func @one(%a: !a, %o: memref<1x1x?x64xf32>) kernel {
    %rv = hopper.ring "V" : !hopper.ring<1 x 16x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c0 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %zero = arith.constant dense<0.0> : !acc
      %first = gpu.block_id x
      %end = affine.apply #next()[%first]
      %sum, %last = scf.for %t = %first to %end step %c1 iter_args(%s = %zero, %l = %c0) -> (!acc, index) {
        %v = hopper.get %rv : !hopper.ring<1 x 16x64xbf16> -> !v
        %p = hopper.wgmma %a, %v acc %s : !acc : !a, !v -> !inflight
        %n = hopper.wait %p : !inflight
        hopper.release %v : !v
        scf.yield %n, %t : !acc, index
      }
      hopper.store %sum, %o[%c0, %c0, %last, %c0] : !acc, memref<1x1x?x64xf32>
    }
    gpu.return
  }

  // Steps of 64 in 64 to 128 are one, too. A product that begins from zero asks for
  // no accumulator, and not whether there is one.

  // CHECK-LABEL: gpu.func @wide
  // CHECK-NOT:    scf.for
  // CHECK-NOT:    acc
  // CHECK:        hopper.wgmma %{{.*}}, %{{.*}} : vector<64x16xbf16>
  // CHECK-NOT:    acc
  gpu.func @wide(%a: !a, %n: index, %more: i1) kernel {
    %rv = hopper.ring "V" : !hopper.ring<1 x 16x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c1 = arith.constant 1 : index
      %c64 = arith.constant 64 : index
      %c128 = arith.constant 128 : index
      %zero = arith.constant dense<0.0> : !acc
      %by = arith.muli %c64, %c1 : index
      %end = arith.subi %c128, %by : index
      %c0 = arith.constant 0 : index
      %sum = scf.for %t = %c0 to %end step %c64 iter_args(%s = %zero) -> !acc {
        %v = hopper.get %rv : !hopper.ring<1 x 16x64xbf16> -> !v
        %p = hopper.wgmma %a, %v acc %s : !acc if %more : !a, !v -> !inflight
        %r = hopper.wait %p : !inflight
        hopper.release %v : !v
        scf.yield %r : !acc
      }
    }
    gpu.return
  }

  // Zeros are added nowhere, whatever the condition.

  // CHECK-LABEL: gpu.func @condition
  // CHECK:        hopper.wgmma %{{[^ ]*}}, %{{[^ ]*}} : vector<64x16xbf16>, <16x64xbf16>
  gpu.func @condition(%a: !a, %is: i1) kernel {
    %rv = hopper.ring "V" : !hopper.ring<1 x 16x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : !acc
      %v = hopper.get %rv : !hopper.ring<1 x 16x64xbf16> -> !v
      %p = hopper.wgmma %a, %v acc %zero : !acc if %is : !a, !v -> !inflight
      %n = hopper.wait %p : !inflight
      hopper.release %v : !v
    }
    gpu.return
  }

  // One step or two, or a sum that begins with something, stay as they are.

  // CHECK-LABEL: gpu.func @more
  // CHECK:        scf.for
  // CHECK:          hopper.wgmma {{.*}} acc
  // CHECK:        hopper.wgmma {{.*}} acc
  gpu.func @more(%a: !a, %old: !acc) kernel {
    %rv = hopper.ring "V" : !hopper.ring<1 x 16x64xbf16>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %c1 = arith.constant 1 : index
      %zero = arith.constant dense<0.0> : !acc
      %first = gpu.block_id x
      %end = affine.apply #some()[%first]
      %v = hopper.get %rv : !hopper.ring<1 x 16x64xbf16> -> !v
      %sum = scf.for %t = %first to %end step %c1 iter_args(%s = %zero) -> !acc {
        %p = hopper.wgmma %a, %v acc %s : !acc : !a, !v -> !inflight
        %n = hopper.wait %p : !inflight
        scf.yield %n : !acc
      }
      %q = hopper.wgmma %a, %v acc %old : !acc : !a, !v -> !inflight
      %m = hopper.wait %q : !inflight
      hopper.release %v : !v
    }
    gpu.return
  }
}
