// RUN: flashmhf-opt %s --flashmhf-emulate="pattern=ones tokens=64" \
// RUN:   -split-input-file -verify-diagnostics -o /dev/null
//
// The A operand from registers, once its slot is given back.

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %mk: !hopper.tensor_map<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    %K = hopper.ring "K" : <1 x 16x16xbf16>
    hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    hopper.put %mk[%c0, %c0, %c0, %c0] into %K : <1x1x16x16xbf16>, <1 x 16x16xbf16>
    %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
    hopper.scale %q, 0.5 : <64x16xbf16>
    %a = hopper.read %q : <64x16xbf16> -> vector<64x16xbf16>
    hopper.release %q : <64x16xbf16>
    %k = hopper.get %K : <1 x 16x16xbf16> -> <16x16xbf16>
    %p = hopper.wgmma %a, %k transpose_b : vector<64x16xbf16>, <16x16xbf16> -> <vector<64x16xf32> reads vector<64x16xbf16>>
    %s = hopper.wait %p : <vector<64x16xf32> reads vector<64x16xbf16>>
    hopper.release %k : <16x16xbf16>
    hopper.store %s, %o[%c0, %c0, %c0, %c0] : vector<64x16xf32>, memref<1x1x?x16xf32>
    gpu.return
  }
}
func.func @f(%q: memref<1x1x64x16xbf16>, %k: memref<1x1x16x16xbf16>, %o: memref<1x1x?x16xf32>) {
  // expected-remark@-1 {{argument #2: sum 8192.000, smallest 8.000, largest 8.000}}
  hopper.launch @kernels::@k args(%q, %k, %o : memref<1x1x64x16xbf16>, memref<1x1x16x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, !hopper.tensor_map<1x1x16x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}

// -----

gpu.module @kernels {
  gpu.func @k(%mq: !hopper.tensor_map<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) kernel {
    %c0 = arith.constant 0 : index
    %Q = hopper.ring "Q" : <1 x 64x16xbf16>
    hopper.put %mq[%c0, %c0, %c0, %c0] into %Q : <1x1x64x16xbf16>, <1 x 64x16xbf16>
    %q = hopper.get %Q : <1 x 64x16xbf16> -> <64x16xbf16>
    hopper.release %q : <64x16xbf16>
    // expected-error @below {{reads slot 0 of ring "Q" after its release}}
    %a = hopper.read %q : <64x16xbf16> -> vector<64x16xbf16>
    gpu.return
  }
}
func.func @f(%q: memref<1x1x64x16xbf16>, %o: memref<1x1x?x16xf32>) {
  hopper.launch @kernels::@k args(%q, %o : memref<1x1x64x16xbf16>, memref<1x1x?x16xf32>) as [!hopper.tensor_map<1x1x64x16xbf16>, memref<1x1x?x16xf32>] over %o tiles [1, 1, 64] : memref<1x1x?x16xf32>
  return
}
