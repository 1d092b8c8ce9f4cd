// Schedules from a tuning database, and what is said of a bad one.

// RUN: split-file %s %t
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/good.json | FileCheck %s
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule="database=%t/good.json gpu=h200" | FileCheck %s --check-prefix=OTHER
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/illegal.json 2>&1 | FileCheck %s --check-prefix=ILLEGAL
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/unknown.json 2>&1 | FileCheck %s --check-prefix=UNKNOWN
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule="database=%t/good.json tuned=false" 2>&1 | FileCheck %s --check-prefix=UNTUNED
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/none.json 2>&1 | FileCheck %s --check-prefix=NONE
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/in.mlir 2>&1 | FileCheck %s --check-prefix=SYNTAX
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/foreign.json 2>&1 | FileCheck %s --check-prefix=FOREIGN
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/old.json 2>&1 | FileCheck %s --check-prefix=OLD
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/empty.json 2>&1 | FileCheck %s --check-prefix=EMPTY
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/entry.json 2>&1 | FileCheck %s --check-prefix=ENTRY
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/gpu.json 2>&1 | FileCheck %s --check-prefix=GPU
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/tokens.json 2>&1 | FileCheck %s --check-prefix=TOKENS
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/kinds.json | FileCheck %s --check-prefix=PLAIN
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule="database=%t/kinds.json programmatic=true" | FileCheck %s --check-prefix=EARLY
// RUN: flashmhf-opt %t/in.mlir --flashmhf-assign-schedule="database=%t/good.json programmatic=true" | FileCheck %s --check-prefix=OTHER-KIND
// RUN: not flashmhf-opt %t/in.mlir --flashmhf-assign-schedule=database=%t/kind.json 2>&1 | FileCheck %s --check-prefix=KIND
// RUN: flashmhf-compile %t/many.mlir --emit=schedule --database=%t/good.json -o - | FileCheck %s --check-prefix=EXPLAIN
// RUN: not flashmhf-compile %t/many.mlir --emit=schedule --database=%t/old.json -o - 2>&1 | FileCheck %s --check-prefix=OLD

//--- in.mlir
!w = tensor<8x11x256x128xbf16>

// 3 x 300 tokens are of the class of up to 1024.

// CHECK-LABEL: func.func @class
// CHECK: dff_tile = 32,
// OTHER-LABEL: func.func @class
// OTHER-NOT: dff_tile = 32,
!q = tensor<3x8x300x128xbf16>
func.func @class(%q: !q, %w: !w, %o: !q) -> !q {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q, !w, !w) up(%w : !w) outs(%o : !q) -> !q
  return %r : !q
}

// CHECK-LABEL: func.func @any
// CHECK: dff_tile = 64,
!any = tensor<?x8x?x128xbf16>
func.func @any(%q: !any, %w: !w, %o: !any) -> !any {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !any, !w, !w) up(%w : !w) outs(%o : !any) -> !any
  return %r : !any
}

// 1000 batches of one token are another matter than 1000 tokens.

// CHECK-LABEL: func.func @batches
// CHECK: dff_tile = 128,
!q1 = tensor<1000x8x1x128xbf16>
func.func @batches(%q: !q1, %w: !w, %o: !q1) -> !q1 {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !q1, !w, !w) up(%w : !w) outs(%o : !q1) -> !q1
  return %r : !q1
}

// No entry without U: the model's.

// CHECK-LABEL: func.func @no_up
// CHECK: dff_tile = 128,
func.func @no_up(%q: !any, %w: !w, %o: !any) -> !any {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !any, !w, !w) outs(%o : !any) -> !any
  return %r : !any
}

