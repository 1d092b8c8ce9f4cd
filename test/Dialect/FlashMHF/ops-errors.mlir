// RUN: flashmhf-opt %s --split-input-file --verify-diagnostics

func.func @rank(%q: memref<8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{'flashmhf.mhffn' op operand #0 must be tensor or memref of rank 4 of bf16, f16, f32 or f64, but got 'memref<8x64x32xbf16>'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @integers(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xi8>, %v: memref<4x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op operand #1 must be tensor or memref of rank 4 of bf16, f16, f32 or f64, but got 'memref<4x3x16x32xi8>'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xi8>, memref<4x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @narrow_router(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %r: memref<2x8x64x3xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op operand #3 must be tensor or memref of rank 4 of f32 or f64, but got 'memref<2x8x64x3xbf16>'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) router(%r : memref<2x8x64x3xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @tensors_and_memrefs(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: tensor<4x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op operands must be all tensors or all memrefs, but 'v' is 'tensor<4x3x16x32xbf16>' and 'init' is 'memref<2x8x64x32xbf16>'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, tensor<4x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @memrefs_with_result(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op on memrefs must have no result}}
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>) -> tensor<2x8x64x32xbf16>
  return
}

// -----

func.func @tensors_without_result(%q: tensor<2x8x64x32xbf16>, %k: tensor<4x3x16x32xbf16>, %v: tensor<4x3x16x32xbf16>, %o: tensor<2x8x64x32xbf16>) {
  // expected-error@+1 {{op on tensors must have one result}}
  flashmhf.mhffn silu ins(%q, %k, %v : tensor<2x8x64x32xbf16>, tensor<4x3x16x32xbf16>, tensor<4x3x16x32xbf16>) outs(%o : tensor<2x8x64x32xbf16>)
  return
}

// -----

func.func @result_type(%q: tensor<2x8x64x32xbf16>, %k: tensor<4x3x16x32xbf16>, %v: tensor<4x3x16x32xbf16>, %o: tensor<2x8x64x32xbf16>) {
  // expected-error@+1 {{op result type 'tensor<2x8x?x32xbf16>' differs from the type of 'init' 'tensor<2x8x64x32xbf16>'}}
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : tensor<2x8x64x32xbf16>, tensor<4x3x16x32xbf16>, tensor<4x3x16x32xbf16>) outs(%o : tensor<2x8x64x32xbf16>) -> tensor<2x8x?x32xbf16>
  return
}

// -----

