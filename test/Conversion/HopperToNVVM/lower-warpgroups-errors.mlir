// RUN: flashmhf-opt %s --hopper-lower-warpgroups --verify-diagnostics

gpu.module @kernels {
  gpu.func @two() kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
    }
    // expected-error@+1 {{is the second of its kernel; the launch gives each warpgroup one role}}
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
    }
    gpu.return
  }
}
