// RUN: flashmhf-opt %s --hopper-place-waits | FileCheck %s

!slot = !hopper.slot<64x64xbf16>
!product = !hopper.inflight<vector<64x64xf32>>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @two_in_flight
  // CHECK: %[[S:.*]] = hopper.wgmma
  // CHECK: %[[T:.*]] = hopper.wgmma
  // CHECK: hopper.wait %[[S]] pending 1 :
  // CHECK: hopper.wait %[[T]] :
  gpu.func @two_in_flight(%q: !slot, %k: !slot) {
    %s = hopper.wgmma %q, %k : !slot, !slot -> !product
    %t = hopper.wgmma %q, %k : !slot, !slot -> !product
    %a = hopper.wait %s : !product
    %b = hopper.wait %t : !product
    gpu.return
  }

  // A pending count that was there is replaced.

  // CHECK-LABEL: gpu.func @recount
  // CHECK: hopper.wait %{{.*}} : <vector
  gpu.func @recount(%q: !slot, %k: !slot) {
    %s = hopper.wgmma %q, %k : !slot, !slot -> !product
    %a = hopper.wait %s pending 3 : !product
    gpu.return
  }

  // How many products the loop issues is not known; none may be left running.

  // CHECK-LABEL: gpu.func @over_a_loop
  // CHECK: %[[S:.*]] = hopper.wgmma
  // CHECK: scf.for
  // CHECK:   hopper.wait %{{.*}} : <vector
  // CHECK: hopper.wgmma
  // CHECK: hopper.wait %[[S]] : <vector
  gpu.func @over_a_loop(%q: !slot, %k: !slot, %i: index) {
    %s = hopper.wgmma %q, %k : !slot, !slot -> !product
    scf.for %f = %i to %i step %i {
      %t = hopper.wgmma %q, %k : !slot, !slot -> !product
      %b = hopper.wait %t : !product
    }
    %u = hopper.wgmma %q, %k : !slot, !slot -> !product
    %a = hopper.wait %s : !product
    gpu.return
  }

  // A loop without products changes nothing.

  // CHECK-LABEL: gpu.func @over_an_idle_loop
  // CHECK: %[[S:.*]] = hopper.wgmma
  // CHECK: hopper.wait %[[S]] pending 1 :
  gpu.func @over_an_idle_loop(%q: !slot, %k: !slot, %i: index) {
    %s = hopper.wgmma %q, %k : !slot, !slot -> !product
    scf.for %f = %i to %i step %i {
      gpu.barrier
    }
    %t = hopper.wgmma %q, %k : !slot, !slot -> !product
    %a = hopper.wait %s : !product
    gpu.return
  }

  // A product of another block is waited for with all others.

  // CHECK-LABEL: gpu.func @other_block
  // CHECK: %[[S:.*]] = hopper.wgmma
  // CHECK: scf.for
  // CHECK:   hopper.wgmma
  // CHECK:   hopper.wait %[[S]] : <vector
  gpu.func @other_block(%q: !slot, %k: !slot, %i: index) {
    %s = hopper.wgmma %q, %k : !slot, !slot -> !product
    scf.for %f = %i to %i step %i {
      %t = hopper.wgmma %q, %k : !slot, !slot -> !product
      %a = hopper.wait %s : !product
    }
    gpu.return
  }
}
