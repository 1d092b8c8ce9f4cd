// RUN: flashmhf-opt %s --hopper-start-early --split-input-file --verify-diagnostics

gpu.module @kernels {
  // expected-error@+1 {{has a programmatic schedule, but not one hopper.warpgroups; run hopper-warp-specialize first}}
  gpu.func @sequential() kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @q_in_loop(%mq: !hopper.tensor_map<1x1x64x64xbf16>, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      scf.for %t = %c0 to %end step %c1 {
        // expected-error@+1 {{is in the loop over the weights, but may depend on the kernel in front}}
        hopper.put %mq[%c0, %c0, %t, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      }
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}

// -----

// How many steps find room is not known of loops in the loop.
gpu.module @kernels {
  gpu.func @nested(%m: !hopper.tensor_map<1x1x64x64xbf16>, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %W = hopper.ring "W" : <3 x 64x64xbf16>
    %X = hopper.ring "X" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      scf.for %t = %c0 to %end step %c1 {
        // expected-error@+1 {{is in the loop over the weights, but may depend on the kernel in front; only a step may fetch both}}
        hopper.put %m[%c0, %c0, %t, %c0] into %X : <1x1x64x64xbf16>, <1 x 64x64xbf16>
        scf.for %s = %c0 to %end step %c1 {
          hopper.put %m[%c0, %c0, %s, %c0] into %W : <1x1x64x64xbf16>, <3 x 64x64xbf16>
        }
      }
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @no_room(%mq: !hopper.tensor_map<1x1x64x64xbf16>)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %K = hopper.ring "K" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %K : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      // expected-error@+1 {{is in the way of a programmatic start; the producer may fetch Q and then loop over the weights}}
      hopper.put %mq[%c0, %c0, %c0, %c0] into %K : <1x1x64x64xbf16>, <1 x 64x64xbf16>
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @mixed(%mq: !hopper.tensor_map<1x1x64x64xbf16>)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<programmatic = true>} {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    %K = hopper.ring "K" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      hopper.thread {
        hopper.put %mq[%c0, %c0, %c0, %c0] into %K : <1x1x64x64xbf16>, <1 x 64x64xbf16>
        // expected-error@+1 {{is in one thread with weights, which must not wait for the kernel in front}}
        hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      }
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @two_loops(%mk: !hopper.tensor_map<1x1x32x64xbf16>, %end: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %K = hopper.ring "K" : <2 x 32x64xbf16>
    hopper.warpgroups producer registers 248 {
      scf.for %t = %c0 to %end step %c1 {
        hopper.put %mk[%c0, %c0, %t, %c0] into %K : <1x1x32x64xbf16>, <2 x 32x64xbf16>
      }
      // expected-error@+1 {{is in the way of a programmatic start; the producer may fetch Q and then loop over the weights}}
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x32x64xbf16>, <2 x 32x64xbf16>
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}
