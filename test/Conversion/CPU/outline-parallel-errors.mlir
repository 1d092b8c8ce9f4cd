// RUN: flashmhf-opt %s --flashmhf-outline-parallel --split-input-file --verify-diagnostics

func.func @results(%t: tensor<8xf32>) -> tensor<8xf32> {
  // expected-error @+1 {{'scf.forall' op must be on buffers to be outlined}}
  %0 = scf.forall (%i) in (8) shared_outs(%o = %t) -> tensor<8xf32> {
    scf.forall.in_parallel {}
  }
  return %0 : tensor<8xf32>
}

// -----

func.func private @use(tensor<8xf32>, index)
func.func @captures(%t: tensor<8xf32>) {
  // expected-error @+1 {{'scf.forall' op cannot pass a value of type 'tensor<8xf32>' to a parallel function}}
  scf.forall (%i) in (8) {
    func.call @use(%t, %i) : (tensor<8xf32>, index) -> ()
  }
  return
}
