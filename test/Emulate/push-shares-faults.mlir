// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=63" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// Two blocks each add 1 to every element of a tile of 63 rows: each finishes
// half of the columns of every 8 rows.

// All is right.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x16>
    hopper.await_cluster
    hopper.push_shares %one to %inbox[%piece] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>
    hopper.sum_pushed_shares %one, %inbox[%piece] into %o[%c0, %c0, %c0] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #0: sum 2016.000, smallest 2.000, largest 2.000}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Nobody knows whether the other block has begun.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x16>
    // expected-error @below {{sends shares to blocks that may not have begun: it has not awaited its cluster}}
    hopper.push_shares %one to %inbox[%piece] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Both are piece 0.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x16>
    hopper.await_cluster
    // expected-error @below {{sends the share of piece 1 of piece 0 a second time}}
    hopper.push_shares %one to %inbox[%c0] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// No such piece.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x16>
    hopper.await_cluster
    // expected-error @below {{sends shares as piece 2 of 2}}
    hopper.push_shares %one to %inbox[%c2] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Waits for shares that nobody sends.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x16>
    // expected-error @below {{deadlock: no warpgroup can go on}}
    // expected-note @below {{for 2048 of 2048 bytes in its inbox}}
    hopper.sum_pushed_shares %one, %inbox[%piece] into %o[%c0, %c0, %c0] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Ends while the other block still writes to it.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    // expected-error @below {{ends with 2048 bytes in the inbox of consumer 0, which expected 0}}
    %inbox = hopper.inbox : !hopper.inbox<shares 2 x 64x16>
    hopper.await_cluster
    hopper.push_shares %one to %inbox[%piece] : vector<64x16xf32>, !hopper.inbox<shares 2 x 64x16>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}
