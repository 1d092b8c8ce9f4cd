// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=128" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// Two blocks, of which the second adds what the first has left.

// All is right.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    %is_first = arith.cmpi eq, %n, %c0 : index
    hopper.leave_part %one, %parts[%n] flags %flags if %is_first : vector<64x16xf32>
    %sum = hopper.add_parts %one, %parts[%n] stride 1 count %n flags %flags : vector<64x16xf32>
    %c64 = arith.constant 64 : index
    %row = arith.muli %n, %c64 : index
    hopper.store %sum, %o[%c0, %c0, %row, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #0: sum 3072.000, smallest 1.000, largest 2.000}}
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

// A place of another block.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    %is_first = arith.cmpi eq, %n, %c0 : index
    // expected-error @below {{the program of block 0 leaves a partial sum in slot 1, which is not its own or not empty}}
    hopper.leave_part %one, %parts[%c1] flags %flags if %is_first : vector<64x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

// A place that is taken.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    %is_first = arith.cmpi eq, %n, %c0 : index
    hopper.leave_part %one, %parts[%n] flags %flags if %is_first : vector<64x16xf32>
    // expected-error @below {{the program of block 0 leaves a partial sum in slot 0, which is not its own or not empty}}
    hopper.leave_part %one, %parts[%n] flags %flags if %is_first : vector<64x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

// Nobody comes for it.

gpu.module @kernels {
  // expected-error @below {{nobody has added the partial sum in slot 0}}
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    %is_first = arith.cmpi eq, %n, %c0 : index
    hopper.leave_part %one, %parts[%n] flags %flags if %is_first : vector<64x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

// There is none in front of the first.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    // expected-error @below {{the program of block 0 adds a partial sum of a block below 0}}
    %sum = hopper.add_parts %one, %parts[%n] stride 1 count %c1 flags %flags : vector<64x16xf32>
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

// Of two tiles in two blocks all is whole.

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    %c2 = arith.constant 2 : index
    // expected-error @below {{takes 2 of its tiles for whole, but 1 are}}
    %tile, %first, %last, %givers = hopper.work_item %c0 whole %c2 of %c2 steps 8 resident %resident
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %one = arith.constant dense<1.0> : vector<64x16xf32>
    %yes = arith.constant true
    %n = gpu.block_id x
    %c2 = arith.constant 2 : index
    %c5 = arith.constant 5 : index
    // expected-error @below {{has no item 5 of work}}
    %tile, %first, %last, %givers = hopper.work_item %c5 whole %c1 of %c2 steps 8 resident %resident
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] persistent stream_k : memref<1x1x?x16xf32>
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%o: memref<1x1x?x16xf32>, %parts: index, %flags: index, %resident: index) kernel {
    %c2 = arith.constant 2 : index
    // expected-error @below {{is of clusters of 4, but 2 of the launch's blocks form one}}
    %whole, %end = hopper.work_range of %c2 steps 8 resident %resident cluster 4
    gpu.return
  }
}
func.func @f(%o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%o : memref<1x1x?x16xf32>) as [memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] cluster 2 persistent stream_k : memref<1x1x?x16xf32>
  return
}
