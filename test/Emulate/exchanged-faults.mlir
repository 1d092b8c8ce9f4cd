// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=8" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// A consumer writes the tiles of a local ring itself.

// Each of 4 products adds 64 to the 16 columns of 8 tokens; what lies behind the
// 16 columns of V is not stored.

gpu.module @kernels {
  gpu.func @k(%mv: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %one = arith.constant dense<1.0> : vector<64x8xbf16>
    %V = hopper.ring "V" : <1 x 64x16xbf16>
    %A = hopper.ring "A" : <2 x 8x64xbf16, local>
    hopper.put %mv[%c0, %c0, %c0, %c0] into %V : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %v = hopper.get %V : <1 x 64x16xbf16> -> <64x16xbf16>
    %acc = scf.for %j = %c0 to %c4 step %c1 iter_args(%sum = %zero) -> (vector<64x8xf32>) {
      %a = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
      hopper.write %one to %a : vector<64x8xbf16>, <8x64xbf16>
      %p = hopper.wgmma %v transpose_a, %a transpose_b acc %sum : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
      %next = hopper.wait %p : <vector<64x8xf32>>
      scf.yield %next : vector<64x8xf32>
    }
    hopper.release %v : <64x16xbf16>
    hopper.store %acc, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%v: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #1: sum 32768.000, smallest 256.000, largest 256.000}}
  hopper.launch @kernels::@k args(%v, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 8] : memref<1x1x?x16xf32>
  return
}

// -----

// Nothing has been written.

gpu.module @kernels {
  gpu.func @k(%mv: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %one = arith.constant dense<1.0> : vector<64x8xbf16>
    %V = hopper.ring "V" : <1 x 64x16xbf16>
    %A = hopper.ring "A" : <2 x 8x64xbf16, local>
    hopper.put %mv[%c0, %c0, %c0, %c0] into %V : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %v = hopper.get %V : <1 x 64x16xbf16> -> <64x16xbf16>
    %a = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    // expected-error @below {{reads slot 0 of ring "A" before its data has arrived: it has not written tile 0}}
    %p = hopper.wgmma %v transpose_a, %a transpose_b acc %zero : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %acc = hopper.wait %p : <vector<64x8xf32>>
    hopper.release %v : <64x16xbf16>
    hopper.store %acc, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%v: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%v, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 8] : memref<1x1x?x16xf32>
  return
}

// -----

// Written twice.

gpu.module @kernels {
  gpu.func @k(%mv: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %one = arith.constant dense<1.0> : vector<64x8xbf16>
    %V = hopper.ring "V" : <1 x 64x16xbf16>
    %A = hopper.ring "A" : <2 x 8x64xbf16, local>
    hopper.put %mv[%c0, %c0, %c0, %c0] into %V : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %v = hopper.get %V : <1 x 64x16xbf16> -> <64x16xbf16>
    %a = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %a : vector<64x8xbf16>, <8x64xbf16>
    // expected-error @below {{writes to slot 0 of ring "A" a second time}}
    hopper.write %one to %a : vector<64x8xbf16>, <8x64xbf16>
    %p = hopper.wgmma %v transpose_a, %a transpose_b acc %zero : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %acc = hopper.wait %p : <vector<64x8xf32>>
    hopper.release %v : <64x16xbf16>
    hopper.store %acc, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%v: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%v, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 8] : memref<1x1x?x16xf32>
  return
}

// -----

// Read after the slot has its next tile.

gpu.module @kernels {
  gpu.func @k(%mv: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %one = arith.constant dense<1.0> : vector<64x8xbf16>
    %V = hopper.ring "V" : <1 x 64x16xbf16>
    %A = hopper.ring "A" : <2 x 8x64xbf16, local>
    hopper.put %mv[%c0, %c0, %c0, %c0] into %V : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %v = hopper.get %V : <1 x 64x16xbf16> -> <64x16xbf16>
    %a = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %a : vector<64x8xbf16>, <8x64xbf16>
    %b = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %b : vector<64x8xbf16>, <8x64xbf16>
    %c = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %c : vector<64x8xbf16>, <8x64xbf16>
    // expected-error @below {{reads slot 0 of ring "A" after another tile was written to it}}
    %p = hopper.wgmma %v transpose_a, %a transpose_b acc %zero : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %acc = hopper.wait %p : <vector<64x8xf32>>
    hopper.release %v : <64x16xbf16>
    hopper.store %acc, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%v: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%v, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 8] : memref<1x1x?x16xf32>
  return
}

// -----

// The first product has ended for this warp when its slot is written again, but
// no warp knows that of the others: they have not met since.

gpu.module @kernels {
  gpu.func @k(%mv: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %one = arith.constant dense<1.0> : vector<64x8xbf16>
    %V = hopper.ring "V" : <1 x 64x16xbf16>
    %A = hopper.ring "A" : <2 x 8x64xbf16, local>
    hopper.put %mv[%c0, %c0, %c0, %c0] into %V : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %v = hopper.get %V : <1 x 64x16xbf16> -> <64x16xbf16>
    %a = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %a : vector<64x8xbf16>, <8x64xbf16>
    %p = hopper.wgmma %v transpose_a, %a transpose_b acc %zero : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %b = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %b : vector<64x8xbf16>, <8x64xbf16>
    %first = hopper.wait %p : <vector<64x8xf32>>
    %q = hopper.wgmma %v transpose_a, %b transpose_b acc %first : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %c = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    // expected-error @below {{writes to slot 0 of ring "A" while another warp may be at product 1, which reads it: its wait must be in front of the last write}}
    hopper.write %one to %c : vector<64x8xbf16>, <8x64xbf16>
    %acc = hopper.wait %q : <vector<64x8xf32>>
    hopper.release %v : <64x16xbf16>
    hopper.store %acc, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%v: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%v, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 8] : memref<1x1x?x16xf32>
  return
}

// -----

// In order: the wait is in front of the write in between.

gpu.module @kernels {
  gpu.func @k(%mv: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c4 = arith.constant 4 : index
    %zero = arith.constant dense<0.0> : vector<64x8xf32>
    %one = arith.constant dense<1.0> : vector<64x8xbf16>
    %V = hopper.ring "V" : <1 x 64x16xbf16>
    %A = hopper.ring "A" : <2 x 8x64xbf16, local>
    hopper.put %mv[%c0, %c0, %c0, %c0] into %V : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %v = hopper.get %V : <1 x 64x16xbf16> -> <64x16xbf16>
    %a = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %a : vector<64x8xbf16>, <8x64xbf16>
    %p = hopper.wgmma %v transpose_a, %a transpose_b acc %zero : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %first = hopper.wait %p : <vector<64x8xf32>>
    %b = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %b : vector<64x8xbf16>, <8x64xbf16>
    %q = hopper.wgmma %v transpose_a, %b transpose_b acc %first : vector<64x8xf32> : !hopper.slot<64x16xbf16>, <8x64xbf16> -> <vector<64x8xf32>>
    %c = hopper.get %A : <2 x 8x64xbf16, local> -> <8x64xbf16>
    hopper.write %one to %c : vector<64x8xbf16>, <8x64xbf16>
    %acc = hopper.wait %q : <vector<64x8xf32>>
    hopper.release %v : <64x16xbf16>
    hopper.store %acc, %o[%c0, %c0, %c0, %c0] transposed : vector<64x8xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%v: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #1: sum 16384.000, smallest 128.000, largest 128.000}}
  hopper.launch @kernels::@k args(%v, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 8] : memref<1x1x?x16xf32>
  return
}
