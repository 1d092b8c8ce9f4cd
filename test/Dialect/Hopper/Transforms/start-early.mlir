// RUN: flashmhf-opt %s --hopper-start-early | FileCheck %s

gpu.module @kernels {
  // Of two threads that of Q waits, once, and that of the weights does not.

  // CHECK-LABEL: gpu.func @threads
  // CHECK-NEXT: hopper.launch_dependents
  // CHECK:      hopper.thread {
  // CHECK-NEXT:   hopper.wait_predecessor
  // CHECK-NEXT:   scf.for
  // CHECK-NEXT:     hopper.put %{{.*}} into %Q
  // CHECK:      hopper.thread {
  // CHECK-NEXT:   scf.for
  // CHECK-NEXT:     hopper.put %{{.*}} into %K
  // CHECK-NOT:  hopper.wait_predecessor
  // CHECK:      } consumers
  // CHECK-NEXT: hopper.wait_predecessor
  gpu.func @threads(%mq: !hopper.tensor_map<1x1x64x64xbf16>, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<persistent = true, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    %K = hopper.ring "K" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      hopper.thread {
        scf.for %t = %c0 to %end step %c1 {
          hopper.put %mq[%c0, %c0, %t, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
        }
      }
      hopper.thread {
        scf.for %t = %c0 to %end step %c1 {
          hopper.put %mq[%c0, %c0, %t, %c0] into %K : <1x1x64x64xbf16>, <1 x 64x64xbf16>
        }
      }
    } consumers 1 registers 248 {
    }
    gpu.return
  }

  // One thread for all, of a kernel that has no weights: it waits.

  // CHECK-LABEL: gpu.func @alone
  // CHECK:      producer registers 248 {
  // CHECK-NEXT:   hopper.wait_predecessor
  // CHECK-NEXT:   hopper.put %{{.*}} into %Q
  // CHECK:      } consumers
  // CHECK-NEXT: hopper.wait_predecessor
  // CHECK-NEXT: hopper.load_rows
  gpu.func @alone(%mq: !hopper.tensor_map<1x1x64x64xbf16>, %r: memref<1x1x?x1xf32>)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
    } consumers 1 registers 248 {
      %rows = hopper.load_rows %r[%c0, %c0, %c0, %c0] : memref<1x1x?x1xf32> -> vector<64xf32>
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @ordinary
  // CHECK-NOT: hopper.wait_predecessor
  // CHECK-NOT: hopper.launch_dependents
  gpu.func @ordinary() kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2>} {
    gpu.return
  }
}
