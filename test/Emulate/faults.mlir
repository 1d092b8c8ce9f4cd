// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=64" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// One kernel, O = sum over j of Q K_j^T, broken in one way after another. Each
// fault is found and named, and every emulation ends.

// The slot is never given back: the ring runs dry.

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
        // expected-error @below {{deadlock: no warpgroup can go on}}
        // expected-note @below {{the producer of block 0 waits for slot 0 of ring "K" to be empty, to put tile 2: consumer 0 has not released tile 0}}
        // expected-note @below {{consumer 0 of block 0 waits for slot 0 of ring "K" to be full, to get tile 2: 2 tiles were put}}
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
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// One tile less than the consumers want.

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
      scf.for %j = %c1 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64 : index
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        // expected-error @below {{deadlock: no warpgroup can go on}}
        // expected-note @below {{consumer 0 of block 0 waits for slot 0 of ring "K" to be full, to get tile 2: 2 tiles were put}}
        // expected-note @below {{the producer of block 0 has ended}}
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Released, then read.

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
        hopper.release %k : <16x16xbf16>
        // expected-error @below {{consumer 0 of block 0 reads slot 0 of ring "K" after its release}}
        %s = hopper.wgmma %q[%row], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// The producer could overwrite what the other consumer still reads.

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
        // expected-error @below {{releases slot 0 of ring "K" a second time}}
        hopper.release %k : <16x16xbf16>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <128x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x128x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 128] : memref<1x1x?x16xf32>
  return
}

// -----

