// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=63" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// Two blocks each add 1 to every element of a tile of 63 rows: 32 rows are
// finished by block 0, 31 by block 1.

// All is right.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
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
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    // expected-error @below {{sends rows to blocks that may not have begun: it has not awaited its cluster}}
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// More bytes are expected than will come.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    %c32 = arith.constant 32 : index
    hopper.expect %inbox rows %c32 : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    // expected-error @below {{deadlock: no warpgroup can go on}}
    // expected-note @below {{the program of block 0 has ended}}
    // expected-note @below {{the program of block 1 waits for 128 of 4096 bytes in its inbox}}
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Fewer bytes are expected than will come.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    // expected-error @below {{block 0 ends with 4096 bytes in the inbox of consumer 0, which expected 128}}
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %c1 : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %c0 : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Nobody has said what is expected.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    // expected-error @below {{deadlock: no warpgroup can go on}}
    // expected-note @below {{the program of block 0 waits for an inbox of which nobody has said what to expect}}
    // expected-note @below {{the program of block 1 waits for an inbox of which nobody has said what to expect}}
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// It is said twice, which completes a phase too early.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    // expected-error @below {{says a second time what it expects in its inbox}}
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// A block ends while others write to its memory.

gpu.module @kernels {
  // expected-error @below {{bytes that others send to its memory have arrived: it has not waited for them}}
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// Rows are sent twice.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    // expected-error @below {{sends row 0 of piece 1 to block 0 a second time}}
    hopper.push %one to %inbox[%c1] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// A piece that there is not.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    // expected-error @below {{sends the rows from 0 on as piece 2 of 2}}
    hopper.push %one to %inbox[%c2] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// A row that nobody sends.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    %more = arith.addi %owned, %piece : index
    // expected-error @below {{stores row 63 of 63}}
    hopper.sum_pushed %inbox into %o[%c0, %c0, %c0] piece %piece rows %more : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// More rows than there is room for.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    %c33 = arith.constant 33 : index
    // expected-error @below {{expects 33 rows of each piece, but its inbox has room for 32}}
    hopper.expect %inbox rows %c33 : !hopper.inbox<2 x 32x16>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// No such head.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    hopper.expect %inbox rows %owned : !hopper.inbox<2 x 32x16>
    hopper.await_cluster
    hopper.push %one to %inbox[%piece] row %c0 like %o : vector<64x16xf32>, !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    // expected-error @below {{to [0, 2, 0] of a tensor of [1, 1, 63, 16]}}
    hopper.sum_pushed %inbox into %o[%c0, %c2, %c0] piece %piece rows %owned : !hopper.inbox<2 x 32x16>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 push : memref<1x1x?x16xf32>
  return
}

// -----

// An inbox for other pieces than are launched.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    // expected-error @below {{the inbox is for 2 pieces, but the launch has 3 that push}}
    %inbox = hopper.inbox : !hopper.inbox<2 x 32x16>
    %owned = hopper.owned_rows %piece of 2 in %o[%c0] rows 64 : memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 3 push : memref<1x1x?x16xf32>
  return
}
