// RUN: flashmhf-opt %s --hopper-pipeline --verify-diagnostics

gpu.module @kernels {
  // expected-error@+1 {{needs at most 7264 stages, has 8000}}
  gpu.func @stages() kernel attributes {flashmhf.schedule = #flashmhf.schedule<stages = [2, 2, 8000]>} {
    %k = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    gpu.return
  }
}
