// RUN: flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{tuned=false}))" --mlir-print-local-scope | FileCheck %s
// RUN: flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{tuned=false max-variants=2}))" --mlir-print-local-scope | FileCheck %s --check-prefix=TWO
// RUN: flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{max-variants=1}))" | FileCheck %s --check-prefix=ONE
// RUN: flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{tuned=false programmatic=true}))" --mlir-print-local-scope | FileCheck %s --check-prefix=EARLY
// RUN: not flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{max-variants=0}))" 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not flashmhf-opt %s --pass-pipeline="builtin.module(func.func(flashmhf-version-tokens{tolerance=0.9}))" 2>&1 | FileCheck %s --check-prefix=FASTER
// NONE: error: max-variants is 0, expected at least 1
// FASTER: error: tolerance is 9.000000e-01, expected at least 1

// ONE-NOT: pick_variant

// EARLY-LABEL: func @any(
// EARLY:         case 1 {
// EARLY:         split = {{[0-9]+}},{{.*}}programmatic = true
// EARLY:         default {
// EARLY:       }

// One token: 8 heads are 8 blocks, unless the sum is split. Many: no split.

// CHECK-LABEL: func @any(
// CHECK-SAME:    %[[Q:.*]]: tensor<?x8x?x128xbf16>, {{.*}}, %[[OUT:[^:]*]]: tensor<?x8x?x128xbf16>)
// CHECK-NOT:   linalg.fill
// CHECK-DAG:   %[[C0:.*]] = arith.constant 0 : index
// CHECK-DAG:   %[[C2:.*]] = arith.constant 2 : index
// CHECK-DAG:   %[[B:.*]] = tensor.dim %[[Q]], %[[C0]]
// CHECK-DAG:   %[[L:.*]] = tensor.dim %[[Q]], %[[C2]]
// CHECK:       %[[N:.*]] = flashmhf.pick_variant %[[B]], %[[L]] [#flashmhf.case<tokens = {{[0-9]+}}, tile = {{[0-9]+}}, tiles = {{[0-9]+}}, variant = {{[1-9]}}>, {{.*}}] otherwise 0
// CHECK:       %[[O:.*]] = scf.index_switch %[[N]] -> tensor<?x8x?x128xbf16>
// CHECK-NEXT:  case 1 {
// CHECK-NEXT:    %[[ZERO:.*]] = linalg.fill ins({{.*}}) outs(%[[OUT]] :
// CHECK-NEXT:    %[[FEW:.*]] = flashmhf.mhffn silu ins(%[[Q]],{{.*}} outs(%[[ZERO]] : {{.*}} {schedule = #flashmhf.schedule<
// CHECK-NEXT:    scf.yield %[[FEW]]
// CHECK:         split =
// CHECK:       default {
// CHECK:         flashmhf.mhffn {{.*}}schedule = #flashmhf.schedule<token_tile = 128,{{.*}}persistent = true
// CHECK-NOT:     split =
// CHECK:       }
// CHECK:       return %[[O]]

// TWO-LABEL: func @any(
// TWO:         case 1 {
// TWO-NOT:     case 2 {
// TWO:         default {
func.func @any(%q: tensor<?x8x?x128xbf16>, %k: tensor<8x11x256x128xbf16>,
               %out: tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16> {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%out : tensor<?x8x?x128xbf16>)
      -> tensor<?x8x?x128xbf16>
  %o = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<?x8x?x128xbf16>, tensor<8x11x256x128xbf16>,
                       tensor<8x11x256x128xbf16>)
      up(%k : tensor<8x11x256x128xbf16>)
      outs(%init : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}

// Of a batch of one token each: tiles are sequences. The batch alone is open.

// CHECK-LABEL: func @batch(
// CHECK:         %[[C1:.*]] = arith.constant 1 : index
// CHECK:         flashmhf.pick_variant %{{.*}}, %[[C1]] [#flashmhf.case<tokens = [[TILES:[0-9]+]], tile = {{[0-9]+}}, tiles = [[TILES]],
// CHECK:         scf.index_switch
func.func @batch(%q: memref<?x8x1x128xbf16>, %k: memref<8x11x256x128xbf16>,
                 %out: memref<?x8x1x128xbf16>) {
  %zero = arith.constant 0.0 : bf16
  linalg.fill ins(%zero : bf16) outs(%out : memref<?x8x1x128xbf16>)
  flashmhf.mhffn silu
      ins(%q, %k, %k : memref<?x8x1x128xbf16>, memref<8x11x256x128xbf16>,
                       memref<8x11x256x128xbf16>)
      outs(%out : memref<?x8x1x128xbf16>)
  return
}

// Nothing to choose by, or chosen already, or not for a GPU: the sizes, the
// schedule, E.

// CHECK-LABEL: func @static(
// CHECK-NOT:     pick_variant
func.func @static(%q: tensor<1x8x77x128xbf16>, %k: tensor<8x11x256x128xbf16>,
                  %out: tensor<1x8x77x128xbf16>) -> tensor<1x8x77x128xbf16> {
  %o = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<1x8x77x128xbf16>, tensor<8x11x256x128xbf16>,
                       tensor<8x11x256x128xbf16>)
      outs(%out : tensor<1x8x77x128xbf16>) -> tensor<1x8x77x128xbf16>
  return %o : tensor<1x8x77x128xbf16>
}

// CHECK-LABEL: func @given(
// CHECK-NOT:     pick_variant
func.func @given(%q: tensor<?x8x?x128xbf16>, %k: tensor<8x11x256x128xbf16>,
                 %out: tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16> {
  %o = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<?x8x?x128xbf16>, tensor<8x11x256x128xbf16>,
                       tensor<8x11x256x128xbf16>)
      outs(%out : tensor<?x8x?x128xbf16>)
      {schedule = #flashmhf.schedule<dff_tile = 64>} -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}

// CHECK-LABEL: func @any_networks(
// CHECK-NOT:     pick_variant
func.func @any_networks(%q: tensor<?x8x?x128xbf16>, %k: tensor<8x?x256x128xbf16>,
                        %out: tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16> {
  %o = flashmhf.mhffn silu
      ins(%q, %k, %k : tensor<?x8x?x128xbf16>, tensor<8x?x256x128xbf16>,
                       tensor<8x?x256x128xbf16>)
      outs(%out : tensor<?x8x?x128xbf16>) -> tensor<?x8x?x128xbf16>
  return %o : tensor<?x8x?x128xbf16>
}

// What is in a loop may be a tile of something larger.

// CHECK-LABEL: func @in_loop(
// CHECK-NOT:     pick_variant
func.func @in_loop(%q: tensor<1x8x?x128xbf16>, %k: tensor<8x11x256x128xbf16>,
                   %out: tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16> {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %o = scf.for %i = %c0 to %c2 step %c1 iter_args(%acc = %out)
      -> tensor<1x8x?x128xbf16> {
    %s = flashmhf.mhffn silu
        ins(%q, %k, %k : tensor<1x8x?x128xbf16>, tensor<8x11x256x128xbf16>,
                         tensor<8x11x256x128xbf16>)
        outs(%acc : tensor<1x8x?x128xbf16>) -> tensor<1x8x?x128xbf16>
    scf.yield %s : tensor<1x8x?x128xbf16>
  }
  return %o : tensor<1x8x?x128xbf16>
}
