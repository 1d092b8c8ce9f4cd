/**
 * \file flashmhf.h
 * The C interface of libflashmhf: describe a Flash Multi-Head FFN, compile it,
 * run it on the CPU, load and launch it on an NVIDIA Hopper GPU.
 *
 * The operator, sizes innermost last (H a multiple of G; head h uses weight
 * group h / (H / G)):
 *
 *     Q [B,H,L,D]   K,U,V [G,E,F,D]   R [B,H,L,E]   O [B,H,L,D]
 *     S = Q K_e^T    T = Q U_e^T    A = R_e * act(S) * T    O = sum_e A V_e
 *
 * A compiled function takes Q, K, U (if any), V, R (if any), O in this order
 * and overwrites O. Every tensor may be strided; the innermost stride is 1.
 *
 * Errors. Nothing here aborts or throws. A function that can fail returns a
 * FlashmhfStatus; anything but FLASHMHF_OK leaves output arguments untouched
 * and the whole message (diagnostics included, one a line) in
 * flashmhfGetLastError(). A diagnostic callback in the options sees each
 * diagnostic, warnings and notes included, as it is made.
 *
 * Threads. All functions may be called from any thread. Objects are immutable
 * once made: one object may be used by several threads at once, as long as none
 * of them destroys it.
 *
 * Ownership. What comes through a pointer-to-pointer argument belongs to the
 * caller, who gives it back to the function named in its description. Pointers
 * returned by accessors live as long as the object. Inputs are not kept.
 * Destroying NULL does nothing.
 *
 * Tensors cross as DLPack's DLTensor: `data` + `byte_offset` is the first
 * element, `strides` counts elements (NULL: row-major and compact).
 */
#ifndef FLASHMHF_C_FLASHMHF_H
#define FLASHMHF_C_FLASHMHF_H

#include <dlpack/dlpack.h>
#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32)
#define FLASHMHF_API
#else
#define FLASHMHF_API __attribute__((visibility("default")))
#endif

