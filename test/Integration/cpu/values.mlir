// Values of every element type against scalar loops in f64: heads that share
// weights, tails in every dimension, a dynamic number of tokens, an init that
// is accumulated into. @main returns the number of wrong elements.
//
// DEFINE: %{run} = flashmhf-opt --flashmhf-to-cpu=parallel=false | mlir-runner -O3 -e main --entry-point-result=i32 | FileCheck %s
// RUN: sed -e 's/INPUT/f32/; s/ACC/f32/; s/WIDEN/arith.extf %x : f32 to f64/; s/TOLERANCE/2.0e-06/' %s | %{run}
// RUN: sed -e 's/INPUT/f64/; s/ACC/f64/; s/WIDEN/arith.minimumf %x, %x : f64/; s/TOLERANCE/1.0e-14/' %s | %{run}
// RUN: sed -e 's/INPUT/f16/; s/ACC/f32/; s/WIDEN/arith.extf %x : f16 to f64/; s/TOLERANCE/4.0e-03/' %s | %{run}
// RUN: sed -e 's/INPUT/bf16/; s/ACC/f32/; s/WIDEN/arith.extf %x : bf16 to f64/; s/TOLERANCE/3.0e-02/' %s | %{run}
//
// Registers of 256 bits block differently.
// RUN: sed -e 's/INPUT/f32/; s/ACC/f32/; s/WIDEN/arith.extf %x : f32 to f64/; s/TOLERANCE/2.0e-06/' %s | flashmhf-opt --flashmhf-to-cpu="parallel=false vector-bits=256" | mlir-runner -O3 -e main --entry-point-result=i32 | FileCheck %s
//
// The oracle does see a wrong value.
// RUN: sed -e 's/INPUT/bf16/; s/ACC/f32/; s/WIDEN/arith.extf %x : bf16 to f64/; s/TOLERANCE/2.0e-06/' %s | flashmhf-opt --flashmhf-to-cpu=parallel=false | mlir-runner -O3 -e main --entry-point-result=i32 | FileCheck %s --check-prefix=WRONG

// CHECK: {{^0$}}
// WRONG: {{^[1-9][0-9]*$}}

!in = INPUT
!acc = ACC

// A number in [-16, 16] from a position; 1/16 of it is exact in every type.
func.func private @number(%x: index, %y: index, %z: index, %w: index, %salt: index) -> i32 {
  %c16 = arith.constant 16 : index
  %c33 = arith.constant 33 : index
  %c71 = arith.constant 71 : index
  %c1009 = arith.constant 1009 : index
  %0 = arith.muli %x, %c71 : index
  %1 = arith.addi %0, %y : index
  %2 = arith.muli %1, %c71 : index
  %3 = arith.addi %2, %z : index
  %4 = arith.muli %3, %c71 : index
  %5 = arith.addi %4, %w : index
  %6 = arith.addi %5, %salt : index
  %7 = arith.muli %6, %6 : index
  %8 = arith.remui %7, %c1009 : index
  %9 = arith.remui %8, %c33 : index
  %10 = arith.subi %9, %c16 : index
  %11 = arith.index_cast %10 : index to i32
  return %11 : i32
}

// The same as an exact value.
func.func private @exact(%x: index, %y: index, %z: index, %w: index, %salt: index) -> f64 {
  %scale = arith.constant 6.250000e-02 : f64
  %0 = call @number(%x, %y, %z, %w, %salt) : (index, index, index, index, index) -> i32
  %1 = arith.sitofp %0 : i32 to f64
  %2 = arith.mulf %1, %scale : f64
  return %2 : f64
}

