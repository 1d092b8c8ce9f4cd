// RUN: flashmhf-opt %s --flashmhf-lower-project --split-input-file --verify-diagnostics

func.func @no_schedule(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op has no schedule; run flashmhf-assign-schedule}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>)
  return
}

// -----

func.func @type(%x: memref<1x1x?x64xf32>, %w: memref<2x1x64x64xf32>, %o: memref<1x2x?x64xf32>) {
  // expected-error@+1 {{'flashmhf.project' op needs bf16 or f16 inputs on a GPU, has 'f32'}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xf32>, memref<2x1x64x64xf32>) outs(%o : memref<1x2x?x64xf32>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @dynamic(%x: memref<1x1x?x?xbf16>, %w: memref<2x1x64x?xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs static G, N and K on a GPU, has G = 1, N = 64, K = ?}}
  flashmhf.project ins(%x, %w : memref<1x1x?x?xbf16>, memref<2x1x64x?xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @columns(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x72x64xbf16>, %o: memref<1x2x?x72xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs N of 16 to 256, a multiple of 16, on a GPU, has 72; more columns are more heads}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x72x64xbf16>) outs(%o : memref<1x2x?x72xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @depth(%x: memref<1x1x?x72xbf16>, %w: memref<2x1x64x72xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs K that is a multiple of 16 on a GPU, has 72}}
  flashmhf.project ins(%x, %w : memref<1x1x?x72xbf16>, memref<2x1x64x72xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @cluster(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a cluster of 1 to 8 blocks, has 16}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, cluster = 16>}
  return
}

// -----

func.func @split_cluster(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op cannot be split on a GPU where blocks form clusters: split = 2, cluster = 4}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 32, consumers = 1, exchange = true, cluster = 4, split = 2>}
  return
}

// -----

func.func @parts(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x48x64xbf16>, %o: memref<1x2x?x48xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs rows of W that a cluster can share out in parts of 8: 48 rows, 4 blocks}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x48x64xbf16>) outs(%o : memref<1x2x?x48xbf16>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, registers = [64, 64], cluster = 4>}
  return
}

// -----

func.func @persistent(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no persistent in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, persistent = true>}
  return
}

// -----

func.func @overlap(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no overlap in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, overlap = true>}
  return
}

// -----

func.func @rotate(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no rotate in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, rotate = true>}
  return
}

// -----

func.func @producers(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no producers > 1 in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, producers = 2>}
  return
}

// -----

func.func @halve_q(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no halve_q in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, halve_q = true>}
  return
}

// -----

func.func @scale_sums(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no scale_sums in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, scale_sums = true>}
  return
}

// -----

func.func @late_columns(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no late_columns in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, late_columns = 16>}
  return
}

// -----

func.func @turns(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no turns = false in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, turns = false>}
  return
}

// -----

func.func @fuse_tiles(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op takes no persistent in its schedule: that is for mhffn}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, persistent = true, overlap = true, fuse_tiles = true>}
  return
}

// -----

func.func @stages(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs stages of W and X, and those of X once more, has [2, 3, 4]}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, stages = [2, 3, 4]>}
  return
}

// -----

func.func @many_stages(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs at most 7264 stages on a GPU, has 7265}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, stages = [7265, 2, 2]>}
  return
}

// -----

func.func @tokens(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a token_tile of at most 256 on a GPU, has 264}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 264, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @tokens_of_8(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a token_tile that is a multiple of 8 where roles are exchanged, has 12}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 12, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @consumers(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a token_tile of 64 rows for each consumer: 128 rows, 1 consumers}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 128, dff_tile = 64, consumers = 1>}
  return
}

// -----

func.func @wide(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x80x64xbf16>, %o: memref<1x2x?x80xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs N of at most 64 where roles are exchanged, has 80; more columns are more heads}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x80x64xbf16>) outs(%o : memref<1x2x?x80xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true>}
  return
}

// -----

func.func @step(%x: memref<1x1x?x96xbf16>, %w: memref<2x1x64x96xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a dff_tile, columns of X and W, of 16 to 256 whose largest factor of 64, 32 and 16 divides K = 96, has 128}}
  flashmhf.project ins(%x, %w : memref<1x1x?x96xbf16>, memref<2x1x64x96xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 128, consumers = 1, exchange = true>}
  return
}

// -----

func.func @odd_step(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a dff_tile, columns of X and W, of 16 to 256 whose largest factor of 64, 32 and 16 divides K = 64, has 40}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 40, consumers = 1, exchange = true>}
  return
}

// -----

func.func @wide_step(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs a dff_tile, columns of X and W, of 16 to 256 whose largest factor of 64, 32 and 16 divides K = 64, has 320}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 320, consumers = 1, exchange = true>}
  return
}

// -----

func.func @split(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op cannot be split into 3 pieces: G = 1 groups of K = 64 have 2 steps of dff_tile = 32}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 32, consumers = 1, exchange = true, split = 3>}
  return
}

// -----

func.func @push(%x: memref<1x8x?x64xbf16>, %w: memref<2x8x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs pieces that push to be a cluster of at most 16 blocks: push, split = 17}}
  flashmhf.project ins(%x, %w : memref<1x8x?x64xbf16>, memref<2x8x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 16, consumers = 1, exchange = true, split = 17, push = true>}
  return
}

// -----

func.func @registers(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x64x64xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs 504 registers per lane over its 2 warpgroups, but a block of 256 threads has 496}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x64x64xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, registers = [248, 256]>}
  return
}

// -----

func.func @accumulators(%x: memref<1x1x?x64xbf16>, %w: memref<2x1x128x64xbf16>, %o: memref<1x2x?x128xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs 64 registers per thread for accumulators (N = 128, token_tile = 64) and 32 besides, but a consumer has 64}}
  flashmhf.project ins(%x, %w : memref<1x1x?x64xbf16>, memref<2x1x128x64xbf16>) outs(%o : memref<1x2x?x128xbf16>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 64, consumers = 1, registers = [24, 104]>}
  return
}

// -----

func.func @memory(%x: memref<1x1x?x256xbf16>, %w: memref<2x1x64x256xbf16>, %o: memref<1x2x?x64xbf16>) {
  // expected-error@+1 {{'flashmhf.project' op needs 263296 bytes of shared memory, a block of sm_90 has at most 232448}}
  flashmhf.project ins(%x, %w : memref<1x1x?x256xbf16>, memref<2x1x64x256xbf16>) outs(%o : memref<1x2x?x64xbf16>) {schedule = #flashmhf.schedule<token_tile = 64, dff_tile = 256, stages = [4, 4, 4], consumers = 1, registers = [64, 64]>}
  return
}

// -----

func.func @tensors(%x: tensor<1x1x?x64xbf16>, %w: tensor<2x1x64x64xbf16>, %o: tensor<1x2x?x64xbf16>) -> tensor<1x2x?x64xbf16> {
  // expected-error@+1 {{'flashmhf.project' op must be on memrefs; run flashmhf-bufferize first}}
  %0 = flashmhf.project ins(%x, %w : tensor<1x1x?x64xbf16>, tensor<2x1x64x64xbf16>) outs(%o : tensor<1x2x?x64xbf16>) -> tensor<1x2x?x64xbf16>
  return %0 : tensor<1x2x?x64xbf16>
}
