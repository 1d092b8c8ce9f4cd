// RUN: flashmhf-opt %s --flashmhf-assign-schedule | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-assign-schedule=programmatic=true | FileCheck %s --check-prefix=EARLY

// One token: pieces for nearly every multiprocessor, each with all of its
// weights requested at once.
// CHECK-LABEL: func.func @one_token
// CHECK:         schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 128, stages = [1, 1, 1], consumers = 1, registers = [64, 64], {{.*}}, split = 8, push = true, exchange = true>
// EARLY-LABEL: func.func @one_token
// EARLY:         programmatic = true, push = true, exchange = true>
func.func @one_token(%x: memref<1x1x1x1024xbf16>, %w: memref<16x1x64x1024xbf16>, %o: memref<1x16x1x64xbf16>) {
  flashmhf.project ins(%x, %w : memref<1x1x1x1024xbf16>, memref<16x1x64x1024xbf16>) outs(%o : memref<1x16x1x64xbf16>)
  return
}

// Many tokens: tiles enough, and pushing costs more than reading.
// CHECK-LABEL: func.func @many_tokens
// CHECK:         schedule = #flashmhf.schedule<token_tile = 64, {{.*}}, rotate = false>
// EARLY-LABEL: func.func @many_tokens
// EARLY:         rotate = false, programmatic = true>
func.func @many_tokens(%x: memref<1x1x4096x1024xf16>, %w: memref<16x1x64x1024xf16>, %o: memref<1x16x4096x64xf16>) {
  flashmhf.project ins(%x, %w : memref<1x1x4096x1024xf16>, memref<16x1x64x1024xf16>) outs(%o : memref<1x16x4096x64xf16>)
  return
}

// Given ones stay.
// CHECK-LABEL: func.func @given
// CHECK:         schedule = #flashmhf.schedule<token_tile = 24,
func.func @given(%x: memref<1x1x1x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x1x64xbf16>) {
  flashmhf.project ins(%x, %w : memref<1x1x1x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x1x64xbf16>)
      {schedule = #flashmhf.schedule<token_tile = 24, dff_tile = 64, consumers = 1, exchange = true>}
  return
}
