// RUN: flashmhf-opt %s --hopper-persist --split-input-file --verify-diagnostics

#persistent = #flashmhf.schedule<persistent = true>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  gpu.func @two_tiles(%o: !out) kernel attributes {flashmhf.schedule = #persistent} {
    %n = gpu.block_id x
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %b, %h, %row = hopper.tile_coordinates %n of %o tiles [1, 1, 128] : !out
      // expected-error@+1 {{is not the only one of its region; a block has one tile at a time}}
      %b2, %h2, %row2 = hopper.tile_coordinates %n of %o tiles [1, 1, 64] : !out
    }
    gpu.return
  }
}

// -----

#persistent = #flashmhf.schedule<persistent = true>

gpu.module @kernels {
  // expected-error@+1 {{has a persistent schedule but no hopper.warpgroups; run hopper-warp-specialize first}}
  gpu.func @not_specialised() kernel attributes {flashmhf.schedule = #persistent} {
    gpu.return
  }
}

// -----

#persistent = #flashmhf.schedule<persistent = true>

gpu.module @kernels {
  gpu.func @no_tile() kernel attributes {flashmhf.schedule = #persistent} {
    // expected-error@+1 {{has no tile_coordinates, which say what to loop over}}
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
    }
    gpu.return
  }
}

// -----

#persistent = #flashmhf.schedule<persistent = true>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  gpu.func @other_tile(%o: !out) kernel attributes {flashmhf.schedule = #persistent} {
    %n = gpu.block_id x
    %next = arith.addi %n, %n : index
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      // expected-error@+1 {{is of another tile than the block's number}}
      %b, %h, %row = hopper.tile_coordinates %next of %o tiles [1, 1, 128] : !out
    }
    gpu.return
  }
}

// -----

#persistent = #flashmhf.schedule<persistent = true>
!out = memref<1x4x?x64xbf16>

gpu.module @kernels {
  gpu.func @local_tensor(%o: memref<1x4x64x64xbf16>) kernel attributes {flashmhf.schedule = #persistent} {
    %n = gpu.block_id x
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      %cast = memref.cast %o : memref<1x4x64x64xbf16> to !out
      // expected-error@+1 {{needs a tensor that both regions know}}
      %b, %h, %row = hopper.tile_coordinates %n of %cast tiles [1, 1, 128] : !out
    }
    gpu.return
  }
}
