// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=64" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// Two blocks each add 1 to every element of a tile.

// All is right.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %tile = arith.divui %n, %c2 : index
    hopper.store_partial %one, %partials[%piece, %c0, %c0, %c0] of 2 like %o : vector<64x16xf32>, memref<1x1x?x16xf32>
    %count = hopper.arrivals %counters[%tile]
    %first, %step = hopper.meet %counters[%tile] after %count piece %piece of 2 resident %resident
    hopper.sum_partials %partials of 2 into %o[%c0, %c0, %c0] rows 64 from %first step %step : memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #0: sum 2048.000, smallest 2.000, largest 2.000}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// Piece 1 does not come.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %tile = arith.divui %n, %c2 : index
    hopper.store_partial %one, %partials[%piece, %c0, %c0, %c0] of 2 like %o : vector<64x16xf32>, memref<1x1x?x16xf32>
    %is_first = arith.cmpi eq, %piece, %c0 : index
    scf.if %is_first {
      %count = hopper.arrivals %counters[%tile]
      // expected-error @below {{deadlock: no warpgroup can go on}}
      // expected-note @below {{the program of block 0 waits for 1 of 2 pieces of tile 0}}
      // expected-note @below {{the program of block 1 has ended}}
      %first, %step = hopper.meet %counters[%tile] after %count piece %piece of 2 resident %resident
    }
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// It is too late to ask which round is under way.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    // expected-error @below {{deadlock: no warpgroup can go on}}
    // expected-note @below {{the program of block 0 waits for 2 of 2 pieces of tile 0}}
    // expected-note @below {{the program of block 1 waits for 2 of 2 pieces of tile 0}}
    %first, %step = hopper.meet %counters[%c0] after %c2 piece %piece of 2 resident %resident
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// Shares: each piece keeps its own.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x32xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c3 = arith.constant 3 : index
    %one = arith.constant dense<1.0> : vector<64x32xf32>
    %piece = gpu.block_id x
    %count = hopper.arrivals %counters[%c0]
    hopper.store_partial %one, %partials[%piece, %c0, %c0, %c0] of 3 like %o except %piece : vector<64x32xf32>, memref<1x1x?x32xf32>
    %first, %step = hopper.meet %counters[%c0] after %count piece %piece of 3 resident %resident
    hopper.sum_shares %one, %partials[%piece] of 3 into %o[%c0, %c0, %c0] from %first step %step : vector<64x32xf32>, memref<1x1x?x32xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x32xf32>) {
  // expected-remark@-1 {{argument #0: sum 6144.000, smallest 3.000, largest 3.000}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x32xf32>) as [memref<1x1x?x32xf32>] over %o tiles [1, 1, 64] pieces 3 : memref<1x1x?x32xf32>
  return
}

// -----

// They leave out what another piece wants.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x32xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %one = arith.constant dense<1.0> : vector<64x32xf32>
    %piece = gpu.block_id x
    %count = hopper.arrivals %counters[%c0]
    hopper.store_partial %one, %partials[%piece, %c0, %c0, %c0] of 3 like %o except %c0 : vector<64x32xf32>, memref<1x1x?x32xf32>
    %first, %step = hopper.meet %counters[%c0] after %count piece %piece of 3 resident %resident
    // expected-error @below {{block 0 sums row 0 before piece 1 has stored its part}}
    hopper.sum_shares %one, %partials[%piece] of 3 into %o[%c0, %c0, %c0] from %first step %step : vector<64x32xf32>, memref<1x1x?x32xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x32xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x32xf32>) as [memref<1x1x?x32xf32>] over %o tiles [1, 1, 64] pieces 3 : memref<1x1x?x32xf32>
  return
}

// -----

// Nobody stores.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %tile = arith.divui %n, %c2 : index
    %count = hopper.arrivals %counters[%tile]
    %first, %step = hopper.meet %counters[%tile] after %count piece %piece of 2 resident %resident
    // expected-error @below {{sums row }}
    hopper.sum_partials %partials of 2 into %o[%c0, %c0, %c0] rows 64 from %first step %step : memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// Twice.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %tile = arith.divui %n, %c2 : index
    hopper.store_partial %one, %partials[%piece, %c0, %c0, %c0] of 2 like %o : vector<64x16xf32>, memref<1x1x?x16xf32>
    %count = hopper.arrivals %counters[%tile]
    %first, %step = hopper.meet %counters[%tile] after %count piece %piece of 2 resident %resident
    // expected-error @below {{meets the other pieces a second time}}
    %again, %by = hopper.meet %counters[%tile] after %count piece %piece of 2 resident %resident
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// A piece that there is not.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %tile = arith.divui %n, %c2 : index
    // expected-error @below {{has no partial sum [2, 0, 0, 0] of [2, 1, 1, 64]}}
    hopper.store_partial %one, %partials[%c2, %c0, %c0, %c0] of 2 like %o : vector<64x16xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// A tile that there is not.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c2 = arith.constant 2 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %n = gpu.block_id x
    %piece = arith.remui %n, %c2 : index
    %tile = arith.divui %n, %c2 : index
    %count = hopper.arrivals %counters[%tile]
    // expected-error @below {{has no counter for tile 2: there are 1}}
    %first, %step = hopper.meet %counters[%c2] after %count piece %piece of 2 resident %resident
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] pieces 2 : memref<1x1x?x16xf32>
  return
}

// -----

// More threads than a CPU could bear.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %partials: index, %counters: index, %resident: index) kernel {
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  // expected-error @below {{cannot emulate 512 pieces of 4 warpgroups: they need a thread each, of 1024}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 4 pieces 512 : memref<1x1x?x16xf32>
  return
}
