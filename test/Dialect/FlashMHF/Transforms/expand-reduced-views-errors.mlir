// RUN: flashmhf-opt %s --flashmhf-expand-reduced-views --split-input-file --verify-diagnostics

// By its sizes this drops the last dimension, by its strides the first.

!five = memref<1x1x1x16x16xf32, strided<[0, ?, 256, 256, 1], offset: ?>>
!four = memref<1x?x16x16xf32, strided<[?, ?, 256, 1], offset: ?>>

func.func @contradiction(%w: !five, %n: index) -> !four {
  // expected-error@+1 {{drops dimensions of 'memref<1x?x1x16x16xf32, strided<[0, ?, ?, 256, 1], offset: ?>>' that cannot be told from those of 'memref<1x?x16x16xf32, strided<[?, ?, 256, 1], offset: ?>>'}}
  %k = memref.subview %w[0, 0, 0, 0, 0] [1, %n, 1, 16, 16] [1, 1, %n, 1, 1] : !five to !four
  return %k : !four
}
