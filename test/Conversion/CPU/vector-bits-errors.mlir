// RUN: not flashmhf-opt %s --flashmhf-pad-tiles=vector-bits=0 2>&1 | FileCheck %s -DBITS=0
// RUN: not flashmhf-opt %s --flashmhf-pad-tiles=vector-bits=96 2>&1 | FileCheck %s -DBITS=96
// RUN: not flashmhf-opt %s --pass-pipeline='builtin.module(func.func(flashmhf-vectorize-tiles{vector-bits=1024}))' 2>&1 | FileCheck %s -DBITS=1024

// CHECK: error: vector-bits must be 128, 256 or 512, got [[BITS]]
func.func @nothing() {
  return
}
