// Functions of which no kernel can be made: what the driver says of each.

// RUN: split-file %s %t
// RUN: not flashmhf-compile %t/none.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not flashmhf-compile %t/host.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=HOST
// RUN: not flashmhf-compile %t/other.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=OTHER
// RUN: not flashmhf-compile %t/width.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=WIDTH
// RUN: not flashmhf-compile %t/heads.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=HEADS
// RUN: not flashmhf-compile %t/networks.mlir -o %t/out 2>&1 | FileCheck %s --check-prefix=NETWORKS
// RUN: not flashmhf-compile --preset=370m --dtype=f32 -o %t/out 2>&1 | FileCheck %s --check-prefix=TYPE
// RUN: not flashmhf-compile --preset=370m -o %t/out --schedule='#flashmhf.schedule<stages = [4, 4, 4]>' 2>&1 | FileCheck %s --check-prefix=MEMORY
// RUN: not test -e %t/out && not test -e %t/out.json

// NONE: none.mlir:1:1: 'func.func' op has no mhffn to make a kernel of
//--- none.mlir
func.func @f(%q: tensor<1x8x16x128xbf16>) { return }

// HOST: host.mlir:3:{{.*}}'linalg.exp' op is left for the host to run
//--- host.mlir
func.func @f(%q: tensor<1x8x16x64xbf16>, %k: tensor<8x1x64x64xbf16>,
             %o: tensor<1x8x16x64xbf16>) -> tensor<1x8x16x64xbf16> {
  %e = linalg.exp ins(%q : tensor<1x8x16x64xbf16>) outs(%q : tensor<1x8x16x64xbf16>) -> tensor<1x8x16x64xbf16>
  %r = flashmhf.mhffn silu
      ins(%e, %k, %k : tensor<1x8x16x64xbf16>, tensor<8x1x64x64xbf16>, tensor<8x1x64x64xbf16>)
      outs(%o : tensor<1x8x16x64xbf16>) -> tensor<1x8x16x64xbf16>
  return %r : tensor<1x8x16x64xbf16>
}

// OTHER: other.mlir:1:1: 'func.func' op returns 'memref<1x8x16x64xbf16
//--- other.mlir
func.func @f(%q: tensor<1x8x16x64xbf16>, %k: tensor<8x1x64x64xbf16>)
    -> tensor<1x8x16x64xbf16> {
  %zero = arith.constant 0.0 : bf16
  %empty = tensor.empty() : tensor<1x8x16x64xbf16>
  %init = linalg.fill ins(%zero : bf16) outs(%empty : tensor<1x8x16x64xbf16>) -> tensor<1x8x16x64xbf16>
  %r = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<1x8x16x64xbf16>, tensor<8x1x64x64xbf16>, tensor<8x1x64x64xbf16>)
      outs(%init : tensor<1x8x16x64xbf16>) -> tensor<1x8x16x64xbf16>
  return %r : tensor<1x8x16x64xbf16>
}

// WIDTH: width.mlir:3:{{.*}}'flashmhf.mhffn' op needs a static head width D of 16 to 256, a multiple of 16, on a GPU, has 40
//--- width.mlir
func.func @f(%q: tensor<1x8x16x40xbf16>, %k: tensor<8x1x64x40xbf16>,
             %o: tensor<1x8x16x40xbf16>) -> tensor<1x8x16x40xbf16> {
  %r = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<1x8x16x40xbf16>, tensor<8x1x64x40xbf16>, tensor<8x1x64x40xbf16>)
      outs(%o : tensor<1x8x16x40xbf16>) -> tensor<1x8x16x40xbf16>
  return %r : tensor<1x8x16x40xbf16>
}

// HEADS: heads.mlir:3:{{.*}}'flashmhf.mhffn' op needs static H, G, E and F on a GPU, has H = ?, G = ?, E = 1, F = 64
//--- heads.mlir
func.func @f(%q: tensor<1x?x16x64xbf16>, %k: tensor<?x1x64x64xbf16>,
             %o: tensor<1x?x16x64xbf16>) -> tensor<1x?x16x64xbf16> {
  %r = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<1x?x16x64xbf16>, tensor<?x1x64x64xbf16>, tensor<?x1x64x64xbf16>)
      outs(%o : tensor<1x?x16x64xbf16>) -> tensor<1x?x16x64xbf16>
  return %r : tensor<1x?x16x64xbf16>
}

// NETWORKS: networks.mlir:3:{{.*}}'flashmhf.mhffn' op needs static H, G, E and F on a GPU, has H = 8, G = 8, E = ?, F = ?
//--- networks.mlir
func.func @f(%q: tensor<1x8x?x64xbf16>, %k: tensor<8x?x?x64xbf16>,
             %o: tensor<1x8x?x64xbf16>) -> tensor<1x8x?x64xbf16> {
  %r = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<1x8x?x64xbf16>, tensor<8x?x?x64xbf16>, tensor<8x?x?x64xbf16>)
      outs(%o : tensor<1x8x?x64xbf16>) -> tensor<1x8x?x64xbf16>
  return %r : tensor<1x8x?x64xbf16>
}

// TYPE: error: {{.*}}'flashmhf.mhffn' op needs bf16 or f16 inputs on a GPU, has 'f32'
// MEMORY: error: {{.*}}shared memory
