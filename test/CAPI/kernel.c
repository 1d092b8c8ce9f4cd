/**
 * \file kernel.c
 * Loading and launching, on the driver of fakecuda.c: which calls the library
 * makes, with which arguments, and that it leaves the current context alone.
 */
#include "kernel.h"
#include "check.h"
#include <dlfcn.h>

#define PIECES(CLUSTER)                                                        \
  "{\"version\": 2, \"kernel\": \"pieces\", \"chip\": \"sm_90a\","             \
  " \"block\": [256, 1, 1], \"cluster\": [" CLUSTER ", 1, 1],"                 \
  " \"shared_memory\": 100000,"                                                \
  " \"workspace\": {\"partials_per_element\": 16, \"counters_per_tile\": 8},"  \
  " \"grid\": {\"argument\": 2, \"tiles\": [1, 1, 64],"                        \
  "            \"persistent\": false, \"pieces\": 4},"                         \
  " \"programmatic\": true," OPERANDS ","                                      \
  " {\"kind\": \"partials\"}, {\"kind\": \"counters\"},"                       \
  " {\"kind\": \"resident\"}]}"

/* OPERANDS of one sequence. */
static void makeOperands(Tensor *q, Tensor *k, Tensor *out, int64_t tokens) {
  makeTensor(q, (void *)0x1000000, kDLCUDA, bf16, 1, 8, tokens, 128);
  makeTensor(k, (void *)0x2000000, kDLCUDA, bf16, 2, 3, 32, 128);
  makeTensor(out, (void *)0x3000000, kDLCUDA, bf16, 1, 8, tokens, 128);
}

/* 8 heads in 4 pieces: 32 blocks for each 64 tokens; 264 are resident at once.
 */
static void testPieces(void) {
  FlashmhfKernel *kernel = NULL;
  FlashmhfWorkspace workspace;
  Tensor q, k, out;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};
  makeOperands(&q, &k, &out, 3);
  printf("pieces\n");
  CHECK(flashmhfKernelLoad("ptx", 3, PIECES("1"), 0, &kernel) == FLASHMHF_OK);
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  printf("again\n");
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  printf("more tokens\n");
  q.sizes[2] = out.sizes[2] = 513;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  printf("another stream\n");
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);

  printf("given\n");
  CHECK(flashmhfKernelWorkspace(kernel, tensors, 3, &workspace) == FLASHMHF_OK);
  CHECK(workspace.partialsSize == 4 * 4 * 8 * 513 * 128);
  CHECK(workspace.countersSize == 8 * 8 * 9);
  CHECK(!workspace.partials && !workspace.counters);
  CHECK_ERROR(flashmhfKernelLaunchWithWorkspace(kernel, tensors, 3, &workspace,
                                                (void *)0xcc),
              FLASHMHF_INVALID_ARGUMENT, "need 16-byte alignment");
  workspace.partials = (void *)0xa000000;
  workspace.counters = (void *)0xb000000;
  CHECK(flashmhfKernelLaunchWithWorkspace(kernel, tensors, 3, &workspace,
                                          (void *)0xcc) == FLASHMHF_OK);
  workspace.countersSize -= 1;
  CHECK_ERROR(
      flashmhfKernelLaunchWithWorkspace(kernel, tensors, 3, &workspace, NULL),
      FLASHMHF_INVALID_ARGUMENT,
      "has 575 bytes of counters, but the launch needs 576");
  CHECK_ERROR(flashmhfKernelLaunchWithWorkspace(kernel, tensors, 3, NULL, NULL),
              FLASHMHF_INVALID_ARGUMENT, "null");
  printf("unloading pieces\n");
  flashmhfKernelDestroy(kernel);
}

/* In clusters of 2, of which 32 are resident at once: 8 heads, 2 tiles, 4
 * pieces are 64 blocks. */
static void testClusters(void) {
  FlashmhfKernel *kernel = NULL;
  Tensor q, k, out;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};
  makeOperands(&q, &k, &out, 3);
  printf("clusters\n");
  CHECK(flashmhfKernelLoad("ptx", 3, PIECES("2"), 0, &kernel) == FLASHMHF_OK);
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  printf("more tokens\n");
  q.sizes[2] = out.sizes[2] = 129;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  printf("unloading clusters\n");
  flashmhfKernelDestroy(kernel);
}

static const char *const persistentContract =
    "{\"version\": 1, \"kernel\": \"persistent\", \"chip\": \"sm_90a\","
    " \"block\": [384, 1, 1], \"cluster\": [4, 1, 1],"
    " \"shared_memory\": 200000,"
    " \"grid\": {\"argument\": 2, \"tiles\": [1, 1, 128],"
    "            \"persistent\": true}," OPERANDS "]}";

/* 132 multiprocessors have room for 33 clusters of 4 blocks, but the GPU for
 * 32. */
static void testPersistentClusters(void) {
  FlashmhfKernel *kernel = NULL;
  Tensor q, k, out;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};
  makeOperands(&q, &k, &out, 4096);
  printf("persistent clusters\n");
  CHECK(flashmhfKernelLoad("ptx", 3, persistentContract, 0, &kernel) ==
        FLASHMHF_OK);
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  flashmhfKernelDestroy(kernel);
}

