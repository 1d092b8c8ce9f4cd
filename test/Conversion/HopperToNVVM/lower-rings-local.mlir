// RUN: flashmhf-opt %s --hopper-lower-rings --canonicalize --cse | FileCheck %s

// A local ring has no barriers, and its slots are taken in turn.

// CHECK-LABEL: gpu.func @local
// CHECK-NOT:   nvvm.mbarrier.init
// CHECK:       consumers 1
// CHECK:         %[[S:.*]] = memref.load %[[STAGE:.*]][]
// CHECK:         arith.addi %[[S]], %c1_i32
// CHECK-NOT:     try_wait
// CHECK:         %[[DOWN:.*]] = arith.muli %[[S]], %c1024_i32
// CHECK:         %[[SLOT:.*]] = arith.addi %{{.*}}, %[[DOWN]]
// CHECK:         %[[AT:.*]] = arith.addi %[[SLOT]], %c4096_i32
// CHECK-NEXT:    %[[A:.*]] = hopper.slot_at %[[AT]], %c0_i32 : <8x64xbf16>
// CHECK-NEXT:    hopper.write %{{.*}} to %[[A]]
gpu.module @kernels {
  gpu.func @local(%a: vector<64x8xbf16>) kernel {
    %A = hopper.ring "A" at 4096 barriers 8192 : !hopper.ring<2 x 8x64xbf16, local>
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %slot = hopper.get %A : !hopper.ring<2 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
      hopper.write %a to %slot : vector<64x8xbf16>, !hopper.slot<8x64xbf16>
    }
    gpu.return
  }
}
