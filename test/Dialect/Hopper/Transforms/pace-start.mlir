// RUN: flashmhf-opt %s --hopper-pace-start | FileCheck %s

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @paced
  // CHECK-SAME: %[[FIRST:[a-z0-9]+]]: index, %{{.*}}: index)
  // CHECK:      %V = hopper.ring "V"
  // CHECK:      hopper.put %{{.*}} into %Q
  // CHECK-NEXT: scf.for %[[T:.*]] = %[[FIRST]] to
  // CHECK-NEXT:   hopper.put %{{.*}} into %K
  // CHECK-NEXT:   hopper.put %{{.*}} into %V
  // CHECK-NEXT:   %[[IS_FIRST:.*]] = arith.cmpi eq, %[[T]], %[[FIRST]]
  // CHECK-NEXT:   hopper.await_first %V if %[[IS_FIRST]]
  // CHECK-NEXT: }
  // CHECK-NEXT: } consumers
  gpu.func @paced(%mq: !hopper.tensor_map<1x1x64x64xbf16>, %mk: !hopper.tensor_map<1x1x32x64xbf16>, %first: index, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, paced = true>} {
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
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @not_paced
  // CHECK-NOT:  hopper.await_first
  gpu.func @not_paced(%mk: !hopper.tensor_map<1x1x32x64xbf16>, %first: index, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %K = hopper.ring "K" : <2 x 32x64xbf16>
    hopper.warpgroups producer registers 248 {
      scf.for %t = %first to %end step %c1 {
        hopper.put %mk[%c0, %c0, %t, %c0] into %K : <1x1x32x64xbf16>, <2 x 32x64xbf16>
      }
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}