#ifdef __cplusplus
extern "C" {
#endif

/*===-- Status ------------------------------------------------------------===*/

typedef enum FlashmhfStatus {
  FLASHMHF_OK = 0,
  /** An argument is null, out of range or unknown by name; a tensor does not
   *  fit the compiled function. */
  FLASHMHF_INVALID_ARGUMENT = 1,
  /** Source text, schedule text or contract JSON does not parse or verify. */
  FLASHMHF_PARSE_ERROR = 2,
  /** The program is valid but could not be compiled for the target. */
  FLASHMHF_COMPILE_ERROR = 3,
  /** Something outside the library is missing: ptxas, the CUDA driver, a GPU.
   */
  FLASHMHF_UNAVAILABLE = 4,
  /** The CUDA driver reported an error. */
  FLASHMHF_CUDA_ERROR = 5
} FlashmhfStatus;

/** The message of this thread's latest failed call; "" if none has failed.
 *  Valid until this thread's next failed call. Never NULL. */
FLASHMHF_API const char *flashmhfGetLastError(void);

/** The library's version, "major.minor.patch". */
FLASHMHF_API const char *flashmhfGetVersion(void);

typedef enum FlashmhfSeverity {
  FLASHMHF_NOTE = 0,
  FLASHMHF_REMARK = 1,
  FLASHMHF_WARNING = 2,
  FLASHMHF_ERROR = 3
} FlashmhfSeverity;

/** Called on the thread that compiles, in order. `message` has the location in
 *  front, no newline at its end, and dies with the call. */
typedef void (*FlashmhfDiagnosticCallback)(FlashmhfSeverity severity,
                                           const char *message, void *userData);

/** Gives back a string that a function returned through a `char **`. */
FLASHMHF_API void flashmhfStringDestroy(char *string);

/*===-- Problems ----------------------------------------------------------===*/

/** A size that is known only when the function is called. */
#define FLASHMHF_DYNAMIC ((int64_t)-1)

typedef enum FlashmhfDType {
  FLASHMHF_BF16 = 0,
  FLASHMHF_F16 = 1,
  FLASHMHF_F32 = 2, /**< CPU only */
  FLASHMHF_F64 = 3  /**< CPU only */
} FlashmhfDType;

typedef enum FlashmhfActivation {
  FLASHMHF_SILU = 0,
  FLASHMHF_GELU = 1, /**< the tanh form */
  FLASHMHF_RELU = 2,
  FLASHMHF_RELU2 = 3, /**< relu(x) * relu(x) */
  FLASHMHF_SIGMOID = 4,
  FLASHMHF_IDENTITY = 5
} FlashmhfActivation;

/** One operator. Every size is at least 1 or FLASHMHF_DYNAMIC. R is f32, or f64
 *  where dtype is FLASHMHF_F64. */
typedef struct FlashmhfProblem {
  int64_t batch;           /**< B */
  int64_t heads;           /**< H, a multiple of groups */
  int64_t groups;          /**< G, the sets of weights */
  int64_t tokens;          /**< L */
  int64_t headDim;         /**< D */
  int64_t subnetworks;     /**< E */
  int64_t subnetworkWidth; /**< F; d_ff = E * F */
  FlashmhfDType dtype;     /**< of Q, K, U, V */
  FlashmhfDType outType;   /**< of O: dtype, or F32 for BF16 and F16 */
  FlashmhfActivation activation;
  int32_t hasUp;     /**< 0: no U, that is T = 1 */
  int32_t hasRouter; /**< 0: no R, that is R = 1 */
} FlashmhfProblem;

/** Fills `problem` with one of the paper's configurations, "128m", "370m" or
 *  "1.3b": bf16, SiLU, with U and R, batch and tokens dynamic. */
FLASHMHF_API FlashmhfStatus flashmhfProblemFromPreset(const char *name,
                                                      FlashmhfProblem *problem);

/** Writes the MLIR text of a module whose function @mhffn is `problem`.
 *  `*source` goes back to flashmhfStringDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfBuildModule(const FlashmhfProblem *problem,
                                                char **source);

/*===-- Compilation -------------------------------------------------------===*/

/** How far down to compile, and what the artifact's bytes are then. */
typedef enum FlashmhfEmit {
  FLASHMHF_EMIT_MLIR = 0,       /**< the verified input, as MLIR text */
  FLASHMHF_EMIT_SCHEDULE = 1,   /**< which schedule is chosen and why, JSON */
  FLASHMHF_EMIT_HOPPER = 2,     /**< the hopper dialect, after its passes */
  FLASHMHF_EMIT_NVVM = 3,       /**< LLVM and NVVM dialects */
  FLASHMHF_EMIT_LLVM = 4,       /**< LLVM IR text of the GPU kernel */
  FLASHMHF_EMIT_PTX = 5,        /**< PTX text; has a contract */
  FLASHMHF_EMIT_CUBIN = 6,      /**< ptxas's output; has a contract */
  FLASHMHF_EMIT_CPU_MLIR = 7,   /**< LLVM dialect for the host CPU */
  FLASHMHF_EMIT_CPU_LLVM = 8,   /**< LLVM IR text for the host CPU, optimised */
  FLASHMHF_EMIT_CPU_OBJECT = 9, /**< a relocatable object for the host CPU */
  /** A prediction, as text: the kernel's time on an H100 and how busy its units
   *  are. Every size must be static. */
  FLASHMHF_EMIT_TIMELINE = 10
} FlashmhfEmit;

/** What to do when ptxas reports register spills or serialised wgmma. */
typedef enum FlashmhfPtxasPolicy {
  FLASHMHF_PTXAS_WARN = 0,
  FLASHMHF_PTXAS_ERROR = 1,
  FLASHMHF_PTXAS_IGNORE = 2
} FlashmhfPtxasPolicy;

/** Zero-initialised is not valid: start from flashmhfCompileOptionsInit().
 *  Strings are read during the call only; NULL means the default. */
typedef struct FlashmhfCompileOptions {
  const char *chip;     /**< "sm_90a", the only GPU supported */
  const char *features; /**< of LLVM's NVPTX target, such as "+ptx80" */
  int32_t optLevel;     /**< of LLVM and ptxas, 0 to 3; default 3. Of LLVM's
                             passes kernels have none at 0, else the same. */
  /** Text of a #flashmhf.schedule<...> attribute that replaces whatever
   *  schedule the operators have. NULL: the operator's own, else the cost
   *  model's. */
  const char *schedule;
  /** ptxas to run. NULL: PATH, then bin/ under CUDA_HOME and CUDA_PATH, then
   *  /usr/local/cuda, then the nvidia-cuda-nvcc wheel beside this library, in
   *  VIRTUAL_ENV or in CONDA_PREFIX. */
  const char *ptxasPath;
  FlashmhfPtxasPolicy ptxasPolicy;
  int32_t threads; /**< CPU: threads of a JIT-compiled function; 0: all */
  FlashmhfDiagnosticCallback diagnosticCallback; /**< may be NULL */
  void *diagnosticUserData;
  /** The GPU to choose schedules for: "h100-sxm" (the default), "h200",
   *  "h100-pcie", or what its driver calls it, see flashmhfCudaDeviceName();
   *  one that is not known counts as h100-sxm. */
  const char *gpu;
  /** A tuning database (JSON) to ask before the library's own. */
  const char *database;
  int32_t tuned;     /**< 0: no tuning database, the cost model; default 1 */
  int32_t runnersUp; /**< schedules that FLASHMHF_EMIT_SCHEDULE names beside
                          the chosen one; default 8 */
  /** Kernels, at most, for an operator whose batch or tokens are dynamic and
   *  that has no schedule: each serves a range of counts, as the contract's
   *  rule says. 1: one for all counts; default 10. */
  int32_t maxVariants;
  /** 1: kernels may begin while the one in front of them in the stream ends,
   *  and fetch K, U and V, which that one then must not write:
   * docs/contract.md, "programmatic". Schedules are chosen with that in mind;
   * those that the operators have or `schedule` gives say themselves. Default
   * 0. */
  int32_t programmatic;
} FlashmhfCompileOptions;

FLASHMHF_API void flashmhfCompileOptionsInit(FlashmhfCompileOptions *options);

/** The result of a compilation. */
typedef struct FlashmhfArtifact FlashmhfArtifact;

/** Compiles `sourceSize` bytes of MLIR (text or bytecode). The module has one
 *  public function. `options` NULL: the defaults. `*artifact` goes back to
 *  flashmhfArtifactDestroy(). */
FLASHMHF_API FlashmhfStatus
flashmhfCompile(const char *source, size_t sourceSize,
                const FlashmhfCompileOptions *options, FlashmhfEmit emit,
                FlashmhfArtifact **artifact);

/** The bytes, flashmhfArtifactSize() of them. A NUL follows that is not
 *  counted, so text may be used as a C string. */
FLASHMHF_API const char *flashmhfArtifactData(const FlashmhfArtifact *artifact);
FLASHMHF_API size_t flashmhfArtifactSize(const FlashmhfArtifact *artifact);
/** The launch contract as JSON for PTX and cubin: what the kernel expects of
 *  its caller, see docs/contract.md. "" for the other kinds. */
FLASHMHF_API const char *
flashmhfArtifactContract(const FlashmhfArtifact *artifact);
/** What ptxas -v printed (registers, spills, shared memory); "" if it was not
 *  run. */
FLASHMHF_API const char *
flashmhfArtifactPtxasLog(const FlashmhfArtifact *artifact);
FLASHMHF_API void flashmhfArtifactDestroy(FlashmhfArtifact *artifact);

/*===-- Running on the CPU ------------------------------------------------===*/

/** A function compiled for the host, in this process. */
typedef struct FlashmhfJit FlashmhfJit;

/** Compiles the module's public function for the host CPU. `*jit` goes back to
 *  flashmhfJitDestroy(). */
FLASHMHF_API FlashmhfStatus
flashmhfJitCreate(const char *source, size_t sourceSize,
                  const FlashmhfCompileOptions *options, FlashmhfJit **jit);

/** Runs it on `count` CPU tensors in the order of the function's arguments and
 *  returns when done. Ranks, element types, sizes and strides are checked
 *  first; the output must not overlap an input. */
FLASHMHF_API FlashmhfStatus flashmhfJitRun(const FlashmhfJit *jit,
                                           const DLTensor *const *tensors,
                                           int32_t count);

/** The function's arguments as JSON: the "kernel" and "arguments" fields of the
 *  launch contract. */
FLASHMHF_API const char *flashmhfJitContract(const FlashmhfJit *jit);
FLASHMHF_API void flashmhfJitDestroy(FlashmhfJit *jit);

/*===-- Emulating a GPU ---------------------------------------------------===*/

/** A function compiled for the GPU whose kernels run on the CPU, warpgroup by
 *  warpgroup: the same products, roundings and synchronisation, without a GPU.
 */
typedef struct FlashmhfEmulator FlashmhfEmulator;

/** Compiles the module's public function as for the GPU, down to the hopper
 *  dialect. `*emulator` goes back to flashmhfEmulatorDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfEmulatorCreate(
    const char *source, size_t sourceSize,
    const FlashmhfCompileOptions *options, FlashmhfEmulator **emulator);

/** Runs it on `count` CPU tensors, as flashmhfJitRun() does. `multiprocessors`
 *  is the emulated GPU's, which bounds the grid of a persistent kernel; an H100
 *  has 132. A kernel that would hang or read what it must not is
 *  FLASHMHF_COMPILE_ERROR, with the ring, the slot and the warpgroup in the
 *  message. */
FLASHMHF_API FlashmhfStatus flashmhfEmulatorRun(
    const FlashmhfEmulator *emulator, const DLTensor *const *tensors,
    int32_t count, int32_t multiprocessors);

/** The same, and the predicted time line on an H100 of the first block or, if
 *  slower, of one that shares tiles with others: who waits for what and what
 *  overlaps, as JSON that Chrome and Perfetto open.
 *  `*trace` goes back to flashmhfStringDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfEmulatorTrace(
    const FlashmhfEmulator *emulator, const DLTensor *const *tensors,
    int32_t count, int32_t multiprocessors, char **trace);

/** As flashmhfJitContract(). */
FLASHMHF_API const char *
flashmhfEmulatorContract(const FlashmhfEmulator *emulator);
FLASHMHF_API void flashmhfEmulatorDestroy(FlashmhfEmulator *emulator);

/*===-- Running on a GPU --------------------------------------------------===*/

/** FLASHMHF_OK if the CUDA driver can be opened and there is a GPU that the
 *  kernels run on; else FLASHMHF_UNAVAILABLE and the reason. */
FLASHMHF_API FlashmhfStatus flashmhfCudaAvailable(void);

/** What the driver calls GPU number `device`, such as "NVIDIA H200": the `gpu`
 *  of the compile options for kernels that will run there.
 *  FLASHMHF_UNAVAILABLE where there is no driver or no such GPU. `*name` goes
 *  back to flashmhfStringDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfCudaDeviceName(int32_t device, char **name);

/** Checks tensors against a contract and says how the kernel would be launched,
 *  without touching a GPU or the tensors' memory. `*plan` is JSON: "grid",
 *  "block", "cluster", "shared_memory" and "parameters", each tensor map with
 *  its "dims", "strides" (bytes) and "address", and "kernel", the variant that
 *  the sizes take. `multiprocessors` is the GPU's, for persistent kernels.
 * `*plan` goes back to flashmhfStringDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfPlanLaunch(const char *contract,
                                               const DLTensor *const *tensors,
                                               int32_t count,
                                               int32_t multiprocessors,
                                               char **plan);

/** A kernel loaded on one GPU. */
typedef struct FlashmhfKernel FlashmhfKernel;

/** Loads PTX (needs no NUL at the end) or a cubin in the primary context of GPU
 *  `device`. The calling thread's current context is left as it was. `*kernel`
 *  goes back to flashmhfKernelDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfKernelLoad(const void *image,
                                               size_t imageSize,
                                               const char *contract,
                                               int32_t device,
                                               FlashmhfKernel **kernel);

/** Enqueues the kernel on `stream`, a CUstream of `device`'s primary context
 *  (NULL: the default stream), and returns without waiting: the tensors must
 *  live until the stream has passed it. The tensors are CUDA tensors of that
 *  device in the order of the contract's arguments. They are checked first;
 * what was found, tensor maps included, is kept and used again while every
 * field of the DLTensors stays the same, which leaves the driver's launch as
 * the only cost. The stream may be one that is being captured as a graph: the
 * launch is all that becomes a part of it (but see
 * flashmhfKernelLaunchWithWorkspace). An empty output launches nothing. */
FLASHMHF_API FlashmhfStatus flashmhfKernelLaunch(FlashmhfKernel *kernel,
                                                 const DLTensor *const *tensors,
                                                 int32_t count, void *stream);

/** Memory on the kernel's GPU in which blocks share sums (the `split` or
 *  `stream_k` of a schedule; docs/contract.md). Both are 16-byte aligned. */
typedef struct FlashmhfWorkspace {
  void *partials;      /**< of any contents */
  size_t partialsSize; /**< bytes */
  void *counters;      /**< zero before the first launch that uses them */
  size_t countersSize; /**< bytes */
} FlashmhfWorkspace;

/** Sets the sizes of `*workspace` to what a launch on these tensors needs, 0
 * for a kernel that needs none, and its pointers to NULL. With `count` 0: to
 * what is enough for any launch; FLASHMHF_INVALID_ARGUMENT where nothing is,
 * since a variant with pieces serves any number of tokens. */
FLASHMHF_API FlashmhfStatus
flashmhfKernelWorkspace(FlashmhfKernel *kernel, const DLTensor *const *tensors,
                        int32_t count, FlashmhfWorkspace *workspace);

/** flashmhfKernelLaunch() with a workspace of the caller's, which must not be
 * in use by a launch that may run at the same time, and lives until the stream
 * has passed this one. It may be used again for any sizes that it is large
 * enough for. flashmhfKernelLaunch() itself allocates one for each stream where
 * the kernel needs it, on the first launch and where a launch needs more, and
 * frees all with the kernel. Graphs that were captured on one stream use one
 * workspace, and must not run at the same time. Where the kernel has several
 * variants the first launch, of any size, allocates enough for all of them
 * whose sizes its rule bounds. */
FLASHMHF_API FlashmhfStatus flashmhfKernelLaunchWithWorkspace(
    FlashmhfKernel *kernel, const DLTensor *const *tensors, int32_t count,
    const FlashmhfWorkspace *workspace, void *stream);

/** Unloads the kernel. Work that uses it must have finished. Where calls
 *  remember it, the last of them to forget it does that. */
FLASHMHF_API void flashmhfKernelDestroy(FlashmhfKernel *kernel);

#ifdef __cplusplus
}
#endif

#endif /* FLASHMHF_C_FLASHMHF_H */
