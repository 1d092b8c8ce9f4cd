// RUN: flashmhf-opt %s --hopper-push-partials --split-input-file --verify-diagnostics

!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  // expected-error@+1 {{has a schedule of pieces that push, which needs one hopper.warpgroups, has 0}}
  gpu.func @k(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8, push = true>} {
    gpu.return
  }
}
func.func @f(%o: !o) {
  hopper.launch @kernels::@k args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 8 : !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  // expected-error@+1 {{which needs one hopper.meet, has 2}}
  gpu.func @k(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8, push = true>} {
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      hopper.store_partial %acc, %partials[%counters, %counters, %counters, %counters] of 8 like %o : vector<64x64xf32>, !o
      %count = hopper.arrivals %counters[%counters]
      %first, %step = hopper.meet %counters[%counters] after %count piece %counters of 8 resident %resident
      %again, %by = hopper.meet %counters[%counters] after %count piece %counters of 8 resident %resident
    }
    gpu.return
  }
}
func.func @f(%o: !o) {
  hopper.launch @kernels::@k args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 8 : !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  gpu.func @k(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 17, push = true>} {
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %p = gpu.block_id x
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      hopper.store_partial %acc, %partials[%p, %p, %p, %p] of 17 like %o : vector<64x64xf32>, !o
      %count = hopper.arrivals %counters[%p]
      // expected-error@+1 {{is of 17 pieces, but they can push to each other only as a cluster of at most 16}}
      %first, %step = hopper.meet %counters[%p] after %count piece %p of 17 resident %resident
      hopper.sum_partials %partials of 17 into %o[%p, %p, %p] rows 64 from %first step %step : !o
    }
    gpu.return
  }
}
func.func @f(%o: !o) {
  hopper.launch @kernels::@k args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 17 : !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  gpu.func @k(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8, push = true>} {
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %p = gpu.block_id x
      %t = gpu.grid_dim x
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      hopper.store_partial %acc, %partials[%p, %p, %p, %p] of 8 like %o : vector<64x64xf32>, !o
      %count = hopper.arrivals %counters[%p]
      %first, %step = hopper.meet %counters[%p] after %count piece %p of 8 resident %resident
      // expected-error@+1 {{does not add up what the pieces that meet have stored}}
      hopper.sum_partials %partials of 8 into %o[%p, %p, %t] rows 64 from %first step %step : !o
    }
    gpu.return
  }
}
func.func @f(%o: !o) {
  hopper.launch @kernels::@k args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 8 : !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  gpu.func @k(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8, push = true>} {
    %c0 = arith.constant 0 : index
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %p = gpu.block_id x
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      %is = arith.cmpi eq, %p, %c0 : index
      scf.if %is {
        // expected-error@+1 {{must be at the top of the consumers of a kernel whose pieces push}}
        hopper.store_partial %acc, %partials[%p, %p, %p, %p] of 8 like %o : vector<64x64xf32>, !o
      }
      %count = hopper.arrivals %counters[%p]
      %first, %step = hopper.meet %counters[%p] after %count piece %p of 8 resident %resident
      hopper.sum_partials %partials of 8 into %o[%p, %p, %p] rows 64 from %first step %step : !o
    }
    gpu.return
  }
}
func.func @f(%o: !o) {
  hopper.launch @kernels::@k args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 8 : !o
  return
}

// -----

!o = memref<1x2x?x64xbf16>

gpu.module @kernels {
  // expected-error@+1 {{uses argument 2, which a launch of pieces that push does not pass}}
  gpu.func @k(%o: !o, %partials: index, %counters: index, %resident: index)
      kernel attributes {flashmhf.schedule = #flashmhf.schedule<split = 8, push = true>} {
    hopper.warpgroups producer registers 24 {
    } consumers 1 registers 240 {
      %acc = arith.constant dense<1.0> : vector<64x64xf32>
      hopper.store_partial %acc, %partials[%counters, %counters, %counters, %counters] of 8 like %o : vector<64x64xf32>, !o
      %count = hopper.arrivals %counters[%counters]
      %first, %step = hopper.meet %counters[%counters] after %count piece %counters of 8 resident %resident
      hopper.sum_partials %partials of 8 into %o[%counters, %counters, %counters] rows 64 from %first step %step : !o
    }
    gpu.return
  }
}
func.func @f(%o: !o) {
  hopper.launch @kernels::@k args(%o : !o) as [!o] over %o tiles [1, 1, 64] pieces 8 : !o
  return
}