func.func @layout(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 floordiv 8, d3, d2 mod 8)>>) {
  // expected-error@+1 {{op operand #1 must have a strided layout, got 'memref<4x3x16x32xbf16, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 floordiv 8, d3, d2 mod 8)>>'}}
  flashmhf.mhffn silu ins(%q, %k, %k : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 floordiv 8, d3, d2 mod 8)>>, memref<4x3x16x32xbf16, affine_map<(d0, d1, d2, d3) -> (d0, d1, d2 floordiv 8, d3, d2 mod 8)>>) outs(%q : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @weight_element_type(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %u: memref<4x3x16x32xf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op element type of 'u' must be 'bf16' when 'q' has 'bf16', got 'f16'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) up(%u : memref<4x3x16x32xf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @router_element_type(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %r: memref<2x8x64x3xf64>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op element type of 'r' must be 'f32' when 'q' has 'bf16', got 'f64'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) router(%r : memref<2x8x64x3xf64>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @f64_router_element_type(%q: memref<2x8x64x32xf64>, %k: memref<4x3x16x32xf64>, %v: memref<4x3x16x32xf64>, %r: memref<2x8x64x3xf32>, %o: memref<2x8x64x32xf64>) {
  // expected-error@+1 {{op element type of 'r' must be 'f64' when 'q' has 'f64', got 'f32'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xf64>, memref<4x3x16x32xf64>, memref<4x3x16x32xf64>) router(%r : memref<2x8x64x3xf32>) outs(%o : memref<2x8x64x32xf64>)
  return
}

// -----

func.func @output_element_type(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %o: memref<2x8x64x32xf16>) {
  // expected-error@+1 {{op element type of 'init' must be 'bf16' or the accumulation type 'f32', got 'f16'}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) outs(%o : memref<2x8x64x32xf16>)
  return
}

// -----

func.func @k_d(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x64xbf16>, %v: memref<4x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size D differs: dimension 3 of 'k' is 64, but 'q' has 32}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x64xbf16>, memref<4x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @u_g(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %u: memref<2x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size G differs: dimension 0 of 'u' is 2, but 'k' has 4}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) up(%u : memref<2x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @u_d(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %u: memref<4x3x16x16xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size D differs: dimension 3 of 'u' is 16, but 'q' has 32}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) up(%u : memref<4x3x16x16xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @v_e(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x5x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size E differs: dimension 1 of 'v' is 5, but 'k' has 3}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x5x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @v_f(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x8x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size F differs: dimension 2 of 'v' is 8, but 'k' has 16}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x8x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @r_b(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %r: memref<3x8x64x3xf32>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size B differs: dimension 0 of 'r' is 3, but 'q' has 2}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) router(%r : memref<3x8x64x3xf32>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @r_l(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %r: memref<2x8x63x3xf32>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size L differs: dimension 2 of 'r' is 63, but 'q' has 64}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) router(%r : memref<2x8x63x3xf32>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @r_e(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %r: memref<2x8x?x4xf32>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op size E differs: dimension 3 of 'r' is 4, but 'k' has 3}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) router(%r : memref<2x8x?x4xf32>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @o_h(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %o: memref<2x4x64x32xbf16>) {
  // expected-error@+1 {{op size H differs: dimension 1 of 'init' is 4, but 'q' has 8}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) outs(%o : memref<2x4x64x32xbf16>)
  return
}

// -----

func.func @o_d(%q: memref<2x8x64x32xbf16>, %k: memref<4x3x16x32xbf16>, %v: memref<4x3x16x32xbf16>, %o: memref<2x8x64x31xbf16>) {
  // expected-error@+1 {{op size D differs: dimension 3 of 'init' is 31, but 'q' has 32}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<4x3x16x32xbf16>, memref<4x3x16x32xbf16>) outs(%o : memref<2x8x64x31xbf16>)
  return
}

// -----

func.func @heads(%q: memref<2x8x64x32xbf16>, %k: memref<3x3x16x32xbf16>, %v: memref<3x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op number of heads H = 8 must be a multiple of the number of KUV-heads G = 3}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<3x3x16x32xbf16>, memref<3x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

func.func @no_kuv_heads(%q: memref<2x8x64x32xbf16>, %k: memref<0x3x16x32xbf16>, %v: memref<0x3x16x32xbf16>, %o: memref<2x8x64x32xbf16>) {
  // expected-error@+1 {{op number of heads H = 8 must be a multiple of the number of KUV-heads G = 0}}
  flashmhf.mhffn silu ins(%q, %k, %v : memref<2x8x64x32xbf16>, memref<0x3x16x32xbf16>, memref<0x3x16x32xbf16>) outs(%o : memref<2x8x64x32xbf16>)
  return
}

// -----

// expected-error@+1 {{schedule: 'token_tile' must be positive, got 0}}
func.func private @schedule() attributes {s = #flashmhf.schedule<token_tile = 0>}

// -----

// expected-error@+1 {{schedule: 'dff_tile' must be positive, got -128}}
func.func private @schedule() attributes {s = #flashmhf.schedule<dff_tile = -128>}

// -----

// expected-error@+1 {{schedule: 'stages' takes 3 values (K, U, V), got 2}}
func.func private @schedule() attributes {s = #flashmhf.schedule<stages = [2, 2]>}

// -----

// expected-error@+1 {{schedule: 'stages' must be positive, got 0}}
func.func private @schedule() attributes {s = #flashmhf.schedule<stages = [2, 0, 2]>}

// -----

// expected-error@+1 {{schedule: 'consumers' must be positive, got 0}}
func.func private @schedule() attributes {s = #flashmhf.schedule<consumers = 0>}

// -----

// expected-error@+1 {{schedule: 'registers' takes 2 values (producer, consumer), got 3}}
func.func private @schedule() attributes {s = #flashmhf.schedule<registers = [24, 240, 240]>}

// -----

// expected-error@+1 {{schedule: 'registers' must be positive, got -1}}
func.func private @schedule() attributes {s = #flashmhf.schedule<registers = [-1, 240]>}

// -----

// expected-error@+1 {{schedule: 'cluster' must be positive, got 0}}
func.func private @schedule() attributes {s = #flashmhf.schedule<cluster = 0>}

// -----

// expected-error@+1 {{schedule has no key 'tokens'}}
func.func private @schedule() attributes {s = #flashmhf.schedule<tokens = 128>}

// -----

// expected-error@+1 {{schedule names 'cluster' twice}}
func.func private @schedule() attributes {s = #flashmhf.schedule<cluster = 1, cluster = 2>}

// -----

// expected-error@+1 {{expected 'true' or 'false'}}
func.func private @schedule() attributes {s = #flashmhf.schedule<overlap = maybe>}

// -----

// expected-error@+1 {{schedule: 'producers' must be 1 or 2, got 3}}
func.func private @schedule_producers() attributes {s = #flashmhf.schedule<producers = 3>}

// -----

// expected-error@+1 {{schedule: 'fuse_tiles' needs 'persistent' and 'overlap'}}
func.func private @schedule_fuse_tiles() attributes {s = #flashmhf.schedule<persistent = true, fuse_tiles = true>}

// -----

// expected-error@+1 {{case: 'tile' must be at least 1, got 0}}
func.func private @case_tile() attributes {c = #flashmhf.case<tokens = 64, tile = 0, tiles = 1, variant = 0>}

// -----

// expected-error@+1 {{case: 'tiles' must be at least 0, got -1}}
func.func private @case_tiles() attributes {c = #flashmhf.case<tokens = 64, tile = 64, tiles = -1, variant = 0>}

// -----

func.func @pick_variant_otherwise(%b: index, %l: index) {
  // expected-error@+1 {{attribute 'otherwise' failed to satisfy constraint}}
  %n = flashmhf.pick_variant %b, %l [] otherwise -1
  return
}

// -----

func.func @pick_variant_cases(%b: index, %l: index) {
  // expected-error@+1 {{attribute 'cases' failed to satisfy constraint: cases}}
  %n = flashmhf.pick_variant %b, %l [1] otherwise 0
  return
}

// -----

// expected-error@+1 {{schedule: 'push' needs 'split' > 1 and 'cluster' = 1, got 1 and 1}}
func.func private @schedule_push() attributes {s = #flashmhf.schedule<push = true>}

// -----

// expected-error@+1 {{schedule: 'exchange' needs 'consumers' = 1, got 2}}
func.func private @schedule_exchange() attributes {s = #flashmhf.schedule<token_tile = 8, dff_tile = 64, exchange = true>}

// -----

// expected-error@+1 {{schedule: 'scale_sums' and 'exchange' exclude each other}}
func.func private @schedule_scale_sums() attributes {s = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, scale_sums = true>}

// -----

// expected-error@+1 {{schedule: 'late_columns' must be at least 0, and 0 with 'exchange', got 8}}
func.func private @schedule_late_columns() attributes {s = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, late_columns = 8>}

// -----

// expected-error@+1 {{schedule: 'late_columns' must be at least 0, and 0 with 'exchange', got -8}}
func.func private @schedule_negative_late_columns() attributes {s = #flashmhf.schedule<late_columns = -8>}

// -----

// expected-error@+1 {{schedule: 'hold_q' and 'exchange' exclude each other}}
func.func private @schedule_hold_q() attributes {s = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true, hold_q = true>}

// -----

// expected-error@+1 {{schedule: 'stream_k' needs 'persistent' and no 'rotate' or 'scale_sums'}}
func.func private @schedule_stream_k() attributes {s = #flashmhf.schedule<stream_k = true>}

// -----

// expected-error@+1 {{schedule: 'stream_k' needs 'persistent' and no 'rotate' or 'scale_sums'}}
func.func private @schedule_stream_k_rotate() attributes {s = #flashmhf.schedule<persistent = true, rotate = true, stream_k = true>}

// -----

// expected-error@+1 {{schedule: 'paced' needs 'split' > 1, got 1}}
func.func private @schedule_paced() attributes {s = #flashmhf.schedule<paced = true>}
