// RUN: flashmhf-opt %s --hopper-allocate-shared-memory --split-input-file --verify-diagnostics

gpu.module @kernels {
  // expected-error@+2 {{needs 263296 bytes of shared memory, a block of sm_90 has at most 232448}}
  // expected-note@+1 {{use smaller tiles or fewer stages}}
  gpu.func @too_much() kernel {
    // expected-note@+1 {{ring Q: 1 slots of 128 x 128 'bf16', 32768 bytes}}
    %q = hopper.ring "Q" : !hopper.ring<1 x 128x128xbf16>
    // expected-note@+1 {{ring K: 3 slots of 128 x 128 'bf16', 98304 bytes}}
    %k = hopper.ring "K" : !hopper.ring<3 x 128x128xbf16>
    // expected-note@+1 {{ring V: 4 slots of 128 x 128 'bf16', 131072 bytes}}
    %v = hopper.ring "V" : !hopper.ring<4 x 128x128xbf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  // expected-error@+2 {{needs 232480 bytes of shared memory, a block of sm_90 has at most 232448}}
  // expected-note@+1 {{use smaller tiles or fewer stages}}
  gpu.func @just_too_much() kernel {
    // expected-note@+1 {{ring Q: 7 slots of 128 x 128 'bf16', 229376 bytes}}
    %q = hopper.ring "Q" : !hopper.ring<7 x 128x128xbf16>
    // expected-note@+1 {{ring K: 1 slots of 61 x 16 'bf16', 1952 bytes}}
    %k = hopper.ring "K" : !hopper.ring<1 x 61x16xbf16>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  // expected-error@+2 {{needs 263280 bytes of shared memory, a block of sm_90 has at most 232448}}
  // expected-note@+1 {{use smaller tiles or fewer stages}}
  gpu.func @inbox() kernel {
    // expected-note@+1 {{ring Q: 6 slots of 128 x 128 'bf16', 196608 bytes}}
    %q = hopper.ring "Q" : !hopper.ring<6 x 128x128xbf16>
    // expected-note@+1 {{inbox: 2 parts of 8 x 128 f32 from each of 8 pieces, 65536 bytes}}
    %i = hopper.inbox : !hopper.inbox<8 x 8x128, parts 2>
    gpu.return
  }
}

// -----

gpu.module @kernels {
  gpu.func @two_inboxes() kernel {
    %a = hopper.inbox : !hopper.inbox<8 x 8x128>
    // expected-error@+1 {{is the second of its kernel}}
    %b = hopper.inbox : !hopper.inbox<8 x 8x128>
    gpu.return
  }
}
