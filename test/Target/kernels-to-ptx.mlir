// RUN: flashmhf-opt %s --flashmhf-kernels-to-ptx --split-input-file --verify-diagnostics -o /dev/null
// RUN: not flashmhf-opt %s --flashmhf-kernels-to-ptx=opt-level=9 --split-input-file 2>&1 | FileCheck %s --check-prefix=LEVEL
// LEVEL: error: has no optimization level 9, levels are 0 to 3

// Nothing to translate is no mistake.

gpu.module @empty {
}

// -----

// expected-error@+1 {{calls 'elsewhere', which no library provides}}
gpu.module @calls {
  llvm.func @elsewhere()
  llvm.func @kernel() attributes {gpu.kernel, nvvm.kernel} {
    llvm.call @elsewhere() : () -> ()
    llvm.return
  }
}
