// RUN: flashmhf-opt %s --hopper-allocate-shared-memory | FileCheck %s

gpu.module @kernels {
  // Tiles one after the other, 2 * 128 * 64 * 2 and 3 * 32 * 64 * 2 bytes, then
  // 16 bytes of barriers for each slot, and 1024 to align the start.

  // CHECK-LABEL: gpu.func @places
  // CHECK-SAME: hopper.shared_memory = 46160 : i64
  // CHECK: hopper.ring "Q" at 0 barriers 45056 : <2 x 128x64xbf16>
  // CHECK: hopper.ring "K" at 32768 barriers 45088 : <3 x 32x64xbf16>
  gpu.func @places() kernel {
    %q = hopper.ring "Q" : !hopper.ring<2 x 128x64xbf16>
    %k = hopper.ring "K" : !hopper.ring<3 x 32x64xbf16>
    gpu.return
  }

  // A ring of 512 bytes leaves a gap: each starts at a multiple of 1024.

  // CHECK-LABEL: gpu.func @aligns
  // CHECK-SAME: hopper.shared_memory = 2592 : i64
  // CHECK: hopper.ring "K" at 0 barriers 1536 : <1 x 16x16xf16>
  // CHECK: hopper.ring "V" at 1024 barriers 1552 : <1 x 16x16xf16>
  gpu.func @aligns() kernel {
    %k = hopper.ring "K" : !hopper.ring<1 x 16x16xf16>
    %v = hopper.ring "V" : !hopper.ring<1 x 16x16xf16>
    gpu.return
  }

  // The last byte is used: 232448 = 7 * 32768 + 1024 + 16 * 8 + 1920.

  // CHECK-LABEL: gpu.func @fits
  // CHECK-SAME: hopper.shared_memory = 232448 : i64
  gpu.func @fits() kernel {
    %q = hopper.ring "Q" : !hopper.ring<7 x 128x128xbf16>
    %k = hopper.ring "K" : !hopper.ring<1 x 60x16xbf16>
    gpu.return
  }

  // The inbox is behind the tiles, its barriers behind those of the rings.

  // CHECK-LABEL: gpu.func @inbox
  // CHECK-SAME: hopper.shared_memory = 18608 : i64
  // CHECK: hopper.inbox at 1152 barriers 17568 : <8 x 4x64, parts 2>
  // CHECK: hopper.ring "K" at 0 barriers 17536
  gpu.func @inbox() kernel {
    %i = hopper.inbox : !hopper.inbox<8 x 4x64, parts 2>
    %k = hopper.ring "K" : !hopper.ring<2 x 18x16xbf16>
    gpu.return
  }

  // CHECK-LABEL: gpu.func @no_rings
  // CHECK-NOT: hopper.shared_memory
  // CHECK: gpu.return
  gpu.func @no_rings() kernel {
    gpu.return
  }

  // A product of the transposed tile reads 128 columns where there are 96: one
  // panel of 64 * 64 bytes behind the last slot, which must be there. A local
  // ring has no barriers: 2048 + 2 * 12288 + 4096 + 1024.

  // CHECK-LABEL: gpu.func @overrun
  // CHECK-SAME: hopper.shared_memory = 31744 : i64
  // CHECK: hopper.ring "A" at 0 barriers 26624 : <2 x 8x64xbf16, local>
  // CHECK: hopper.ring "V" at 2048 barriers 26624 : <2 x 64x96xbf16>
  gpu.func @overrun() kernel {
    %a = hopper.ring "A" : !hopper.ring<2 x 8x64xbf16, local>
    %v = hopper.ring "V" : !hopper.ring<2 x 64x96xbf16>
    %as = hopper.get %a : !hopper.ring<2 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
    %vs = hopper.get %v : !hopper.ring<2 x 64x96xbf16> -> !hopper.slot<64x96xbf16>
    %o = hopper.wgmma %vs transpose_a, %as transpose_b : !hopper.slot<64x96xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<128x8xf32>>
    gpu.return
  }

  // Where enough follows nothing is added: 24576 + 4096 + 16.

  // CHECK-LABEL: gpu.func @overrun_inside
  // CHECK-SAME: hopper.shared_memory = 29728 : i64
  gpu.func @overrun_inside() kernel {
    %v = hopper.ring "V" : !hopper.ring<2 x 64x96xbf16>
    %a = hopper.ring "A" : !hopper.ring<4 x 8x64xbf16, local>
    %as = hopper.get %a : !hopper.ring<4 x 8x64xbf16, local> -> !hopper.slot<8x64xbf16>
    %vs = hopper.get %v : !hopper.ring<2 x 64x96xbf16> -> !hopper.slot<64x96xbf16>
    %o = hopper.wgmma %vs transpose_a, %as transpose_b : !hopper.slot<64x96xbf16>, !hopper.slot<8x64xbf16> -> !hopper.inflight<vector<128x8xf32>>
    gpu.return
  }
}
