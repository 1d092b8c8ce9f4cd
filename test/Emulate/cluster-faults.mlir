// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=150" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// O = sum over j of Q K_j^T, where two blocks share the tiles of K: as it should
// be, and broken in one way after another.

// As it should be: each block fetches 8 of the 16 rows for both. 150 tokens
// make three tiles, so that the last block has none.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x8x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      hopper.put %mq[%c0, %c0, %row, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x8x16xbf16>, <2 x 16x16xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %first = arith.cmpi eq, %rank, %c0 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16, cluster 2> -> <16x16xbf16, cluster 2>
        %s = hopper.wgmma %q[%c0], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16, cluster 2> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16, cluster 2>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
// expected-remark @below {{argument #2: sum 115200.000, smallest 48.000, largest 48.000}}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x4x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x4x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x8x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
  return
}

// -----

// Block 1 never gives tile 0 back: block 0 waits for it as well.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x8x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      hopper.put %mq[%c0, %c0, %row, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        // expected-error @below {{deadlock: no warpgroup can go on}}
        // expected-note @below {{the producer of block 0 waits for slot 0 of ring "K" to be empty, to put tile 2: consumer 0 of block 1 has not released tile 0}}
        // expected-note @below {{consumer 0 of block 0 waits for slot 0 of ring "K" to be full, to get tile 2: block 0 put 2, block 1 put 2}}
        // expected-note @below {{the producer of block 1 waits for slot 0 of ring "K" to be empty, to put tile 2: consumer 0 of block 1 has not released tile 0}}
        // expected-note @below {{consumer 0 of block 1 waits for slot 0 of ring "K" to be full, to get tile 2: block 0 put 2, block 1 put 2}}
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x8x16xbf16>, <2 x 16x16xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %first = arith.cmpi eq, %rank, %c0 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16, cluster 2> -> <16x16xbf16, cluster 2>
        %s = hopper.wgmma %q[%c0], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16, cluster 2> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        scf.if %first {
          hopper.release %k : <16x16xbf16, cluster 2>
        }
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x4x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x4x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x8x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
  return
}

// -----

// One block puts a tile less than the other, whose slot is never full.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x8x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      hopper.put %mq[%c0, %c0, %row, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      %count = arith.subi %c3, %rank : index
      scf.for %j = %c0 to %count step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x8x16xbf16>, <2 x 16x16xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %first = arith.cmpi eq, %rank, %c0 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        // expected-error @below {{deadlock: no warpgroup can go on}}
        // expected-note @below {{consumer 0 of block 0 waits for slot 0 of ring "K" to be full, to get tile 2: block 0 put 3, block 1 put 2}}
        // expected-note @below {{consumer 0 of block 1 waits for slot 0 of ring "K" to be full, to get tile 2: block 0 put 3, block 1 put 2}}
        // expected-note @below {{the producer of block 0 has ended}}
        // expected-note @below {{the producer of block 1 has ended}}
        %k = hopper.get %K : <2 x 16x16xbf16, cluster 2> -> <16x16xbf16, cluster 2>
        %s = hopper.wgmma %q[%c0], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16, cluster 2> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16, cluster 2>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x4x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x4x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x8x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
  return
}

// -----

// Block 1 is one tile ahead of block 0: their shares do not belong together.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x8x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <2 x 16x16xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      hopper.put %mq[%c0, %c0, %row, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        %ahead = arith.addi %j, %rank : index
        // expected-error-re @below {{the producer of block {{[01]}} puts another tile into slot 0 of ring "K" than block {{[01]}}: argument #1 at [0, {{[01]}}, 0, 0] instead of argument #1 at [0, {{[01]}}, 0, 0]}}
        hopper.put %mk[%c0, %ahead, %c0, %c0] into %K : <1x1x8x16xbf16>, <2 x 16x16xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %first = arith.cmpi eq, %rank, %c0 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16, cluster 2> -> <16x16xbf16, cluster 2>
        %s = hopper.wgmma %q[%c0], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16, cluster 2> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16, cluster 2>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x4x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x4x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x8x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
  return
}

// -----

// The launch does not make the clusters that the ring counts on.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x8x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %c3 = arith.constant 3 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    // expected-error @below {{ring "K" is filled by clusters of 2 blocks, but the launch has clusters of 1}}
    %K = hopper.ring "K" : <2 x 16x16xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      hopper.put %mq[%c0, %c0, %row, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      scf.for %j = %c0 to %c3 step %c1 {
        hopper.put %mk[%c0, %j, %c0, %c0] into %K : <1x1x8x16xbf16>, <2 x 16x16xbf16, cluster 2>
      }
    } consumers 1 registers 240 {
      %zero = arith.constant dense<0.0> : vector<64x16xf32>
      %block = gpu.block_id x
      %rank = arith.remui %block, %c2 : index
      %first = arith.cmpi eq, %rank, %c0 : index
      %b, %h, %row = hopper.tile_coordinates %block of %o tiles [1, 1, 64] cluster 2 : memref<1x1x?x16xf32>
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      %acc = scf.for %j = %c0 to %c3 step %c1 iter_args(%a = %zero) -> (vector<64x16xf32>) {
        %k = hopper.get %K : <2 x 16x16xbf16, cluster 2> -> <16x16xbf16, cluster 2>
        %s = hopper.wgmma %q[%c0], %k transpose_b acc %a : vector<64x16xf32> : !hopper.slot<64x16xbf16>, <16x16xbf16, cluster 2> -> <vector<64x16xf32>>
        %s1 = hopper.wait %s : <vector<64x16xf32>>
        hopper.release %k : <16x16xbf16, cluster 2>
        scf.yield %s1 : vector<64x16xf32>
      }
      hopper.release %q : <64x16xbf16>
      hopper.store %acc, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %k: memref<1x4x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x?x16xbf16>, memref<1x4x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x8x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64]  : memref<1x1x?x16xf32>
  return
}

// -----

// The pieces of a tile in one cluster: the blocks of a cluster want different
// parts of K.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x8x16xbf16>, %o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %K = hopper.ring "K" : <2 x 16x16xbf16, cluster 2>
    hopper.warpgroups producer registers 24 {
      %block = gpu.block_id x
      %piece = arith.remui %block, %c2 : index
      // expected-error-re @below {{puts another tile into {{.*}} than block {{[0-3]}}}}
      hopper.put %mk[%c0, %piece, %c0, %c0] into %K : <1x1x8x16xbf16>, <2 x 16x16xbf16, cluster 2>
    } consumers 1 registers 240 {
      %k = hopper.get %K : <2 x 16x16xbf16, cluster 2> -> <16x16xbf16, cluster 2>
      hopper.release %k : <16x16xbf16, cluster 2>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x4x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x4x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x8x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 pieces 2 : memref<1x1x?x16xf32>
  return
}
