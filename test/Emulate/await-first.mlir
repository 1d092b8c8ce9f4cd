// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=64" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// A producer that waits for its own first tile.

// All is right.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %K = hopper.ring "K" : <2 x 64x16xbf16>
    hopper.warpgroups producer registers 24 {
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x64x16xbf16>, <2 x 64x16xbf16>
        %is_first = arith.cmpi eq, %j, %c0 : index
        hopper.await_first %K if %is_first : <2 x 64x16xbf16>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      scf.for %j = %c0 to %c3 step %c1 {
        %k = hopper.get %K : <2 x 64x16xbf16> -> <64x16xbf16>
        hopper.release %k : <64x16xbf16>
      }
      hopper.store %zero, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x3x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #1: sum 0.000}}
  hopper.launch @kernels::@k args(%k, %o : memref<1x3x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// The slot may have another tile by then.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %K = hopper.ring "K" : <2 x 64x16xbf16>
    hopper.warpgroups producer registers 24 {
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x64x16xbf16>, <2 x 64x16xbf16>
      }
      %yes = arith.constant true
      // expected-error @below {{awaits the first tile of ring "K", but has put 3 into its 2 slots}}
      hopper.await_first %K if %yes : <2 x 64x16xbf16>
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      scf.for %j = %c0 to %c3 step %c1 {
        %k = hopper.get %K : <2 x 64x16xbf16> -> <64x16xbf16>
        hopper.release %k : <64x16xbf16>
      }
      hopper.store %zero, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x3x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x3x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Nothing has been asked for.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %K = hopper.ring "K" : <2 x 64x16xbf16>
    hopper.warpgroups producer registers 24 {
      %yes = arith.constant true
      // expected-error @below {{deadlock: no warpgroup can go on}}
      // expected-note @below {{consumer 0 of block 0 waits for slot 0 of ring "K" to be full, to get tile 0: 0 tiles were put}}
      // expected-note @below {{the producer of block 0 waits for slot 0 of ring "K" to be full: 0 tiles were put}}
      hopper.await_first %K if %yes : <2 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x64x16xbf16>, <2 x 64x16xbf16>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      scf.for %j = %c0 to %c3 step %c1 {
        %k = hopper.get %K : <2 x 64x16xbf16> -> <64x16xbf16>
        hopper.release %k : <64x16xbf16>
      }
      hopper.store %zero, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x3x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x3x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}
