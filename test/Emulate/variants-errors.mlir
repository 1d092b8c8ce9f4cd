// RUN: flashmhf-opt %s --flashmhf-emulate -split-input-file -verify-diagnostics -o /dev/null
//
// Switches that are not those of flashmhf-version-tokens.

!out = memref<1x1x?x16xf32>

func.func @number(%n: index, %o: !out) {
  // expected-error@+1 {{is left for the host to run: it does not choose by a flashmhf.pick_variant}}
  scf.index_switch %n
  case 1 {
    scf.yield
  }
  default {
  }
  return
}

// -----

!out = memref<1x1x?x16xf32>

func.func @batch(%l: index, %o: !out) {
  %c1 = arith.constant 1 : index
  %n = flashmhf.pick_variant %c1, %l [] otherwise 0
  // expected-error@+1 {{must be of the batch and the length, dimensions 0 and 2, of one argument of the function}}
  scf.index_switch %n
  default {
  }
  return
}

// -----

!out = memref<1x1x?x16xf32>

func.func @missing(%o: !out) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %l = memref.dim %o, %c2 : !out
  %n = flashmhf.pick_variant %c1, %l [] otherwise 3
  // expected-error@+1 {{names variant 3 of 2}}
  scf.index_switch %n
  case 1 {
    scf.yield
  }
  default {
  }
  return
}

// -----

!out = memref<1x1x?x16xf32>

func.func @order(%o: !out) {
  %c1 = arith.constant 1 : index
  %c2 = arith.constant 2 : index
  %l = memref.dim %o, %c2 : !out
  %n = flashmhf.pick_variant %c1, %l [] otherwise 0
  // expected-error@+1 {{must have the cases 1, 2, .. in their order, has 2}}
  scf.index_switch %n
  case 2 {
    scf.yield
  }
  default {
  }
  return
}
