// RUN: flashmhf-opt %s --hopper-start-early --split-input-file --verify-diagnostics

gpu.module @kernels {
  // expected-error@+1 {{has a programmatic schedule, but not one hopper.warpgroups; run hopper-warp-specialize first}}
  gpu.func @sequential() kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
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
        // expected-error@+1 {{is in one thread with weights, which must not wait for the kernel in front; run hopper-split-producer first}}
        hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      }
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @one_thread(%mq: !hopper.tensor_map<1x1x64x64xbf16>)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 2, programmatic = true>} {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" : <1 x 64x64xbf16>
    %K = hopper.ring "K" : <1 x 64x64xbf16>
    hopper.warpgroups producer registers 248 {
      // expected-error@+1 {{is in one thread with weights, which must not wait for the kernel in front; run hopper-split-producer first}}
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x64xbf16>, <1 x 64x64xbf16>
      hopper.put %mq[%c0, %c0, %c0, %c0] into %K : <1x1x64x64xbf16>, <1 x 64x64xbf16>
    } consumers 1 registers 248 {
    }
    gpu.return
  }
}
