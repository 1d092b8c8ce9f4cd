// RUN: flashmhf-opt %s --hopper-warp-specialize --split-input-file --verify-diagnostics

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  // expected-error@+1 {{has no schedule that says how many warpgroups consume}}
  gpu.func @no_schedule(%m: !map, %i: index) kernel {
    %r = hopper.ring "K" : !ring
    hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>
!slot = !hopper.slot<64x64xbf16>

gpu.module @kernels {
  gpu.func @rows(%m: !map, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 2>} {
    %r = hopper.ring "K" : !ring
    hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
    %k = hopper.get %r : !ring -> !slot
    // expected-error@+1 {{computes 64 rows, but 2 consumers of 64 rows compute 128; token_tile must be 64 * consumers}}
    %s = hopper.wgmma %k, %k transpose_b : !slot, !slot -> !hopper.inflight<vector<64x64xf32>>
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @conditional(%m: !map, %i: index, %c: i1) kernel attributes {flashmhf.schedule = #flashmhf.schedule<>} {
    %r = hopper.ring "K" : !ring
    scf.if %c {
      // expected-error@+1 {{cannot move to the producer out of scf.if; only out of scf.for}}
      hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
    }
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @carried(%m: !map, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<>} {
    %r = hopper.ring "K" : !ring
    // expected-note@+1 {{the value}}
    %0 = scf.for %f = %i to %i step %i iter_args(%next = %i) -> index {
      %doubled = arith.addi %next, %next : index
      // expected-error@+1 {{needs a value that the producer cannot have; it has arguments, induction variables, rings and what pure operations make of them}}
      hopper.put %m[%i, %i, %doubled, %i] into %r : !map, !ring
      scf.yield %doubled : index
    }
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @loaded(%m: !map, %table: memref<4xindex>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<>} {
    %r = hopper.ring "K" : !ring
    // expected-note@+1 {{the value}}
    %end = memref.load %table[%i] : memref<4xindex>
    scf.for %f = %i to %end step %i {
      // expected-error@+1 {{needs a value that the producer cannot have; it has arguments, induction variables, rings and what pure operations make of them}}
      hopper.put %m[%i, %i, %f, %i] into %r : !map, !ring
    }
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @ring_in_loop(%m: !map, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<>} {
    scf.for %f = %i to %i step %i {
      // expected-note@+1 {{the value}}
      %r = hopper.ring "K" : !ring
      // expected-error@+1 {{needs a value that the producer cannot have; it has arguments, induction variables, rings and what pure operations make of them}}
      hopper.put %m[%i, %i, %f, %i] into %r : !map, !ring
    }
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  // expected-error@+1 {{'hopper.warpgroups' op needs 744 registers per lane over its 4 warpgroups, but a block of 512 threads has 512}}
  gpu.func @registers(%m: !map, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<consumers = 3>} {
    %r = hopper.ring "K" : !ring
    hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
    gpu.return
  }
}
