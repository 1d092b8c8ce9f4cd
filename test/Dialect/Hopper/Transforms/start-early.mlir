// RUN: flashmhf-opt %s --hopper-start-early | FileCheck %s

gpu.module @kernels {
  // The rings of the weights hold 2 and 3 tiles: two steps go ahead of the wait.

  // CHECK-LABEL: gpu.func @early
  // CHECK-SAME: (%[[MQ:.*]]: !hopper.tensor_map<1x1x64x64xbf16>, %[[MK:.*]]: !hopper.tensor_map<1x1x32x64xbf16>, %{{.*}}: memref<{{.*}}>, %[[FIRST:.*]]: index, %[[END:.*]]: index)
  // CHECK-NEXT: hopper.launch_dependents
  // CHECK:      hopper.warpgroups producer
  // CHECK:      %[[AHEAD:.*]] = arith.muli %c1, %{{.*}}
  // CHECK:      %[[SUM:.*]] = arith.addi %[[FIRST]], %[[AHEAD]]
  // CHECK:      %[[MIDDLE:.*]] = arith.minsi %[[SUM]], %[[END]]
  // CHECK:      scf.for %{{.*}} = %[[FIRST]] to %[[MIDDLE]] step %c1 {
  // CHECK-NEXT:   hopper.put %[[MK]]{{.*}} into %K
  // CHECK-NEXT:   hopper.put %[[MK]]{{.*}} into %V
  // CHECK-NEXT: }
  // CHECK-NEXT: hopper.wait_predecessor
  // CHECK-NEXT: hopper.put %[[MQ]]{{.*}} into %Q
  // CHECK-NEXT: scf.for %{{.*}} = %[[MIDDLE]] to %[[END]] step %c1 {
  // CHECK-NEXT:   hopper.put %[[MK]]{{.*}} into %K
  // CHECK-NEXT:   hopper.put %[[MK]]{{.*}} into %V
  // CHECK-NEXT: }
  // CHECK-NEXT: } consumers
  // CHECK-NEXT: hopper.wait_predecessor
  // CHECK-NEXT: hopper.load_rows
  gpu.func @early(%mq: !hopper.tensor_map<1x1x64x64xbf16>, %mk: !hopper.tensor_map<1x1x32x64xbf16>, %r: memref<1x1x?x1xf32>, %first: index, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    %K = hopper.ring "K" : <2 x 32x64xbf16>
    %V = hopper.ring "V" : <3 x 32x64xbf16>
    hopper.warpgroups producer registers 248 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      scf.for %t = %first to %end step %c1 {
        hopper.put %mk[%c0, %c0, %t, %c0] into %K : <1x1x32x64xbf16>, <2 x 32x64xbf16>
        hopper.put %mk[%c0, %c0, %t, %c0] into %V : <1x1x32x64xbf16>, <3 x 32x64xbf16>
      }
    } consumers 1 registers 248 {
      %rows = hopper.load_rows %r[%c0, %c0, %c0, %c0] : memref<1x1x?x1xf32> -> vector<64xf32>
    }
    gpu.return
  }

  // One step has no loop, and room in the rings.

  // CHECK-LABEL: gpu.func @one_step
  // CHECK:      hopper.warpgroups producer
  // CHECK-NEXT: hopper.put %{{.*}} into %K
  // CHECK-NEXT: hopper.wait_predecessor
  // CHECK-NEXT: hopper.put %{{.*}} into %Q
  // CHECK-NEXT: } consumers
  gpu.func @one_step(%mq: !hopper.tensor_map<1x1x64x64xbf16>)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    %K = hopper.ring "K" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      hopper.put %mq[%c0, %c0, %c0, %c0] into %K : <1x1x64x64xbf16>, <1 x 64x64xbf16>
    } consumers 1 registers 248 {
    }
    gpu.return
  }

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

  // The tiles of X that belong to the first steps follow the wait.

  // CHECK-LABEL: gpu.func @projection
  // CHECK:      hopper.warpgroups producer
  // CHECK:      %[[MIDDLE:.*]] = arith.minsi
  // CHECK:      scf.for %{{.*}} = %c0 to %[[MIDDLE]] step %c1 {
  // CHECK-NEXT:   hopper.put %{{.*}} into %W
  // CHECK-NEXT: }
  // CHECK-NEXT: hopper.wait_predecessor
  // CHECK-NEXT: scf.for %{{.*}} = %c0 to %[[MIDDLE]] step %c1 {
  // CHECK-NEXT:   hopper.put %{{.*}} into %X
  // CHECK-NEXT: }
  // CHECK-NEXT: scf.for %{{.*}} = %[[MIDDLE]] to %{{.*}} step %c1 {
  // CHECK-NEXT:   hopper.put %{{.*}} into %W
  // CHECK-NEXT:   hopper.put %{{.*}} into %X
  // CHECK-NEXT: }
  // CHECK-NEXT: } consumers
  gpu.func @projection(%m: !hopper.tensor_map<1x1x64x64xbf16>, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %W = hopper.ring "W" : <3 x 64x64xbf16>
    %X = hopper.ring "X" : <2 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      scf.for %t = %c0 to %end step %c1 {
        hopper.put %m[%c0, %c0, %t, %c0] into %W : <1x1x64x64xbf16>, <3 x 64x64xbf16>
        hopper.put %m[%c0, %c0, %t, %c0] into %X : <1x1x64x64xbf16>, <2 x 64x64xbf16>
      }
    } consumers 1 registers 248 {
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
