// RUN: flashmhf-opt %s --one-shot-bufferize=bufferize-function-boundaries --split-input-file | FileCheck %s

// The init is written in place where nothing reads it later.

// CHECK-LABEL: func.func @in_place
// CHECK-SAME: %[[Q:[^:]*]]: {{.*}}, %[[W:[^:]*]]: {{.*}}, %[[O:[^:]*]]: memref<1x2x4x8xbf16
// CHECK-NOT: memref.copy
// CHECK: flashmhf.mhffn silu ins(%[[Q]], %[[W]], %[[W]] : {{.*}}) outs(%[[O]] : {{.*}}) {schedule = #flashmhf.schedule<token_tile = 64, {{.*}}>}
// CHECK: return %[[O]]
func.func @in_place(%q: tensor<1x2x4x8xbf16>, %w: tensor<2x3x16x8xbf16>, %o: tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) outs(%o : tensor<1x2x4x8xbf16>) {schedule = #flashmhf.schedule<token_tile = 64>} -> tensor<1x2x4x8xbf16>
  return %0 : tensor<1x2x4x8xbf16>
}

// -----

// The init is read later, and then is another operand: both times a copy is
// written.

// CHECK-LABEL: func.func @init_read_later
// CHECK-SAME: %{{.*}}: {{.*}}, %{{.*}}: {{.*}}, %[[O:[^:]*]]: memref<1x2x4x8xbf16
// CHECK: %[[COPY:.*]] = memref.alloc() {{.*}} : memref<1x2x4x8xbf16>
// CHECK: memref.copy %[[O]], %[[COPY]]
// CHECK: flashmhf.mhffn {{.*}} outs(%[[COPY]] :
// CHECK: return %[[COPY]], %[[O]]
func.func @init_read_later(%q: tensor<1x2x4x8xbf16>, %w: tensor<2x3x16x8xbf16>, %o: tensor<1x2x4x8xbf16>) -> (tensor<1x2x4x8xbf16>, tensor<1x2x4x8xbf16>) {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) outs(%o : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  return %0, %o : tensor<1x2x4x8xbf16>, tensor<1x2x4x8xbf16>
}

// CHECK-LABEL: func.func @init_is_operand
// CHECK-SAME: %[[Q:[^:]*]]: memref<1x2x4x8xbf16
// CHECK: %[[COPY:.*]] = memref.alloc() {{.*}} : memref<1x2x4x8xbf16>
// CHECK: memref.copy %[[Q]], %[[COPY]]
// CHECK: flashmhf.mhffn silu ins(%[[Q]], {{.*}} outs(%[[COPY]] :
func.func @init_is_operand(%q: tensor<1x2x4x8xbf16>, %w: tensor<2x3x16x8xbf16>) -> tensor<1x2x4x8xbf16> {
  %0 = flashmhf.mhffn silu ins(%q, %w, %w : tensor<1x2x4x8xbf16>, tensor<2x3x16x8xbf16>, tensor<2x3x16x8xbf16>) outs(%q : tensor<1x2x4x8xbf16>) -> tensor<1x2x4x8xbf16>
  return %0 : tensor<1x2x4x8xbf16>
}