func.func private @make_weights(%salt: index) -> tensor<2x3x6x20x!in> {
  %scale = arith.constant 6.250000e-02 : !in
  %0 = tensor.generate {
  ^bb0(%x: index, %y: index, %z: index, %w: index):
    %1 = func.call @number(%x, %y, %z, %w, %salt) : (index, index, index, index, index) -> i32
    %2 = arith.sitofp %1 : i32 to !in
    %3 = arith.mulf %2, %scale : !in
    tensor.yield %3 : !in
  } : tensor<2x3x6x20x!in>
  return %0 : tensor<2x3x6x20x!in>
}

func.func private @make_tokens(%l: index, %salt: index) -> tensor<2x4x?x20x!in> {
  %scale = arith.constant 6.250000e-02 : !in
  %0 = tensor.generate %l {
  ^bb0(%x: index, %y: index, %z: index, %w: index):
    %1 = func.call @number(%x, %y, %z, %w, %salt) : (index, index, index, index, index) -> i32
    %2 = arith.sitofp %1 : i32 to !in
    %3 = arith.mulf %2, %scale : !in
    tensor.yield %3 : !in
  } : tensor<2x4x?x20x!in>
  return %0 : tensor<2x4x?x20x!in>
}

func.func private @make_router(%l: index, %salt: index) -> tensor<2x4x?x3x!acc> {
  %scale = arith.constant 6.250000e-02 : !acc
  %0 = tensor.generate %l {
  ^bb0(%x: index, %y: index, %z: index, %w: index):
    %1 = func.call @number(%x, %y, %z, %w, %salt) : (index, index, index, index, index) -> i32
    %2 = arith.sitofp %1 : i32 to !acc
    %3 = arith.mulf %2, %scale : !acc
    tensor.yield %3 : !acc
  } : tensor<2x4x?x3x!acc>
  return %0 : tensor<2x4x?x3x!acc>
}

// Q[b, h, l, :] . W[h / 2, e, f, :]
func.func private @dot(%b: index, %h: index, %l: index, %e: index, %f: index, %salt: index) -> f64 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c20 = arith.constant 20 : index
  %zero = arith.constant 0.0 : f64
  %g = arith.divui %h, %c2 : index
  %0 = scf.for %d = %c0 to %c20 step %c1 iter_args(%sum = %zero) -> f64 {
    %q = func.call @exact(%b, %h, %l, %d, %c1) : (index, index, index, index, index) -> f64
    %w = func.call @exact(%g, %e, %f, %d, %salt) : (index, index, index, index, index) -> f64
    %1 = arith.mulf %q, %w : f64
    %2 = arith.addf %sum, %1 : f64
    scf.yield %2 : f64
  }
  return %0 : f64
}

// O[b, h, l, d] by definition.
func.func private @reference(%b: index, %h: index, %l: index, %d: index) -> f64 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %one = arith.constant 1.0 : f64
  %g = arith.divui %h, %c2 : index
  %out = func.call @exact(%b, %h, %l, %d, %c6) : (index, index, index, index, index) -> f64
  %0 = scf.for %e = %c0 to %c3 step %c1 iter_args(%outer = %out) -> f64 {
    %r = func.call @exact(%b, %h, %l, %e, %c5) : (index, index, index, index, index) -> f64
    %1 = scf.for %f = %c0 to %c6 step %c1 iter_args(%sum = %outer) -> f64 {
      %s = func.call @dot(%b, %h, %l, %e, %f, %c2) : (index, index, index, index, index, index) -> f64
      %t = func.call @dot(%b, %h, %l, %e, %f, %c3) : (index, index, index, index, index, index) -> f64
      %v = func.call @exact(%g, %e, %f, %d, %c4) : (index, index, index, index, index) -> f64
      %minus = arith.negf %s : f64
      %exp = math.exp %minus : f64
      %denominator = arith.addf %one, %exp : f64
      %silu = arith.divf %s, %denominator : f64
      %2 = arith.mulf %silu, %t : f64
      %3 = arith.mulf %2, %r : f64
      %4 = arith.mulf %3, %v : f64
      %5 = arith.addf %sum, %4 : f64
      scf.yield %5 : f64
    }
    scf.yield %1 : f64
  }
  return %0 : f64
}

