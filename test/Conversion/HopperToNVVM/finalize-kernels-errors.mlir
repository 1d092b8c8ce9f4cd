// RUN: flashmhf-opt %s --hopper-finalize-kernels --verify-diagnostics

gpu.module @kernels {
  // expected-error@+1 {{takes 1 arguments, but the first 2 are said to be tensor maps}}
  llvm.func @maps(%a: !llvm.ptr) attributes {hopper.tensor_maps = 2 : i64, nvvm.kernel} {
    llvm.return
  }
}
