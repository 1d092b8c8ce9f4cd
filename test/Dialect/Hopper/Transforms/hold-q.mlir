// RUN: flashmhf-opt %s --hopper-hold-q | FileCheck %s

#held = #flashmhf.schedule<dff_tile = 32, hold_q = true>
#not = #flashmhf.schedule<dff_tile = 32>
!q = !hopper.slot<64x64xbf16>
!k = !hopper.slot<32x64xbf16>
!rows = !hopper.slot<128x64xbf16>
!p = !hopper.inflight<vector<64x32xf32>>

gpu.module @kernels {
  // Q is read once it is halved, and its slot given back at once. Products in loops
  // read registers, which stay theirs until the waits.

  // CHECK-LABEL: gpu.func @held
  // CHECK:       %[[SLOT:.*]] = hopper.get
  // CHECK-NEXT:  hopper.scale %[[SLOT]]
  // CHECK-NEXT:  %[[Q:.*]] = hopper.read %[[SLOT]] : <64x64xbf16> -> vector<64x64xbf16>
  // CHECK-NEXT:  hopper.release %[[SLOT]]
  // CHECK-NEXT:  scf.for
  // CHECK-NEXT:    %[[S:.*]] = hopper.wgmma %[[Q]], %{{.*}} transpose_b : vector<64x64xbf16>, <32x64xbf16> -> <vector<64x32xf32> reads vector<64x64xbf16>>
  // CHECK-NEXT:    hopper.wait %[[S]] : <vector<64x32xf32> reads vector<64x64xbf16>>
  // CHECK-NEXT:  }
  // CHECK-NEXT:  gpu.return
  gpu.func @held(%ring: !hopper.ring<1 x 64x64xbf16>, %k: !k, %n: index) kernel attributes {flashmhf.schedule = #held} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %q = hopper.get %ring : !hopper.ring<1 x 64x64xbf16> -> !q
    hopper.scale %q, 0.5 : !q
    scf.for %i = %c0 to %n step %c1 {
      %s = hopper.wgmma %q, %k transpose_b : !q, !k -> !p
      %x = hopper.wait %s : !p
    }
    hopper.release %q : !q
    gpu.return
  }

  // CHECK-LABEL: gpu.func @not
  // CHECK-NOT:   hopper.read
  gpu.func @not(%ring: !hopper.ring<1 x 64x64xbf16>, %k: !k) kernel attributes {flashmhf.schedule = #not} {
    %q = hopper.get %ring : !hopper.ring<1 x 64x64xbf16> -> !q
    %s = hopper.wgmma %q, %k transpose_b : !q, !k -> !p
    %x = hopper.wait %s : !p
    hopper.release %q : !q
    gpu.return
  }

  // K is the B operand; nor is a slot that consumers share, of which each takes rows.

  // CHECK-LABEL: gpu.func @others
  // CHECK-NOT:   hopper.read
  gpu.func @others(%ring: !hopper.ring<1 x 64x64xbf16>, %shared: !hopper.ring<1 x 128x64xbf16>, %q: !q, %row: index) kernel attributes {flashmhf.schedule = #held} {
    %k = hopper.get %ring : !hopper.ring<1 x 64x64xbf16> -> !q
    %s = hopper.wgmma %q, %k transpose_b : !q, !q -> !hopper.inflight<vector<64x64xf32>>
    %x = hopper.wait %s : !hopper.inflight<vector<64x64xf32>>
    hopper.release %k : !q
    %all = hopper.get %shared : !hopper.ring<1 x 128x64xbf16> -> !rows
    %t = hopper.wgmma %all[%row], %q transpose_b : !rows, !q -> !hopper.inflight<vector<64x64xf32>>
    %y = hopper.wait %t : !hopper.inflight<vector<64x64xf32>>
    hopper.release %all : !rows
    gpu.return
  }
}