// Released before the product that reads it has completed.

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
        // expected-error @below {{releases slot 0 of ring "K" while product 1, which reads it, is in flight}}
        hopper.release %k : <16x16xbf16>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// A wait that leaves its own product running.

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
        // expected-error @below {{uses the result of product 1 in flight: its wait leaves 1 products running, but only 0 were issued after it}}
        %s1 = hopper.wait %s pending 1 : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Beyond the last sub-network TMA fetches zeros, which hides a wrong address.

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
      scf.for %j = %c0 to %c16 step %c1 {
        // expected-error @below {{puts a tile that lies outside of its tensor into ring "K": coordinate head (1) is 3, the tile has 1 there and the tensor 3}}
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64 : index
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c16 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Rows of a store are masked past the end only, columns never.

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
      // expected-error @below {{stores out of bounds: at [0, 0, 0, 3], 64 x 16 elements of a tensor of [1, 1, 64, 16]}}
      hopper.store %acc, %o[%c0, %c0, %row, %c3] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// A row of the consumer that its tile does not have.

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
        // expected-error @below {{reads rows 3 to 66 of slot 0 of ring "Q", which has 64}}
        %s = hopper.wgmma %q[%c3], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// A loop that stands still.

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
      // expected-error @below {{the producer of block 0 loops in steps of 0}}
      scf.for %j = %c0 to %c3 step %c0 {
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// The next A in the registers of the one that a product still reads.

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
      %ones = arith.constant dense<1.0> : vector<64x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      hopper.release %q : <64x16xbf16>
      %k = hopper.get %K : <2 x 16x16xbf16> -> <16x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        // expected-error @below {{consumer 0 of block 0 overwrites the A operand of product 1 (64 x 16) while the product is in flight}}
        %a = arith.truncf %ones : vector<64x16xf32> to vector<64x16xbf16>
        %s = hopper.wgmma %a, %k acc %zero : vector<64x16xf32> : vector<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32> reads vector<64x16xbf16>>
      }
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// A product that nobody waits for.

gpu.module @kernels {
  // expected-error @below {{consumer 0 of block 0 ends with a product in flight: it never waited for product 1}}
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
      %ones = arith.constant dense<1.0> : vector<64x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      hopper.release %q : <64x16xbf16>
      %k = hopper.get %K : <2 x 16x16xbf16> -> <16x16xbf16>
      scf.for %j = %c0 to %c1 step %c1 {
        %a = arith.truncf %ones : vector<64x16xf32> to vector<64x16xbf16>
        %s = hopper.wgmma %a, %k acc %zero : vector<64x16xf32> : vector<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32> reads vector<64x16xbf16>>
      }
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// A tile that nobody waits for would land in the next block.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c16 = arith.constant 16 : index
    %c64 = arith.constant 64 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    // expected-error @below {{block 0 ends with tiles in ring "K" that nobody waited for: 3 were put, consumer 0 got 2}}
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
      %acc = scf.for %j = %c1 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// 512 slots of 512 bytes do not fit.

gpu.module @kernels {
  // expected-error @below {{needs 273424 bytes of shared memory, a block of sm_90 has at most 232448}}
  // expected-note @below {{ring Q: 1 slots of 64 x 16 'bf16', 2048 bytes}}
  // expected-note @below {{ring K: 512 slots of 16 x 16 'bf16', 262144 bytes}}
  // expected-note @below {{use smaller tiles or fewer stages}}
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c3 = arith.constant 3 : index
    %c16 = arith.constant 16 : index
    %c64 = arith.constant 64 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <512 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x16x16xbf16>, <512 x 16x16xbf16>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %i = hopper.consumer_index : index
      %row = arith.muli %i, %c64 : index
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <512 x 16x16xbf16> -> <16x16xbf16>
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Whatever is not known is said to be so.

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
      // expected-error @below {{cannot emulate 'vector.print': no such operation is known here}}
      vector.print punctuation <newline>
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Passed on without having been taken.

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
        // expected-error @below {{consumer 0 of block 0 passes on a turn that it has not taken}}
        hopper.pass_turn
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Taken, never passed on.

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
        // expected-error @below {{deadlock: no warpgroup can go on}}
        // expected-note @below {{the producer of block 0 waits for slot 0 of ring "K" to be empty, to put tile 2: consumer 1 has not released tile 0}}
        // expected-note @below {{consumer 0 of block 0 waits for its turn, which is that of consumer 0, not passed on yet}}
        // expected-note @below {{consumer 1 of block 0 waits for its turn, which is that of consumer 0, not passed on yet}}
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x128x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 128] : memref<1x1x?x16xf32>
  return
}

// -----

// Only one of two consumers takes a turn.

gpu.module @kernels {
  // expected-error @below {{block 0 ends at the turn of consumer 1: not every consumer took the same number of turns}}
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
      %first = arith.cmpi eq, %i, %c0 : index
      scf.if %first {
        hopper.take_turn
        hopper.pass_turn
      }
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
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x128x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 128] : memref<1x1x?x16xf32>
  return
}

// -----