static const char *const pushContract =
    "{\"version\": 3, \"kernel\": \"push\", \"chip\": \"sm_90a\","
    " \"block\": [256, 1, 1], \"cluster\": [16, 1, 1],"
    " \"shared_memory\": 100000,"
    " \"grid\": {\"argument\": 2, \"tiles\": [1, 1, 64],"
    "            \"persistent\": false, \"pieces\": 16, \"push\": true},"
    " \"programmatic\": true," OPERANDS "]}";

/* The pieces of each of 8 x 2 tiles are a cluster: no workspace, and tiles are
 * not rounded up to it. */
static void testPushes(void) {
  FlashmhfKernel *kernel = NULL;
  FlashmhfWorkspace workspace = {NULL, 1, NULL, 1};
  Tensor q, k, out;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};
  makeOperands(&q, &k, &out, 65);
  printf("pushes\n");
  CHECK(flashmhfKernelLoad("ptx", 3, pushContract, 0, &kernel) == FLASHMHF_OK);
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  CHECK(flashmhfKernelWorkspace(kernel, tensors, 3, &workspace) == FLASHMHF_OK);
  CHECK(workspace.partialsSize == 0 && workspace.countersSize == 0);
  flashmhfKernelDestroy(kernel);
}

static void testNames(void) {
  char *name = NULL;
  CHECK_ERROR(flashmhfCudaDeviceName(0, NULL), FLASHMHF_INVALID_ARGUMENT,
              "name is null");
  CHECK_ERROR(flashmhfCudaDeviceName(1, &name), FLASHMHF_UNAVAILABLE,
              "no GPU 1: there are 1");
  CHECK_ERROR(flashmhfCudaDeviceName(-1, &name), FLASHMHF_UNAVAILABLE,
              "no GPU -1: there are 1");
  CHECK(name == NULL);
  CHECK(flashmhfCudaDeviceName(0, &name) == FLASHMHF_OK);
  CHECK(name && strcmp(name, "NVIDIA H200") == 0);
  flashmhfStringDestroy(name);
}

/* The caller's own use of the driver. */
static int enter(void) {
  int (*push)(void *);
  *(void **)&push =
      dlsym(dlopen("libcuda.so.1", RTLD_NOW), "cuCtxPushCurrent_v2");
  return push((void *)0xc0);
}

static int leave(void) {
  void *context;
  int (*pop)(void **);
  *(void **)&pop =
      dlsym(dlopen("libcuda.so.1", RTLD_NOW), "cuCtxPopCurrent_v2");
  return pop(&context);
}

int main(void) {
  FlashmhfKernel *kernel = NULL;
  Tensor q, k, out;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};
  setbuf(stdout, NULL);
  makeOperands(&q, &k, &out, 300);

  CHECK(flashmhfCudaAvailable() == FLASHMHF_OK);
  testNames();
  CHECK_ERROR(flashmhfKernelLoad("bad", 3, contract, 0, &kernel),
              FLASHMHF_CUDA_ERROR, "ptxas fatal: unexpected instruction");
  CHECK_ERROR(flashmhfKernelLoad("ptx", 3, contract, 1, &kernel),
              FLASHMHF_UNAVAILABLE, "no GPU 1: there are 1");
  CHECK(kernel == NULL);

  /* The image has no NUL at its end; the driver must see one. */
  printf("loading\n");
  CHECK(flashmhfKernelLoad("ptxtail", 3, contract, 0, &kernel) == FLASHMHF_OK);
  printf("first\n");
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, (void *)0x5) == FLASHMHF_OK);
  printf("same tensors\n");
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  /* In the kernel's own context, as within a program on CUDA's runtime. */
  printf("entered\n");
  CHECK(enter() == 0);
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  CHECK(leave() == 0);
  CHECK(leave() != 0); /* the launch has left nothing behind */
  printf("other Q\n");
  q.dl.data = (void *)0x4000000;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  printf("other strides\n");
  q.strides[1] = 128;
  q.strides[2] = 8 * 128;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  printf("fewer tokens\n");
  q.sizes[2] = out.sizes[2] = 100;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  printf("as before\n");
  q.sizes[2] = out.sizes[2] = 300;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  /* More than are remembered: the first of them is forgotten, and found out
   * anew. */
  for (int i = 1; i <= 600; ++i) {
    q.dl.byte_offset = (uint64_t)i * 16;
    CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  }
  printf("forgotten\n");
  q.dl.byte_offset = 16;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  printf("misaligned\n");
  q.dl.byte_offset = 8;
  CHECK_ERROR(flashmhfKernelLaunch(kernel, tensors, 3, NULL),
              FLASHMHF_INVALID_ARGUMENT, "TMA needs 16-byte");
  q.dl.byte_offset = 0;
  printf("nothing\n");
  q.sizes[2] = out.sizes[2] = 0;
  CHECK(flashmhfKernelLaunch(kernel, tensors, 3, NULL) == FLASHMHF_OK);
  q.sizes[2] = out.sizes[2] = 300;
  k.dl.device.device_type = kDLCPU;
  CHECK_ERROR(flashmhfKernelLaunch(kernel, tensors, 3, NULL),
              FLASHMHF_INVALID_ARGUMENT,
              "argument 'k' is on cpu, but the kernel is loaded on cuda:0");
  printf("unloading\n");
  flashmhfKernelDestroy(kernel);
  testPieces();
  testClusters();
  testPersistentClusters();
  testPushes();
  return finish();
}
