/**
 * \file cost.c
 * What a launch costs the host: microseconds of flashmhfKernelLaunch for the
 * 370M operator on one token, on a GPU or on the driver of fakecuda.c, where
 * only the library's own time is left.
 *
 *     flashmhf-capi-cost [LIMIT]
 *
 * fails where a launch on tensors seen before takes more than LIMIT
 * microseconds. The launches of a batch fit the stream's queue, so that none
 * waits for the GPU. On a GPU it says too what the driver takes for a kernel
 * that does nothing and has one parameter.
 */
#define _POSIX_C_SOURCE 200809L
#include "check.h"
#include <dlfcn.h>
#include <time.h>

enum { batches = 100, batchSize = 100, fresh = 4096 };

/* The little of the driver that is needed beside the library; null on the fake.
 */
static int (*cuMemAlloc)(uint64_t *pointer, size_t size);
static int (*cuCtxSynchronize)(void);
static int (*cuModuleLoadData)(void **module, const void *image);
static int (*cuModuleGetFunction)(void **function, void *module,
                                  const char *name);
static int (*cuLaunchKernel)(void *function, unsigned gridX, unsigned gridY,
                             unsigned gridZ, unsigned blockX, unsigned blockY,
                             unsigned blockZ, unsigned sharedMemory,
                             void *stream, void **parameters, void **extra);
static uint64_t nextFakeAddress = 1 << 20;

static int openDriver(void) {
  void *driver = dlopen("libcuda.so.1", RTLD_NOW);
  int (*init)(unsigned), (*getDevice)(int *, int);
  int (*retain)(void **, int), (*push)(void *);
  int device;
  void *context;
  if (!driver)
    return 0;
  *(void **)&init = dlsym(driver, "cuInit");
  *(void **)&getDevice = dlsym(driver, "cuDeviceGet");
  *(void **)&retain = dlsym(driver, "cuDevicePrimaryCtxRetain");
  *(void **)&push = dlsym(driver, "cuCtxPushCurrent_v2");
  *(void **)&cuMemAlloc = dlsym(driver, "cuMemAlloc_v2");
  *(void **)&cuCtxSynchronize = dlsym(driver, "cuCtxSynchronize");
  *(void **)&cuModuleLoadData = dlsym(driver, "cuModuleLoadData");
  *(void **)&cuModuleGetFunction = dlsym(driver, "cuModuleGetFunction");
  *(void **)&cuLaunchKernel = dlsym(driver, "cuLaunchKernel");
  return init(0) == 0 && getDevice(&device, 0) == 0 &&
         retain(&context, device) == 0 && push(context) == 0;
}

static void *allocate(size_t size) {
  uint64_t pointer = nextFakeAddress;
  nextFakeAddress += (size + 255) / 256 * 256;
  if (cuMemAlloc && cuMemAlloc(&pointer, size) != 0) {
    fprintf(stderr, "out of GPU memory\n");
    exit(1);
  }
  return (void *)(uintptr_t)pointer;
}

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return (double)time.tv_sec * 1e6 + (double)time.tv_nsec * 1e-3;
}

static int ascending(const void *a, const void *b) {
  double x = *(const double *)a, y = *(const double *)b;
  return x < y ? -1 : x > y;
}

/** Of the batches' `times`, which it sorts. */
static double median(double *times) {
  qsort(times, batches, sizeof *times, ascending);
  return times[batches / 2];
}

static FlashmhfKernel *loadKernel(void) {
  FlashmhfProblem problem;
  FlashmhfArtifact *artifact = NULL;
  FlashmhfKernel *kernel = NULL;
  char *source = NULL;
  if (flashmhfProblemFromPreset("370m", &problem) == FLASHMHF_OK &&
      flashmhfBuildModule(&problem, &source) == FLASHMHF_OK &&
      flashmhfCompile(source, strlen(source), NULL, FLASHMHF_EMIT_PTX,
                      &artifact) == FLASHMHF_OK)
    flashmhfKernelLoad(flashmhfArtifactData(artifact),
                       flashmhfArtifactSize(artifact),
                       flashmhfArtifactContract(artifact), 0, &kernel);
  flashmhfStringDestroy(source);
  flashmhfArtifactDestroy(artifact);
  return kernel;
}