// The address of a slot is not its data: nobody has waited for tile 0.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" at 0 barriers 3072 : <1 x 64x16xbf16>
    %K = hopper.ring "K" at 2048 barriers 3088 : <2 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
    } consumers 1 registers 240 {
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %address = arith.constant 2048 : i32
      %empty = arith.constant 3104 : i32
      %k = hopper.slot_at %address, %empty : <16x16xbf16>
      // expected-error @below {{consumer 0 of block 0 reads slot 0 of ring "K" before its data has arrived: it has not waited for tile 0}}
      %s = hopper.wgmma %q[%c0], %k transpose_b : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
      %s1 = hopper.wait %s : <vector<64x16xf32>>
      hopper.release %q : <64x16xbf16>
      hopper.release %k : <16x16xbf16>
      hopper.store %s1, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// The slot before is held and released: the address then means the next tile,
// which nobody has waited for.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %Q = hopper.ring "Q" at 0 barriers 2560 : <1 x 64x16xbf16>
    %K = hopper.ring "K" at 2048 barriers 2576 : <1 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <1 x 16x16xbf16>
      hopper.put %mk[%c0, %c1, %c0, %c0] into %K : <1x1x16x16xbf16>, <1 x 16x16xbf16>
    } consumers 1 registers 240 {
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %address = arith.constant 2048 : i32
      %empty = arith.constant 2584 : i32
      %k = hopper.get %K : <1 x 16x16xbf16> -> <16x16xbf16>
      %held = hopper.slot_at %address, %empty : <16x16xbf16>
      %s = hopper.wgmma %q[%c0], %held transpose_b : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
      %s1 = hopper.wait %s : <vector<64x16xf32>>
      hopper.release %held : <16x16xbf16>
      %next = hopper.slot_at %address, %empty : <16x16xbf16>
      // expected-error @below {{consumer 0 of block 0 reads slot 0 of ring "K" before its data has arrived: it has not waited for tile 1}}
      %t = hopper.wgmma %q[%c0], %next transpose_b acc %s1 : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
      %t1 = hopper.wait %t : <vector<64x16xf32>>
      hopper.release %q : <64x16xbf16>
      hopper.store %t1, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Q is given back through K's empty barrier: tile 1 of K overwrites tile 0,
// which the consumer still holds.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %Q = hopper.ring "Q" at 0 barriers 2560 : <1 x 64x16xbf16>
    %K = hopper.ring "K" at 2048 barriers 2576 : <1 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <1 x 16x16xbf16>
      // expected-error @below {{the producer of block 0 overwrites slot 0 of ring "K" before its release: consumer 0 still holds tile 0}}
      hopper.put %mk[%c0, %c1, %c0, %c0] into %K : <1x1x16x16xbf16>, <1 x 16x16xbf16>
    } consumers 1 registers 240 {
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %k0 = hopper.get %K : <1 x 16x16xbf16> -> <16x16xbf16>
      %s = hopper.wgmma %q[%c0], %k0 transpose_b : !hopper.slot<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32>>
      %s1 = hopper.wait %s : <vector<64x16xf32>>
      %address = arith.constant 0 : i32
      %empty = arith.constant 2584 : i32
      %done = hopper.slot_at %address, %empty : <64x16xbf16>
      hopper.release %done : <64x16xbf16>
      %k1 = hopper.get %K : <1 x 16x16xbf16> -> <16x16xbf16>
      hopper.release %k1 : <16x16xbf16>
      hopper.store %s1, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Given back before it was got.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %K = hopper.ring "K" at 0 barriers 512 : <1 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <1 x 16x16xbf16>
    } consumers 1 registers 240 {
      %address = arith.constant 0 : i32
      %empty = arith.constant 520 : i32
      %k = hopper.slot_at %address, %empty : <16x16xbf16>
      // expected-error @below {{consumer 0 of block 0 releases slot 0 of ring "K", which it has not got}}
      hopper.release %k : <16x16xbf16>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// Between two slots.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %K = hopper.ring "K" at 0 barriers 1024 : <2 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
    } consumers 1 registers 240 {
      %address = arith.constant 256 : i32
      %empty = arith.constant 1040 : i32
      // expected-error @below {{consumer 0 of block 0 takes a slot of 16 x 16 at 256, where no ring has one}}
      %k = hopper.slot_at %address, %empty : <16x16xbf16>
      hopper.release %k : <16x16xbf16>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// The full barrier instead of the empty one.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %K = hopper.ring "K" at 0 barriers 1024 : <2 x 16x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <2 x 16x16xbf16>
    } consumers 1 registers 240 {
      %address = arith.constant 0 : i32
      %full = arith.constant 1024 : i32
      // expected-error @below {{consumer 0 of block 0 takes an empty barrier at 1024, where no ring has one}}
      %k = hopper.slot_at %address, %full : <16x16xbf16>
      hopper.release %k : <16x16xbf16>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x3x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x3x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

// More than a multiprocessor has registers for.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    // expected-error @below {{cannot emulate 'arith.constant': registers do not hold 'vector<64x4294967296xf32>'}}
    %one = arith.constant dense<1.0> : vector<64x4294967296xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}
