// RUN: flashmhf-opt %s --hopper-split-activation | FileCheck %s

#late = #flashmhf.schedule<overlap = true, dff_tile = 32, late_columns = 8>
!q = !hopper.slot<64x64xbf16>
!s = !hopper.slot<32x64xbf16>
!out = memref<1x4x?x32xbf16>
!p = !hopper.inflight<vector<64x32xf32>>

gpu.module @kernels {
  // The activation of the first 24 columns stays in front of the wait for the product
  // with U; that of the last 8 comes behind it, and before the multiplications, which
  // it is to run beside. Constants and what scales rows follow.

  // CHECK-LABEL: gpu.func @late
  // CHECK-SAME:  (%[[Q:[^ ]*]]: !hopper.slot<64x64xbf16>, %{{.*}}: !hopper.slot<32x64xbf16>, %[[ROWS:[^ ]*]]: vector<64xf32>,
  // CHECK:       hopper.wgmma
  // CHECK-NEXT:  %[[T:.*]] = hopper.wgmma
  // CHECK-NEXT:  %[[X:.*]] = hopper.wait
  // CHECK-NEXT:  %[[X0:.*]] = vector.extract_strided_slice %[[X]] {offsets = [0, 0], sizes = [64, 24], strides = [1, 1]}
  // CHECK-NEXT:  %[[H0:.*]] = math.tanh %[[X0]] : vector<64x24xf32>
  // CHECK-NEXT:  %[[C0:.*]] = arith.constant dense<2.000000e+00> : vector<64x24xf32>
  // CHECK-NEXT:  %[[G0:.*]] = math.fma %[[H0]], %[[C0]], %[[X0]]
  // CHECK-NEXT:  %[[S0:.*]] = hopper.row_scale %[[G0]], %[[ROWS]] : vector<64x24xf32>, vector<64xf32>
  // CHECK-NEXT:  %[[EARLY:.*]] = hopper.anchor %[[S0]]
  // CHECK-NEXT:  %[[W:.*]] = hopper.wait %[[T]]
  // CHECK-NEXT:  %[[X1:.*]] = vector.extract_strided_slice %[[X]] {offsets = [0, 24], sizes = [64, 8], strides = [1, 1]}
  // CHECK:       %[[LATE:.*]] = hopper.row_scale %{{.*}}, %[[ROWS]] : vector<64x8xf32>, vector<64xf32>
  // CHECK-NEXT:  %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<64x32xf32>
  // CHECK-NEXT:  %[[W0:.*]] = vector.extract_strided_slice %[[W]] {offsets = [0, 0]
  // CHECK-NEXT:  %[[A0:.*]] = arith.mulf %[[EARLY]], %[[W0]]
  // CHECK-NEXT:  %[[FIRST:.*]] = vector.insert_strided_slice %[[A0]], %[[ZERO]] {offsets = [0, 0], strides = [1, 1]}
  // CHECK-NEXT:  %[[W1:.*]] = vector.extract_strided_slice %[[W]] {offsets = [0, 24]
  // CHECK-NEXT:  %[[A1:.*]] = arith.mulf %[[LATE]], %[[W1]]
  // CHECK-NEXT:  %[[ALL:.*]] = vector.insert_strided_slice %[[A1]], %[[FIRST]] {offsets = [0, 24], strides = [1, 1]}
  // CHECK-NEXT:  arith.truncf %[[ALL]]
  gpu.func @late(%q: !q, %k: !s, %rows: vector<64xf32>, %o: !out, %i: index) kernel attributes {flashmhf.schedule = #late} {
    %two = arith.constant dense<2.0> : vector<64x32xf32>
    %s = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
    %t = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
    %x = hopper.wait %s : !p
    %h = math.tanh %x : vector<64x32xf32>
    %g = math.fma %h, %two, %x : vector<64x32xf32>
    %scaled = hopper.row_scale %g, %rows : vector<64x32xf32>, vector<64xf32>
    %w = hopper.wait %t : !p
    %a = arith.mulf %scaled, %w : vector<64x32xf32>
    %r = arith.truncf %a : vector<64x32xf32> to vector<64x32xbf16>
    hopper.store %r, %o[%i, %i, %i, %i] : vector<64x32xbf16>, !out
    gpu.return
  }

  // By default, and without a product to wait for, all stays as it is.

  // CHECK-LABEL: gpu.func @none
  // CHECK-NOT:   vector.extract_strided_slice
  gpu.func @none(%q: !q, %k: !s, %o: !out, %i: index) kernel attributes {flashmhf.schedule = #flashmhf.schedule<overlap = true>} {
    %s = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
    %t = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
    %x = hopper.wait %s : !p
    %h = math.tanh %x : vector<64x32xf32>
    %w = hopper.wait %t : !p
    %a = arith.mulf %h, %w : vector<64x32xf32>
    %r = arith.truncf %a : vector<64x32xf32> to vector<64x32xbf16>
    hopper.store %r, %o[%i, %i, %i, %i] : vector<64x32xbf16>, !out
    gpu.return
  }

  // CHECK-LABEL: gpu.func @no_up
  // CHECK-NOT:   vector.extract_strided_slice
  gpu.func @no_up(%q: !q, %k: !s, %o: !out, %i: index) kernel attributes {flashmhf.schedule = #late} {
    %s = hopper.wgmma %q, %k transpose_b : !q, !s -> !p
    %x = hopper.wait %s : !p
    %h = math.tanh %x : vector<64x32xf32>
    %a = arith.mulf %h, %h : vector<64x32xf32>
    %r = arith.truncf %a : vector<64x32xf32> to vector<64x32xbf16>
    hopper.store %r, %o[%i, %i, %i, %i] : vector<64x32xbf16>, !out
    gpu.return
  }
}
