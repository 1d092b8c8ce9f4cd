// RUN: flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{tuned=false}))" | FileCheck %s --check-prefix=CASES
// RUN: flashmhf-opt %s --flashmhf-to-hopper="max-variants=8 tuned=false" -o %t.mlir
// RUN: FileCheck %s < %t.mlir
// RUN: flashmhf-opt %t.mlir --flashmhf-emulate="pattern=ones tokens=1" -o /dev/null 2>&1 | FileCheck %s --check-prefix=ONE
// RUN: flashmhf-opt %t.mlir --flashmhf-emulate="pattern=ones tokens=64" -o /dev/null 2>&1 | FileCheck %s --check-prefix=TILE
// RUN: flashmhf-opt %t.mlir --flashmhf-emulate="pattern=ones tokens=65" -o /dev/null 2>&1 | FileCheck %s --check-prefix=MORE
// RUN: flashmhf-opt %t.mlir --flashmhf-emulate="pattern=ones tokens=300" -o /dev/null 2>&1 | FileCheck %s --check-prefix=MANY

// Whichever kernel is taken, it alone runs, on all tokens: an output is twice the
// sum over E and F of (16 * 16) * 1, 512 * 256 * 2 in all, to bf16's three digits.

// CASES: #flashmhf.case<

// CHECK:      func.func @two_heads(%{{[^)]*}}) {
// CHECK:        scf.index_switch
// CHECK-NEXT:   case 1 {
// CHECK-NEXT:     hopper.launch @kernels::@two_heads_0
// CHECK:        default {
// CHECK-NEXT:     hopper.launch @kernels::@two_heads args
// CHECK:        return{{$}}

// ONE:  remark: argument #2: sum 4194304.000, smallest 131072.000, largest 131072.000
// TILE: remark: argument #2: sum 268435456.000, smallest 131072.000, largest 131072.000
// MORE: remark: argument #2: sum 272629760.000, smallest 131072.000, largest 131072.000
// MANY: remark: argument #2: sum 1258291200.000, smallest 131072.000, largest 131072.000

func.func @two_heads(%q: tensor<1x2x?x16xbf16>, %k: tensor<2x2x256x16xbf16>,
                     %out: tensor<1x2x?x16xbf16>) -> tensor<1x2x?x16xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<1x2x?x16xbf16>)
      -> tensor<1x2x?x16xbf16>
  %o = flashmhf.mhffn identity
      ins(%q, %k, %k : tensor<1x2x?x16xbf16>, tensor<2x2x256x16xbf16>,
                       tensor<2x2x256x16xbf16>)
      up(%k : tensor<2x2x256x16xbf16>)
      outs(%init : tensor<1x2x?x16xbf16>) -> tensor<1x2x?x16xbf16>
  return %o : tensor<1x2x?x16xbf16>
}
