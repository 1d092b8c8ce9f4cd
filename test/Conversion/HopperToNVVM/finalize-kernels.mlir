// RUN: flashmhf-opt %s --hopper-finalize-kernels | FileCheck %s

gpu.module @kernels {
  // Maps are parameters of 128 bytes that are read in place; 65536 / 384
  // registers, rounded down to a multiple of 8, are what a thread starts with.

  // CHECK-LABEL: llvm.func @maps
  // CHECK-SAME: (%{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}, %{{.*}}: !llvm.ptr {llvm.align = 64 : i64, llvm.byval = !llvm.array<128 x i8>, nvvm.grid_constant}, %{{[^:]*}}: !llvm.ptr)
  // CHECK-SAME: nvvm.maxnreg = 168 : i32
  llvm.func @maps(%a: !llvm.ptr, %b: !llvm.ptr, %o: !llvm.ptr) attributes {hopper.tensor_maps = 2 : i64, nvvm.kernel, nvvm.maxntid = array<i32: 384, 1, 1>} {
    llvm.return
  }

  // CHECK-LABEL: llvm.func @one_warp
  // CHECK-SAME: nvvm.maxnreg = 248 : i32
  llvm.func @one_warp() attributes {nvvm.kernel, nvvm.reqntid = array<i32: 32>} {
    llvm.return
  }

  // Its warpgroups need no more, so that two blocks fit a multiprocessor.

  // CHECK-LABEL: llvm.func @two_blocks
  // CHECK-SAME: nvvm.maxnreg = 128 : i32
  llvm.func @two_blocks() attributes {hopper.launch_registers = 128 : i32, nvvm.kernel, nvvm.maxntid = array<i32: 256, 1, 1>} {
    llvm.return
  }

  // CHECK-LABEL: llvm.func @unknown_block
  // CHECK-NOT: nvvm.maxnreg
  // CHECK: llvm.return
  llvm.func @unknown_block() attributes {nvvm.kernel} {
    llvm.return
  }

  // CHECK-LABEL: llvm.func @no_kernel
  // CHECK-SAME: (%{{[^:]*}}: !llvm.ptr)
  // CHECK-NOT: nvvm.maxnreg
  // CHECK: llvm.return
  llvm.func @no_kernel(%a: !llvm.ptr) attributes {hopper.tensor_maps = 1 : i64} {
    llvm.return
  }
}
