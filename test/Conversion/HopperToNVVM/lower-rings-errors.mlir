// RUN: flashmhf-opt %s --hopper-lower-rings --split-input-file --verify-diagnostics

!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  // expected-error@+1 {{has rings but no hopper.warpgroups; run hopper-warp-specialize first}}
  gpu.func @no_roles() kernel {
    %r = hopper.ring "K" at 0 barriers 8192 : !ring
    gpu.return
  }
}

// -----

!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @no_place() kernel {
    // expected-error@+1 {{has no place in shared memory; run hopper-allocate-shared-memory first}}
    %r = hopper.ring "K" : !ring
    hopper.warpgroups producer registers 24 {} consumers 2 registers 240 {}
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @two_splits() kernel {
    hopper.warpgroups producer registers 24 {} consumers 2 registers 240 {}
    // expected-error@+1 {{is the second of its kernel; the launch gives each warpgroup one role}}
    hopper.warpgroups producer registers 24 {} consumers 2 registers 240 {}
    gpu.return
  }
}

// -----

!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @nested() kernel {
    hopper.warpgroups producer registers 24 {
      // expected-error@+1 {{must be at the top of its kernel}}
      %r = hopper.ring "K" at 0 barriers 8192 : !ring
    } consumers 2 registers 240 {}
    gpu.return
  }
}

// -----

!ring = !hopper.ring<1 x 64x64xbf16>
!slot = !hopper.slot<64x64xbf16>

gpu.module @kernels {
  gpu.func @ring_argument(%r: !ring) kernel {
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      // expected-error@+1 {{needs a ring of its kernel, from hopper.ring}}
      %s = hopper.get %r : !ring -> !slot
    }
    gpu.return
  }
}

// -----

!map = !hopper.tensor_map<1x1x64x64xbf16>
!ring = !hopper.ring<1 x 64x64xbf16>

gpu.module @kernels {
  gpu.func @consumer_puts(%m: !map, %i: index) kernel {
    %r = hopper.ring "K" at 0 barriers 8192 : !ring
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      // expected-error@+1 {{must be in the producer region of hopper.warpgroups}}
      hopper.put %m[%i, %i, %i, %i] into %r : !map, !ring
    }
    gpu.return
  }
}

// -----

!ring = !hopper.ring<1 x 64x64xbf16>
!slot = !hopper.slot<64x64xbf16>

gpu.module @kernels {
  gpu.func @nobody_gets() kernel {
    %r = hopper.ring "K" at 0 barriers 8192 : !ring
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
    }
    // expected-error@+1 {{must be in the consumer region of hopper.warpgroups}}
    %s = hopper.get %r : !ring -> !slot
    gpu.return
  }
}

// -----

gpu.module @kernels {
  // expected-error@+1 {{takes tensor map 1 after an argument of another kind; tensor maps come first}}
  gpu.func @map_after_memref(%o: memref<4xf32>, %m: !hopper.tensor_map<1x1x64x64xbf16>) kernel {
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @inbox_without_place(%n: index) kernel {
    // expected-error@+1 {{has no place in shared memory; run hopper-allocate-shared-memory first}}
    %inbox = hopper.inbox : !hopper.inbox<3 x 22x16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @inbox_without_rings(%n: index) kernel {
    // expected-error@+1 {{needs a kernel with hopper.warpgroups and rings}}
    %inbox = hopper.inbox at 0 barriers 4224 : !hopper.inbox<3 x 22x16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
      hopper.expect %inbox rows %n : !hopper.inbox<3 x 22x16>
    }
    gpu.return
  }
}

// -----

!o = memref<1x1x?x16xf32>

gpu.module @kernels {
  gpu.func @inbox_of_nobody(%p: index, %n: index, %o: !o) kernel {
    %r = hopper.ring "K" at 0 barriers 12416 : !hopper.ring<1 x 64x64xbf16>
    %inbox = hopper.inbox at 8192 barriers 12432 : !hopper.inbox<3 x 22x16>
    hopper.warpgroups producer registers 24 {
    } consumers 2 registers 240 {
    }
    // expected-error@+1 {{must be in the consumer region of hopper.warpgroups}}
    hopper.sum_pushed %inbox into %o[%p, %p, %p] piece %p rows %n : !hopper.inbox<3 x 22x16>, !o
    gpu.return
  }
}
