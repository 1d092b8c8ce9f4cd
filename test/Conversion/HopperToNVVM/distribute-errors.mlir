// RUN: flashmhf-opt %s --hopper-distribute --split-input-file --verify-diagnostics

gpu.module @kernels {
  gpu.func @not_specialised(%i: index, %out: memref<1x4x?x64xbf16>) {
    // expected-error@+1 {{has 'vector<128x64xbf16>', but a warpgroup holds vectors of 64 rows and a multiple of 8 columns of f32, f16 or bf16}}
    %0 = hopper.load %out[%i, %i, %i, %i] : memref<1x4x?x64xbf16> -> vector<128x64xbf16>
    hopper.store %0, %out[%i, %i, %i, %i] : vector<128x64xbf16>, memref<1x4x?x64xbf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @narrow(%i: index, %out: memref<1x4x?x64xf32>) {
    // expected-error@+1 {{has 'vector<64x4xf32>', but a warpgroup holds}}
    %0 = hopper.load %out[%i, %i, %i, %i] : memref<1x4x?x64xf32> -> vector<64x4xf32>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @product(%a: i32) {
    %s = hopper.slot_at %a, %a : !hopper.slot<128x16xbf16>
    // expected-error@+1 {{has 'vector<128x128xf32>', but a warpgroup holds}}
    %0 = hopper.wgmma %s, %s transpose_b : !hopper.slot<128x16xbf16>, !hopper.slot<128x16xbf16> -> !hopper.inflight<vector<128x128xf32>>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @ring() {
    // expected-error@+1 {{failed to legalize operation 'hopper.ring'}}
    %r = hopper.ring "K" : !hopper.ring<1 x 64x64xbf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @not_a_splat() {
    // expected-error@+1 {{failed to legalize operation 'arith.constant'}}
    %0 = arith.constant dense_resource<x> : vector<64x8xf32>
    %1 = hopper.anchor %0 : vector<64x8xf32>
    gpu.return
  }
}

// -----

// Vectors that are no tiles are not touched.

gpu.module @kernels {
  gpu.func @scalar_vector(%v: vector<f32>, %out: memref<vector<f32>>) {
    %0 = arith.addf %v, %v : vector<f32>
    memref.store %0, %out[] : memref<vector<f32>>
    gpu.return
  }
}
