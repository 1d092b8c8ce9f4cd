// RUN: flashmhf-opt %s --flashmhf-bufferize | FileCheck %s

// Arguments have innermost stride 1 and otherwise any layout; a result that is
// an argument written in place is dropped.

// CHECK-LABEL: func.func @in_place
// CHECK-SAME: (%[[Q:.*]]: memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, %[[W:.*]]: memref<8x2x32x64xbf16, strided<[?, ?, ?, 1], offset: ?>>, %[[O:.*]]: memref<?x8x?x64xbf16, strided<[?, ?, ?, 1], offset: ?>>) {
// CHECK-NOT:  memref.alloc
// CHECK-NOT:  memref.copy
// CHECK:      flashmhf.mhffn silu ins(%[[Q]], %[[W]], %[[W]] : {{.*}}) outs(%[[O]] :
// CHECK-NEXT: return{{$}}
func.func @in_place(%q: tensor<?x8x?x64xbf16>, %w: tensor<8x2x32x64xbf16>, %o: tensor<?x8x?x64xbf16>) -> tensor<?x8x?x64xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<?x8x?x64xbf16>, tensor<8x2x32x64xbf16>, tensor<8x2x32x64xbf16>) outs(%o : tensor<?x8x?x64xbf16>) -> tensor<?x8x?x64xbf16>
  return %0 : tensor<?x8x?x64xbf16>
}

// Only such results: a scalar and a new buffer stay.

// CHECK-LABEL: func.func @some_results
// CHECK-SAME: (%[[A:.*]]: memref<4xf32, strided<[1], offset: ?>>, %[[X:.*]]: f32) -> (f32, memref<4xf32>) {
// CHECK:      linalg.fill ins(%[[X]] : f32) outs(%[[A]] :
// CHECK:      %[[NEW:.*]] = memref.alloc()
// CHECK:      return %[[X]], %[[NEW]]
func.func @some_results(%a: tensor<4xf32>, %x: f32) -> (tensor<4xf32>, f32, tensor<4xf32>) {
  %0 = linalg.fill ins(%x : f32) outs(%a : tensor<4xf32>) -> tensor<4xf32>
  %1 = tensor.empty() : tensor<4xf32>
  %2 = linalg.fill ins(%x : f32) outs(%1 : tensor<4xf32>) -> tensor<4xf32>
  return %0, %x, %2 : tensor<4xf32>, f32, tensor<4xf32>
}

// A tensor of rank 0 has no stride to leave free.

// CHECK-LABEL: func.func @scalar
// CHECK-SAME: (%{{.*}}: memref<f32>) {
func.func @scalar(%a: tensor<f32>) -> tensor<f32> {
  return %a : tensor<f32>
}

// A function with callers keeps what they use.

// CHECK-LABEL: func.func private @callee
// CHECK-SAME: -> memref<4xf32, strided<[1], offset: ?>> {
func.func private @callee(%a: tensor<4xf32>) -> tensor<4xf32> {
  return %a : tensor<4xf32>
}

// CHECK-LABEL: func.func @caller
// CHECK: call @callee
func.func @caller(%a: tensor<4xf32>) -> tensor<4xf32> {
  %0 = call @callee(%a) : (tensor<4xf32>) -> tensor<4xf32>
  return %0 : tensor<4xf32>
}

// CHECK: func.func private @external
func.func private @external(tensor<4xf32>) -> tensor<4xf32>
