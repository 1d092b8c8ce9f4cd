// RUN: flashmhf-opt %s -split-input-file -verify-diagnostics

func.func @rows(%s: vector<32x64xf32>, %i: index, %if: i1) {
  // expected-error@+1 {{'hopper.leave_part' op needs a sum of 64 rows and a multiple of 8 columns, has 'vector<32x64xf32>'}}
  hopper.leave_part %s, %i[%i] flags %i if %if : vector<32x64xf32>
  return
}

// -----

func.func @columns(%s: vector<64x12xf32>, %i: index) {
  // expected-error@+1 {{'hopper.add_parts' op needs a sum of 64 rows and a multiple of 8 columns, has 'vector<64x12xf32>'}}
  %sum = hopper.add_parts %s, %i[%i] stride 2 count %i flags %i : vector<64x12xf32>
  return
}

// -----

func.func @producer(%s: vector<64x64xf32>, %i: index, %if: i1) {
  hopper.warpgroups producer registers 24 {
    // expected-error@+1 {{'hopper.leave_part' op}}
    hopper.leave_part %s, %i[%i] flags %i if %if : vector<64x64xf32>
  } consumers 1 registers 240 {
  }
  return
}

// -----

!out = memref<?x4x?x64xf32>
gpu.module @kernels {
  gpu.func @k(%o: !out, %parts: index, %flags: index, %resident: index) kernel {
    gpu.return
  }
}
func.func @launch(%o: !out) {
  // expected-error@+1 {{has blocks that share tiles, which need to be persistent}}
  hopper.launch @kernels::@k args(%o : !out) as [!out] over %o tiles [1, 1, 64] stream_k : !out
  return
}

// -----

!out = memref<?x4x?x64xf32>
gpu.module @kernels {
  gpu.func @k(%o: !out) kernel {
    gpu.return
  }
}
func.func @launch(%o: !out) {
  // expected-error@+1 {{passes 4 arguments to @kernels::@k, which takes 1}}
  hopper.launch @kernels::@k args(%o : !out) as [!out] over %o tiles [1, 1, 64] persistent stream_k : !out
  return
}