func.func private @mhffn(%q: tensor<2x4x?x20x!in>, %k: tensor<2x3x6x20x!in>, %u: tensor<2x3x6x20x!in>,
                         %v: tensor<2x3x6x20x!in>, %r: tensor<2x4x?x3x!acc>, %out: tensor<2x4x?x20x!in>) -> tensor<2x4x?x20x!in> {
  %o = flashmhf.mhffn silu ins(%q, %k, %v : tensor<2x4x?x20x!in>, tensor<2x3x6x20x!in>, tensor<2x3x6x20x!in>)
    up(%u : tensor<2x3x6x20x!in>) router(%r : tensor<2x4x?x3x!acc>) outs(%out : tensor<2x4x?x20x!in>) -> tensor<2x4x?x20x!in>
  return %o : tensor<2x4x?x20x!in>
}

func.func private @widen(%x: !in) -> f64 {
  %0 = WIDEN
  return %0 : f64
}

func.func @main() -> i32 {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %c3 = arith.constant 3 : index
  %c4 = arith.constant 4 : index
  %c5 = arith.constant 5 : index
  %c6 = arith.constant 6 : index
  %c20 = arith.constant 20 : index
  %tokens = arith.constant 67 : index
  %none = arith.constant 0 : i32
  %one = arith.constant 1 : i32
  %small = arith.constant 1.0 : f64
  %tolerance = arith.constant TOLERANCE : f64
  %q = call @make_tokens(%tokens, %c1) : (index, index) -> tensor<2x4x?x20x!in>
  %k = call @make_weights(%c2) : (index) -> tensor<2x3x6x20x!in>
  %u = call @make_weights(%c3) : (index) -> tensor<2x3x6x20x!in>
  %v = call @make_weights(%c4) : (index) -> tensor<2x3x6x20x!in>
  %r = call @make_router(%tokens, %c5) : (index, index) -> tensor<2x4x?x3x!acc>
  %out = call @make_tokens(%tokens, %c6) : (index, index) -> tensor<2x4x?x20x!in>
  %o = call @mhffn(%q, %k, %u, %v, %r, %out)
    : (tensor<2x4x?x20x!in>, tensor<2x3x6x20x!in>, tensor<2x3x6x20x!in>, tensor<2x3x6x20x!in>, tensor<2x4x?x3x!acc>, tensor<2x4x?x20x!in>)
    -> tensor<2x4x?x20x!in>
  // Relative to the reference, or to 1 where that is smaller.
  %wrong = scf.for %b = %c0 to %c2 step %c1 iter_args(%w0 = %none) -> i32 {
    %0 = scf.for %h = %c0 to %c4 step %c1 iter_args(%w1 = %w0) -> i32 {
      %1 = scf.for %l = %c0 to %tokens step %c1 iter_args(%w2 = %w1) -> i32 {
        %2 = scf.for %d = %c0 to %c20 step %c1 iter_args(%w3 = %w2) -> i32 {
          %x = tensor.extract %o[%b, %h, %l, %d] : tensor<2x4x?x20x!in>
          %actual = func.call @widen(%x) : (!in) -> f64
          %expected = func.call @reference(%b, %h, %l, %d) : (index, index, index, index) -> f64
          %difference = arith.subf %actual, %expected : f64
          %error = math.absf %difference : f64
          %size = math.absf %expected : f64
          %scale = arith.maximumf %size, %small : f64
          %bound = arith.mulf %scale, %tolerance : f64
          // Unordered, so that NaN counts.
          %bad = arith.cmpf ugt, %error, %bound : f64
          %more = arith.addi %w3, %one : i32
          %3 = arith.select %bad, %more, %w3 : i32
          scf.yield %3 : i32
        }
        scf.yield %2 : i32
      }
      scf.yield %1 : i32
    }
    scf.yield %0 : i32
  }
  return %wrong : i32
}