// ILLEGAL: in.mlir:11:{{.*}}warning: tuning database '{{.*}}illegal.json' is passed over: its schedule for h100-sxm bf16 bf16 h8 d128 e11 f256 up 1024 needs 320 registers {{.*}}; run python -m flashmhf tune again
// ILLEGAL: func.func @class
// ILLEGAL: dff_tile = 128,
// UNKNOWN: warning: tuning database '{{.*}}unknown.json' is passed over: its schedule for h100-sxm bf16 bf16 h8 d128 e11 f256 up 1024 cannot be read: schedule has no key 'bogus'; run
// UNTUNED: error: tuning database '{{.*}}good.json' is given, but tuned = false forbids its use
// NONE: error: tuning database '{{.*}}none.json' cannot be read: No such file or directory
// SYNTAX: error: tuning database '{{.*}}in.mlir' is not JSON: [1:1
// FOREIGN: error: tuning database '{{.*}}foreign.json' is not a tuning database: its 'format' is not 'flashmhf-tuning'
// OLD: error: tuning database '{{.*}}old.json' is of version 0, but this compiler reads version 1: run python -m flashmhf tune again
// EMPTY: error: tuning database '{{.*}}empty.json' has no array 'entries'
// ENTRY: error: tuning database '{{.*}}entry.json' has an entry that is not one: {{.*}}missing value at entry 0.head_dim
// GPU: error: tuning database '{{.*}}gpu.json' has an entry 0 for an unknown GPU, 'b200'
// Of two entries the one that was measured as is asked; of one kind alone the
// other is taken.

// PLAIN-LABEL: func.func @class
// PLAIN: dff_tile = 32,
// PLAIN-NOT: programmatic
// EARLY-LABEL: func.func @class
// EARLY: dff_tile = 64,{{.*}}programmatic = true
// EARLY-LABEL: func.func @any
// EARLY: dff_tile = 16,{{.*}}programmatic = true
// EARLY-LABEL: func.func @batches
// OTHER-KIND-LABEL: func.func @any
// OTHER-KIND: dff_tile = 64,{{.*}}programmatic = true
// OTHER-KIND-LABEL: func.func @batches
// KIND: error: tuning database '{{.*}}kind.json' has an entry that is not one: {{.*}}expected boolean at entry 0.programmatic
// TOKENS: error: tuning database '{{.*}}tokens.json' has an entry 0 whose tokens are not null or a power of two from 8 to 65536

// EXPLAIN: "schedule": "#flashmhf.schedule<{{.*}}dff_tile = 64,
// EXPLAIN-NEXT: "source": "database"
// EXPLAIN-NEXT: "measured_microseconds": 99.500

//--- many.mlir
!w = tensor<8x11x256x128xbf16>
!any = tensor<?x8x?x128xbf16>
func.func @any(%q: !any, %w: !w, %o: !any) -> !any {
  %r = flashmhf.mhffn silu ins(%q, %w, %w : !any, !w, !w) up(%w : !w) outs(%o : !any) -> !any
  return %r : !any
}

//--- good.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "schedule": "#flashmhf.schedule<dff_tile = 32>", "microseconds": 10.5},
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": null, "schedule": "#flashmhf.schedule<dff_tile = 64>", "microseconds": 99.5}
]}
//--- kinds.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "programmatic": true, "schedule": "#flashmhf.schedule<dff_tile = 64, split = 2, programmatic = true>", "microseconds": 10.5},
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "schedule": "#flashmhf.schedule<dff_tile = 32, split = 2>", "microseconds": 10.5},
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": null, "programmatic": true, "schedule": "#flashmhf.schedule<dff_tile = 16, cluster = 2>", "microseconds": 99.5}
]}
//--- kind.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "programmatic": "yes", "schedule": "#flashmhf.schedule<>", "microseconds": 10.5}
]}
//--- illegal.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "schedule": "#flashmhf.schedule<dff_tile = 256>", "microseconds": 10.5}
]}
//--- unknown.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "schedule": "#flashmhf.schedule<bogus = 2>", "microseconds": 10.5}
]}
//--- foreign.json
[1, 2]
//--- old.json
{"format": "flashmhf-tuning", "version": 0, "entries": []}
//--- empty.json
{"format": "flashmhf-tuning", "version": 1}
//--- entry.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8}
]}
//--- gpu.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "b200", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1024, "schedule": "#flashmhf.schedule<dff_tile = 32>", "microseconds": 10.5}
]}
//--- tokens.json
{"format": "flashmhf-tuning", "version": 1, "entries": [
{"gpu": "h100-sxm", "dtype": "bf16", "out_dtype": "bf16", "heads": 8, "head_dim": 128, "subnetworks": 11, "subnetwork_width": 256, "up": true, "tokens": 1000, "schedule": "#flashmhf.schedule<dff_tile = 32>", "microseconds": 10.5}
]}