/** The median of the batches' microseconds a launch; `step` moves the first
 * byte of `moved`, if any, before each launch. */
static double measure(FlashmhfKernel *kernel, const DLTensor *const *tensors,
                      DLTensor *moved, uint64_t step) {
  double times[batches];
  for (int batch = -1; batch < batches; ++batch) {
    double begin = now();
    for (int i = 0; i < batchSize; ++i) {
      if (moved)
        moved->byte_offset = (moved->byte_offset + step) % (fresh * step);
      if (flashmhfKernelLaunch(kernel, tensors, 6, NULL) != FLASHMHF_OK) {
        fprintf(stderr, "%s\n", flashmhfGetLastError());
        exit(1);
      }
    }
    if (batch >= 0)
      times[batch] = (now() - begin) / batchSize;
    if (cuCtxSynchronize && cuCtxSynchronize() != 0) {
      fprintf(stderr, "the kernel failed\n");
      exit(1);
    }
  }
  if (moved)
    moved->byte_offset = 0;
  return median(times);
}

/** As `measure`, of a kernel that does nothing. */
static double measureNothing(void) {
  static const char image[] =
      ".version 8.0\n.target sm_90\n.address_size 64\n"
      ".visible .entry nothing(.param .u64 p) { ret; }\n";
  double times[batches];
  uint64_t parameter = 0;
  void *module, *function, *parameters[] = {&parameter};
  if (cuModuleLoadData(&module, image) != 0 ||
      cuModuleGetFunction(&function, module, "nothing") != 0)
    return -1;
  for (int batch = -1; batch < batches; ++batch) {
    double begin = now();
    for (int i = 0; i < batchSize; ++i)
      if (cuLaunchKernel(function, 132, 1, 1, 160, 1, 1, 0, NULL, parameters,
                         NULL) != 0)
        return -1;
    if (batch >= 0)
      times[batch] = (now() - begin) / batchSize;
    cuCtxSynchronize();
  }
  return median(times);
}

int main(int argc, char **argv) {
  const size_t row = 8 * 128 * 2, weight = 8u * 11 * 256 * 128 * 2;
  double limit = argc > 1 ? atof(argv[1]) : 5;
  Tensor q, k, u, v, r, out;
  const DLTensor *tensors[6] = {&q.dl, &k.dl, &u.dl, &v.dl, &r.dl, &out.dl};
  if (!openDriver()) {
    fprintf(stderr, "no CUDA driver\n");
    return 1;
  }
  makeTensor(&q, allocate(row + fresh * 16), kDLCUDA, bf16, 1, 8, 1, 128);
  makeTensor(&k, allocate(weight), kDLCUDA, bf16, 8, 11, 256, 128);
  makeTensor(&u, allocate(weight), kDLCUDA, bf16, 8, 11, 256, 128);
  makeTensor(&v, allocate(weight), kDLCUDA, bf16, 8, 11, 256, 128);
  makeTensor(&r, allocate(8 * 11 * 4), kDLCUDA, f32, 1, 8, 1, 11);
  makeTensor(&out, allocate(row + fresh * 16), kDLCUDA, bf16, 1, 8, 1, 128);

  FlashmhfKernel *kernel = loadKernel();
  if (!kernel) {
    fprintf(stderr, "%s\n", flashmhfGetLastError());
    return 1;
  }
  double same = measure(kernel, tensors, NULL, 0);
  printf("tensors seen before: %.2f us\n", same);
  printf("another output:      %.2f us\n",
         measure(kernel, tensors, &out.dl, 16));
  printf("another Q:           %.2f us\n", measure(kernel, tensors, &q.dl, 16));
  if (cuModuleLoadData && cuLaunchKernel && cuCtxSynchronize)
    printf("an empty kernel:     %.2f us\n", measureNothing());
  flashmhfKernelDestroy(kernel);
  if (same > limit) {
    printf("more than %.2f us\n", limit);
    return 1;
  }
  return finish();
}
