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

// Some: the fewest blocks that read enough at once, in deep steps.
// CHECK-LABEL: func.func @some_tokens
// CHECK:         schedule = #flashmhf.schedule<token_tile = 16, dff_tile = 256, stages = [4, 4, 4], consumers = 1, registers = [64, 64], {{.*}}, rotate = false, exchange = true>
func.func @some_tokens(%x: memref<1x1x32x1024xbf16>, %w: memref<16x1x64x1024xbf16>, %o: memref<1x16x32x64xbf16>) {
  flashmhf.project ins(%x, %w : memref<1x1x32x1024xbf16>, memref<16x1x64x1024xbf16>) outs(%o : memref<1x16x32x64xbf16>)
  return
}

// More: a block for each multiprocessor.
// CHECK-LABEL: func.func @more_tokens
// CHECK:         schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 128, stages = [4, 4, 4], consumers = 1, registers = [64, 64], {{.*}}, rotate = false>
func.func @more_tokens(%x: memref<1x1x256x2048xbf16>, %w: memref<32x1x64x2048xbf16>, %o: memref<1x32x256x64xbf16>) {
  flashmhf.project ins(%x, %w : memref<1x1x256x2048xbf16>, memref<32x1x64x2048xbf16>) outs(%o : memref<1x32x256x64xbf16>)
  return
}

// Many tokens: tiles enough, large ones read the least.
// CHECK-LABEL: func.func @many_tokens
// CHECK:         schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 128, stages = [4, 4, 4], consumers = 2, registers = [64, 64], {{.*}}, rotate = false>
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
