// RUN: flashmhf-opt %s --flashmhf-to-hopper | FileCheck %s

// With exchanged roles 64 rows of K and U are the A of their products, tokens
// the columns. A goes to a ring of the consumer, and V, transposed, times it is
// the output, transposed.

!q = tensor<1x4x?x96xbf16>
!w = tensor<4x2x256x96xbf16>
!r = tensor<1x4x?x2xf32>
#split = #flashmhf.schedule<token_tile = 16, dff_tile = 64, consumers = 1, split = 2, exchange = true>
#whole = #flashmhf.schedule<token_tile = 8, dff_tile = 64, consumers = 1, exchange = true>

// CHECK-LABEL: gpu.func @split
// CHECK-SAME:  (%{{.*}}: !hopper.tensor_map<1x1x16x96xbf16>, %{{.*}}: !hopper.tensor_map<1x1x64x96xbf16>
// CHECK-SAME:  exchange = true>
// CHECK-DAG:   %Q = hopper.ring "Q" : <1 x 16x96xbf16>
// CHECK-DAG:   %V = hopper.ring "V" : <2 x 64x96xbf16>
// CHECK-DAG:   %A = hopper.ring "A" : <2 x 16x64xbf16, local>
// CHECK-DAG:   %[[ZERO:.*]] = arith.constant dense<0.000000e+00> : vector<128x16xf32>
// CHECK:       consumers 1
// CHECK:       %[[ROWS:.*]] = hopper.load_columns %{{.*}} -> vector<1x16xf32>
// CHECK:       %[[Q:.*]] = hopper.get %Q
// CHECK:       %[[SUM:.*]] = scf.for {{.*}} iter_args(%[[ACC:.*]] = %[[ZERO]])
// CHECK:         %[[K:.*]] = hopper.get %K
// CHECK-NEXT:    %[[S:.*]] = hopper.wgmma %[[K]], %[[Q]] transpose_b : !hopper.slot<64x96xbf16>, <16x96xbf16> -> <vector<64x16xf32>>
// CHECK-NEXT:    %[[U:.*]] = hopper.get %U
// CHECK-NEXT:    %[[T:.*]] = hopper.wgmma %[[U]], %[[Q]] transpose_b
// CHECK:         hopper.wait %[[S]] pending 1
// CHECK:         hopper.column_scale %{{.*}}, %{{.*}} : vector<64x16xf32>, vector<1x16xf32>
// CHECK:         %[[A:.*]] = arith.truncf %{{.*}} : vector<64x16xf32> to vector<64x16xbf16>
// CHECK-NEXT:    %[[SLOT:.*]] = hopper.get %A
// CHECK-NEXT:    hopper.write %[[A]] to %[[SLOT]]
// CHECK-NEXT:    %[[V:.*]] = hopper.get %V
// CHECK-NEXT:    hopper.wgmma %[[V]] transpose_a, %[[SLOT]] transpose_b acc %[[ACC]] : vector<128x16xf32>
// CHECK:       hopper.store_partial %[[SUM]], %{{.*}} transposed : vector<128x16xf32>
// CHECK:       hopper.sum_partials {{.*}} rows 16
func.func @split(%q: !q, %k: !w, %u: !w, %v: !w, %r: !r, %o: !q) -> !q {
  %zero = arith.constant 0.0 : bf16
  %init = linalg.fill ins(%zero : bf16) outs(%o : !q) -> !q
  %0 = flashmhf.mhffn silu ins(%q, %k, %v : !q, !w, !w) up(%u : !w) router(%r : !r) outs(%init : !q) {schedule = #split} -> !q
  return %0 : !q
}

// One block has the whole sum and adds to what is there.

// CHECK-LABEL: gpu.func @whole
// CHECK-NOT:   hopper.consumer_index
// CHECK:       hopper.load_columns %{{.*}} -> vector<1x8xf32>
// CHECK:       %[[OLD:.*]] = hopper.load %[[O:.*]][%[[AT:.*]]] transposed : {{.*}} -> vector<128x8xbf16>
// CHECK:       arith.truncf %{{.*}} : vector<128x8xf32> to vector<128x8xbf16>
// CHECK:       hopper.store %{{.*}}, %[[O]][%[[AT]]] transposed : vector<128x8xbf16>
func.func @whole(%q: !q, %k: !w, %v: !w, %r: !r, %o: !q) -> !q {
  %0 = flashmhf.mhffn gelu ins(%q, %k, %v : !q, !w, !w) router(%r : !r) outs(%o : !q) {schedule = #whole} -> !q
  return %0 : !q
}
