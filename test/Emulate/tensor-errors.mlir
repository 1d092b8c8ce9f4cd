// RUN: not flashmhf-opt %s --flashmhf-emulate="tokens=65" -split-input-file -o /dev/null 2>&1 | FileCheck %s
//
// Tensors that are not made up.

// CHECK: error: cannot make up argument #0 of type 'memref<256x256x?x256xf32>': it would have more than 268435456 elements

gpu.module @kernels {
  gpu.func @k(%o: memref<256x256x?x256xf32>) kernel {
    gpu.return
  }
}
func.func @f(%o: memref<256x256x?x256xf32>) {
  hopper.launch @kernels::@k args(%o : memref<256x256x?x256xf32>) as [memref<256x256x?x256xf32>] over %o tiles [1, 1, 64] : memref<256x256x?x256xf32>
  return
}

// -----

// The product of the sizes is 0, modulo 2^64.

// CHECK: error: cannot make up argument #0 of type 'memref<4294967296x4294967296x?x16xf32>': it would have more than 268435456 elements

gpu.module @kernels {
  gpu.func @k(%o: memref<4294967296x4294967296x?x16xf32>) kernel {
    gpu.return
  }
}
func.func @f(%o: memref<4294967296x4294967296x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<4294967296x4294967296x?x16xf32>) as [memref<4294967296x4294967296x?x16xf32>] over %o tiles [1, 1, 64] : memref<4294967296x4294967296x?x16xf32>
  return
}
