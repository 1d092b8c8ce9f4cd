// RUN: flashmhf-opt %s --split-input-file --verify-diagnostics --hopper-split-producer | FileCheck %s

// Q and the weights are fetched at different levels: two threads.

#schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, producers = 2>
!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @two
  // CHECK-SAME: (%[[Q:[^:]*]]: !hopper.tensor_map{{.*}}, %[[K:[^:]*]]: !hopper.tensor_map
  // CHECK:      hopper.warpgroups producer registers 24 {
  // CHECK-NEXT:   hopper.thread {
  // CHECK-NEXT:     scf.for %[[N:.*]] =
  // CHECK-NEXT:       hopper.put %[[Q]][%{{.*}}, %[[N]], %{{.*}}, %{{.*}}] into %Q
  // CHECK-NEXT:     }
  // CHECK-NEXT:   }
  // CHECK-NEXT:   hopper.thread {
  // CHECK-NEXT:     scf.for %[[N:.*]] =
  // CHECK-NEXT:       %[[ROW:.*]] = arith.addi %[[N]],
  // CHECK-NEXT:       scf.for %[[F:.*]] =
  // CHECK-NEXT:         hopper.put %[[K]][%{{.*}}, %[[ROW]], %[[F]], %{{.*}}] into %K
  // CHECK-NEXT:         hopper.put %[[K]][%{{.*}}, %[[ROW]], %[[F]], %{{.*}}] into %V
  // CHECK-NEXT:       }
  // CHECK-NEXT:     }
  // CHECK-NEXT:   }
  // CHECK-NEXT: } consumers 1
  gpu.func @two(%q: !map, %k: !map) kernel attributes {flashmhf.schedule = #schedule} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %rq = hopper.ring "Q" : !ring
    %rk = hopper.ring "K" : !ring
    %rv = hopper.ring "V" : !ring
    hopper.warpgroups producer registers 24 {
      scf.for %n = %c0 to %c4 step %c1 {
        hopper.put %q[%c0, %n, %c0, %c0] into %rq : !map, !ring
        %row = arith.addi %n, %c1 : index
        scf.for %f = %c0 to %c4 step %c1 {
          hopper.put %k[%c0, %row, %f, %c0] into %rk : !map, !ring
          hopper.put %k[%c0, %row, %f, %c0] into %rv : !map, !ring
        }
      }
    } consumers 1 registers 240 {
    }
    gpu.return
  }

  // One level is one thread, without hopper.thread.

  // CHECK-LABEL: gpu.func @one
  // CHECK-NOT:   hopper.thread
  gpu.func @one(%q: !map) kernel attributes {flashmhf.schedule = #schedule} {
    %c0 = arith.constant 0 : index
    %rq = hopper.ring "Q" : !ring
    hopper.warpgroups producer registers 24 {
      hopper.put %q[%c0, %c0, %c0, %c0] into %rq : !map, !ring
    } consumers 1 registers 240 {
    }
    gpu.return
  }

  // But where Q's thread is to wait for the kernel in front, whatever the schedule
  // says of producers.

  // CHECK-LABEL: gpu.func @early
  // CHECK:       hopper.thread {
  // CHECK-NEXT:    hopper.put %{{.*}} into %Q
  // CHECK-NEXT:  }
  // CHECK-NEXT:  hopper.thread {
  // CHECK-NEXT:    hopper.put %{{.*}} into %K
  // CHECK-NEXT:  }
  gpu.func @early(%q: !map) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 1, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %rq = hopper.ring "Q" : !ring
    %rk = hopper.ring "K" : !ring
    hopper.warpgroups producer registers 24 {
      hopper.put %q[%c0, %c0, %c0, %c0] into %rq : !map, !ring
      hopper.put %q[%c0, %c0, %c0, %c0] into %rk : !map, !ring
    } consumers 1 registers 240 {
    }
    gpu.return
  }

  // So it is with the two operands of a projection, which are in one loop.

  // CHECK-LABEL: gpu.func @projection
  // CHECK:       hopper.thread {
  // CHECK-NEXT:    scf.for
  // CHECK-NEXT:      hopper.put %{{.*}} into %W
  // CHECK-NEXT:    }
  // CHECK-NEXT:  }
  // CHECK-NEXT:  hopper.thread {
  // CHECK-NEXT:    scf.for
  // CHECK-NEXT:      hopper.put %{{.*}} into %X
  // CHECK-NEXT:    }
  // CHECK-NEXT:  }
  gpu.func @projection(%m: !map) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 1, split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %w = hopper.ring "W" : !ring
    %x = hopper.ring "X" : !ring
    hopper.warpgroups producer registers 24 {
      scf.for %n = %c0 to %c4 step %c1 {
        hopper.put %m[%c0, %c0, %n, %c0] into %w : !map, !ring
        hopper.put %m[%c0, %c0, %n, %c0] into %x : !map, !ring
      }
    } consumers 1 registers 240 {
    }
    gpu.return
  }

  // Transfers to a cluster are a warp's.

  // CHECK-LABEL: gpu.func @cluster
  // CHECK:       hopper.thread {
  // CHECK:         into %Q
  // CHECK:       hopper.thread warp {
  // CHECK:         into %K
  gpu.func @cluster(%q: !map) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 1, cluster = 2, producers = 2>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %rq = hopper.ring "Q" : !ring
    %rk = hopper.ring "K" : !hopper.ring<1 x 128x64xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      hopper.put %q[%c0, %c0, %c0, %c0] into %rq : !map, !ring
      scf.for %n = %c0 to %c1 step %c1 {
        hopper.put %q[%c0, %c0, %n, %c0] into %rk : !map, !hopper.ring<1 x 128x64xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
    }
    gpu.return
  }

  // The schedule may want one thread for all.

  // CHECK-LABEL: gpu.func @off
  // CHECK-NOT:   hopper.thread
  gpu.func @off(%q: !map) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 1, producers = 1>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %rq = hopper.ring "Q" : !ring
    %rk = hopper.ring "K" : !ring
    hopper.warpgroups producer registers 24 {
      hopper.put %q[%c0, %c0, %c0, %c0] into %rq : !map, !ring
      scf.for %n = %c0 to %c1 step %c1 {
        hopper.put %q[%c0, %c0, %c0, %c0] into %rk : !map, !ring
      }
    } consumers 1 registers 240 {
    }
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @order(%q: !hopper.tensor_map<1x1x64x64xbf16>) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 1, producers = 2>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %r = hopper.ring "Q" : !hopper.ring<1 x 64x64xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %q[%c0, %c0, %c0, %c0] into %r : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 64x64xbf16>
      scf.for %n = %c0 to %c1 step %c1 {
        // expected-error@+1 {{'hopper.put' op is in another loop than an earlier put into its ring; one thread must do both}}
        hopper.put %q[%c0, %c0, %c0, %c0] into %r : !hopper.tensor_map<1x1x64x64xbf16>, !hopper.ring<1 x 64x64xbf16>
      }
    } consumers 1 registers 240 {
    }
    gpu.return
  }
}
