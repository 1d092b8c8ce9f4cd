// RUN: flashmhf-opt %s --hopper-kernels-to-nvvm | FileCheck %s

// Operations of the GPU dialect and of others; a memref is its descriptor.

gpu.module @kernels {
  // CHECK-LABEL: llvm.func @ffn
  // CHECK-SAME:    (%[[BASE:[^:]*]]: !llvm.ptr, %[[ALIGNED:[^:]*]]: !llvm.ptr, %[[OFFSET:[^:]*]]: i64, %[[SIZE:[^:]*]]: i64, %[[STRIDE:[^:]*]]: i64)
  // CHECK-SAME:    attributes {gpu.kernel, gpu.known_block_size = array<i32: 384, 1, 1>, nvvm.kernel, nvvm.maxntid = array<i32: 384, 1, 1>}
  // CHECK:         nvvm.read.ptx.sreg.tid.x {{.*}}: i32
  // CHECK:         llvm.cond_br
  // CHECK:         %[[AT:.*]] = llvm.getelementptr {{.*}} -> !llvm.ptr, f32
  // CHECK:         llvm.store %{{.*}}, %[[AT]] : f32, !llvm.ptr
  // CHECK:         llvm.return
  gpu.func @ffn(%o: memref<?xf32>) kernel attributes {known_block_size = array<i32: 384, 1, 1>} {
    %zero = arith.constant 0.0 : f32
    %c0 = arith.constant 0 : index
    %n = memref.dim %o, %c0 : memref<?xf32>
    %x = gpu.thread_id x
    %is = arith.cmpi ult, %x, %n : index
    cf.cond_br %is, ^store, ^end
  ^store:
    memref.store %zero, %o[%x] : memref<?xf32>
    cf.br ^end
  ^end:
    gpu.return
  }
}
