// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=64" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// O = sum over j of Q K_j^T on tensors of ones.

// Three products of ones: 3 * 16 in every element.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c16 = arith.constant 16 : index
    %c64 = arith.constant 64 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64 : index
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16> -> <16x16xbf16>
        %s = hopper.wgmma %q[%row], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
// expected-remark @below {{argument #2: sum 49152.000, smallest 48.000, largest 48.000}}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Two consumers share the tiles; each has its own 64 rows, of which 28 are past
// the end for the second one. Only their sum changes.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x128x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c16 = arith.constant 16 : index
    %c64 = arith.constant 64 : index
    %Q = hopper.ring "Q" : <1 x 128x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x128x16xbf16>, <1 x 128x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
      }
    } consumers 2 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64 : index
      %q = hopper.get %Q : <1 x 128x16xbf16> -> <128x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16> -> <16x16xbf16>
        %s = hopper.wgmma %q[%row], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<128x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <128x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
// expected-remark @below {{argument #2: sum 49152.000, smallest 48.000, largest 48.000}}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x128x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 128] : memref<1x1x?x16xf32>
  return
}

// -----

// Consumers that take turns.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x128x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c16 = arith.constant 16 : index
    %c64 = arith.constant 64 : index
    %Q = hopper.ring "Q" : <1 x 128x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x128x16xbf16>, <1 x 128x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
      }
    } consumers 2 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64 : index
      %q = hopper.get %Q : <1 x 128x16xbf16> -> <128x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16> -> <16x16xbf16>
        hopper.take_turn
        %s = hopper.wgmma %q[%row], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<128x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
        hopper.pass_turn
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <128x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
// expected-remark @below {{argument #2: sum 49152.000, smallest 48.000, largest 48.000}}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x128x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 128] : memref<1x1x?x16xf32>
  return
}
