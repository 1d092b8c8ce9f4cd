// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=64" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// A kernel that runs beside the one in front of it, and touches what that one
// may still use.

// Q is fetched by a thread that has not waited.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    hopper.launch_dependents
    %c0 = arith.constant 0 : index
    %zero = arith.constant dense<0.0> : vector<64x16xf32>
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    hopper.warpgroups producer registers 24 {
      // expected-error @below {{the producer of block 0 fetches a tile of Q while the kernel in front may still run: it has not awaited its predecessor}}
      hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    } consumers 1 registers 240 {
      hopper.wait_predecessor
      %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
      hopper.release %q : <64x16xbf16>
      hopper.store %zero, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%q: memref<1x1x?x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %o : memref<1x1x?x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] programmatic : memref<1x1x?x16xf32>
  return
}

// -----

// Weights may be fetched at once, but the output is not to be written over one
// that is still read.

gpu.module @kernels {
  gpu.func @k(%mk: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    hopper.launch_dependents
    %c0 = arith.constant 0 : index
    %zero = arith.constant dense<0.0> : vector<64x16xf32>
    %K = hopper.ring "K" : <1 x 64x16xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x64x16xbf16>, <1 x 64x16xbf16>
      hopper.wait_predecessor
    } consumers 1 registers 240 {
      %k = hopper.get %K : <1 x 64x16xbf16> -> <64x16xbf16>
      hopper.release %k : <64x16xbf16>
      // expected-error @below {{consumer 0 of block 0 stores while the kernel in front may still run: it has not awaited its predecessor}}
      hopper.store %zero, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    }
    gpu.return
  }
}
func.func @f(%k: memref<1x1x?x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%k, %o : memref<1x1x?x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] programmatic : memref<1x1x?x16xf32>
  return
}

// -----

// R is loaded too early.

gpu.module @kernels {
  gpu.func @k(%r: memref<1x1x?x1xf32>, %o: memref<1x1x?x16xf32>) kernel {
    hopper.launch_dependents
    %c0 = arith.constant 0 : index
    // expected-error @below {{the program of block 0 loads while the kernel in front may still run: it has not awaited its predecessor}}
    %rows = hopper.load_rows %r[%c0, %c0, %c0, %c0] : memref<1x1x?x1xf32> -> vector<64xf32>
    hopper.wait_predecessor
    gpu.return
  }
}
func.func @f(%r: memref<1x1x?x1xf32>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%r, %o : memref<1x1x?x1xf32>, memref<1x1x?x16xf32>) as [memref<1x1x?x1xf32>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] programmatic : memref<1x1x?x16xf32>
  return
}

// -----

// The workspace is that of the kernel in front.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %all: index) kernel {
    hopper.launch_dependents
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    // expected-error @below {{stores a partial sum while the kernel in front may still run: it has not awaited its predecessor}}
    hopper.store_partial %one, %partials[%piece, %c0, %c0, %c0] of 2 like %o : vector<64x16xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 programmatic : memref<1x1x?x16xf32>
  return
}

// -----

// What was pushed is stored into the output.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    hopper.launch_dependents
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    // expected-error @below {{stores what was pushed while the kernel in front may still run: it has not awaited its predecessor}}
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push programmatic : memref<1x1x?x16xf32>
  return
}
