// RUN: flashmhf-opt %s --pass-pipeline='builtin.module(gpu.module(gpu.func(hopper-pipeline)))' | FileCheck %s

gpu.module @kernels {
  // K, U and V get the depth that the schedule says; Q is fetched once.

  // CHECK-LABEL: gpu.func @ffn
  // CHECK: hopper.ring "Q" : <1 x 128x64xbf16>
  // CHECK: hopper.ring "K" : <3 x 32x64xbf16>
  // CHECK: hopper.ring "U" : <2 x 32x64xbf16>
  // CHECK: hopper.ring "V" : <4 x 32x64xbf16>
  // CHECK: hopper.put %{{.*}} into %K : <1x1x32x64xbf16>, <3 x 32x64xbf16>
  // CHECK: hopper.get %K : <3 x 32x64xbf16> -> <32x64xbf16>
  gpu.func @ffn(%m: !hopper.tensor_map<1x1x32x64xbf16>, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<stages = [3, 2, 4]>} {
    %q = hopper.ring "Q" : !hopper.ring<1 x 128x64xbf16>
    %k = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    %u = hopper.ring "U" : !hopper.ring<1 x 32x64xbf16>
    %v = hopper.ring "V" : !hopper.ring<1 x 32x64xbf16>
    hopper.warpgroups producer registers 24 {
      hopper.put %m[%i, %i, %i, %i] into %k : !hopper.tensor_map<1x1x32x64xbf16>, !hopper.ring<1 x 32x64xbf16>
    } consumers 2 registers 240 {
      %s = hopper.get %k : !hopper.ring<1 x 32x64xbf16> -> !hopper.slot<32x64xbf16>
      hopper.release %s : !hopper.slot<32x64xbf16>
    }
    gpu.return
  }

  // CHECK-LABEL: gpu.func @no_schedule
  // CHECK: hopper.ring "K" : <1 x 32x64xbf16>
  gpu.func @no_schedule() kernel {
    %k = hopper.ring "K" : !hopper.ring<1 x 32x64xbf16>
    gpu.return
  }
}
