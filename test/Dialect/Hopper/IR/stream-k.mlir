// RUN: flashmhf-opt %s -split-input-file | flashmhf-opt -split-input-file | FileCheck %s
// RUN: flashmhf-opt %s -split-input-file --mlir-print-op-generic | flashmhf-opt -split-input-file | FileCheck %s

!out = memref<?x4x?x64xf32>

gpu.module @kernels {
  // CHECK-LABEL: gpu.func @ops
  // CHECK-SAME: (%[[S:.*]]: vector<64x64xf32>, %[[N:.*]]: index, %[[P:.*]]: index, %[[F:.*]]: index, %[[ALL:.*]]: index, %[[IF:.*]]: i1)
  gpu.func @ops(%s: vector<64x64xf32>, %n: index, %parts: index, %flags: index, %all: index, %if: i1) {
    // CHECK-NEXT: %whole, %end = hopper.work_range of %[[N]] steps 22 resident %[[ALL]]
    %whole, %end = hopper.work_range of %n steps 22 resident %all
    // CHECK-NEXT: %tile, %first, %last, %givers = hopper.work_item %[[N]] whole %whole of %[[N]] steps 22 resident %[[ALL]]
    %tile, %first, %last, %givers = hopper.work_item %n whole %whole of %n steps 22 resident %all
    // CHECK-NEXT: hopper.work_range of %[[N]] steps 22 resident %[[ALL]] cluster 2
    %pair_whole, %pair_end = hopper.work_range of %n steps 22 resident %all cluster 2
    // CHECK-NEXT: hopper.work_item %[[N]] whole %whole_0 of %[[N]] steps 22 resident %[[ALL]] cluster 2
    %side, %from, %to, %pairs = hopper.work_item %n whole %pair_whole of %n steps 22 resident %all cluster 2
    // CHECK-NEXT: hopper.leave_part %[[S]], %[[P]][%tile] flags %[[F]] if %[[IF]] : vector<64x64xf32>
    hopper.leave_part %s, %parts[%tile] flags %flags if %if : vector<64x64xf32>
    // CHECK-NEXT: hopper.add_parts %[[S]], %[[P]][%tile] stride 2 count %givers flags %[[F]] : vector<64x64xf32>
    %sum = hopper.add_parts %s, %parts[%tile] stride 2 count %givers flags %flags : vector<64x64xf32>
    gpu.return
  }
  gpu.func @k(%o: !out, %parts: index, %flags: index, %resident: index) kernel {
    gpu.return
  }
}
// CHECK-LABEL: func.func @launch
func.func @launch(%o: !out) {
  // CHECK-NEXT: hopper.launch @kernels::@k {{.*}} tiles [1, 1, 64] persistent stream_k :
  hopper.launch @kernels::@k args(%o : !out) as [!out] over %o tiles [1, 1, 64] persistent stream_k : !out
  return
}
