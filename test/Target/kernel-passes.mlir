// What LLVM's passes are for, and that level 0 leaves them out. A gpu.binary has
// its PTX on one line.
// RUN: flashmhf-opt %s --flashmhf-kernels-to-ptx | sed 's/\\0A/\n/g' | FileCheck %s
// RUN: flashmhf-opt %s --flashmhf-kernels-to-ptx=opt-level=0 | sed 's/\\0A/\n/g' | FileCheck %s --check-prefix=PLAIN

gpu.module @kernels {
  // The slot of a ring becomes a register, a loop of four steps is unrolled.
  // CHECK-LABEL: .entry steps
  // CHECK-NOT: .local
  // CHECK-COUNT-4: step %
  // CHECK-NOT: bra
  // CHECK-NOT: step %
  // PLAIN-LABEL: .entry steps
  // PLAIN: step %
  // PLAIN: bra
  // PLAIN-NOT: step %
  llvm.func @steps() attributes {gpu.kernel, nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    %four = llvm.mlir.constant(4 : i32) : i32
    %slot = llvm.alloca %one x i32 : (i32) -> !llvm.ptr
    llvm.store %zero, %slot : i32, !llvm.ptr
    llvm.br ^head(%zero : i32)
  ^head(%i: i32):
    %more = llvm.icmp "ult" %i, %four : i32
    llvm.cond_br %more, ^body, ^end
  ^body:
    %s = llvm.load %slot : !llvm.ptr -> i32
    llvm.inline_asm has_side_effects "step $0;", "r" %s : (i32) -> ()
    %s1 = llvm.add %s, %one : i32
    llvm.store %s1, %slot : i32, !llvm.ptr
    %i1 = llvm.add %i, %one : i32
    llvm.br ^head(%i1 : i32)
  ^end:
    llvm.return
  }

  // A loop of unknown length is not unrolled, what does not change in it is
  // computed in front of it.
  // CHECK-LABEL: .entry tiles
  // CHECK: mul
  // CHECK: [[LOOP:\$L__BB[0-9_]+]]:
  // CHECK-NOT: mul
  // CHECK: tile %
  // CHECK-NOT: tile %
  // CHECK: bra {{.*}}[[LOOP]];
  llvm.func @tiles(%n: i32, %stride: i32) attributes {gpu.kernel, nvvm.kernel} {
    %zero = llvm.mlir.constant(0 : i32) : i32
    %one = llvm.mlir.constant(1 : i32) : i32
    llvm.br ^head(%zero : i32)
  ^head(%i: i32):
    %more = llvm.icmp "ult" %i, %n : i32
    llvm.cond_br %more, ^body, ^end
  ^body:
    %square = llvm.mul %stride, %stride : i32
    %at = llvm.add %square, %i : i32
    llvm.inline_asm has_side_effects "tile $0;", "r" %at : (i32) -> ()
    %i1 = llvm.add %i, %one : i32
    llvm.br ^head(%i1 : i32)
  ^end:
    llvm.return
  }

  // The threads of a warpgroup go over at most 128 elements: once.
  // CHECK-LABEL: .entry once
  // CHECK: element %
  // CHECK-NOT: bra
  // PLAIN-LABEL: .entry once
  // PLAIN: element %
  // PLAIN: bra
  llvm.func @once() attributes {gpu.kernel, nvvm.kernel} {
    %mask = llvm.mlir.constant(127 : i32) : i32
    %width = llvm.mlir.constant(128 : i32) : i32
    %size = llvm.mlir.constant(96 : i32) : i32
    %tid = nvvm.read.ptx.sreg.tid.x : i32
    %thread = llvm.and %tid, %mask : i32
    llvm.br ^head(%thread : i32)
  ^head(%i: i32):
    %more = llvm.icmp "ult" %i, %size : i32
    llvm.cond_br %more, ^body, ^end
  ^body:
    llvm.inline_asm has_side_effects "element $0;", "r" %i : (i32) -> ()
    %i1 = llvm.add %i, %width : i32
    llvm.br ^head(%i1 : i32)
  ^end:
    llvm.return
  }
}
