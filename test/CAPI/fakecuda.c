/**
 * \file fakecuda.c
 * A CUDA driver that does nothing but print what it is asked, in place of
 * libcuda.so.1: one "NVIDIA H200" of compute capability 9.0 with 132
 * multiprocessors. It is silent where FAKECUDA_QUIET is set.
 */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define API __attribute__((visibility("default")))

static _Thread_local int depth = 0; /* of the stack of contexts */
static int quiet = 0, maps = 2, descriptors = 1;
static long long distance = 0;

API int cuInit(unsigned flags) {
  quiet = getenv("FAKECUDA_QUIET") != NULL;
  if (getenv("FAKECUDA_MAPS"))
    maps = atoi(getenv("FAKECUDA_MAPS"));
  if (getenv("FAKECUDA_DISTANCE"))
    distance = atoll(getenv("FAKECUDA_DISTANCE"));
  if (getenv("FAKECUDA_DESCRIPTORS"))
    descriptors = atoi(getenv("FAKECUDA_DESCRIPTORS"));
  return flags == 0 ? 0 : 1;
}

API int cuGetErrorString(int error, const char **text) {
  *text = error == 218 ? "a PTX JIT compilation failed" : "invalid argument";
  return 0;
}

API int cuDeviceGetCount(int *count) {
  *count = 1;
  return 0;
}

API int cuDeviceGet(int *device, int ordinal) {
  *device = ordinal + 40;
  return 0;
}

API int cuDeviceGetName(char *name, int size, int device) {
  printf("name of %d\n", device);
  snprintf(name, (size_t)size, "NVIDIA H200");
  return device == 40 ? 0 : 101;
}

API int cuDeviceGetAttribute(int *value, int attribute, int device) {
  *value = attribute == 16 ? 132 : attribute == 75 ? 9 : 0;
  return device == 40 ? 0 : 101;
}

API int cuDevicePrimaryCtxRetain(void **context, int device) {
  printf("retain %d\n", device);
  *context = (void *)0xc0;
  return 0;
}

API int cuDevicePrimaryCtxRelease_v2(int device) {
  printf("release %d\n", device);
  return 0;
}

API int cuCtxGetCurrent(void **context) {
  *context = depth > 0 ? (void *)0xc0 : NULL;
  return 0;
}

API int cuCtxPushCurrent_v2(void *context) {
  ++depth;
  return context == (void *)0xc0 ? 0 : 201;
}

API int cuCtxPopCurrent_v2(void **context) {
  *context = (void *)0xc0;
  if (depth == 0)
    return 201;
  --depth;
  return 0;
}

API int cuModuleLoadDataEx(void **module, const void *image, unsigned count,
                           int *options, void **values) {
  if (!quiet)
    printf("load '%.16s' at depth %d\n", (const char *)image, depth);
  if (strcmp(image, "bad") == 0) {
    for (unsigned i = 0; i < count; ++i)
      if (options[i] == 5)
        strcpy(values[i], "ptxas fatal: unexpected instruction");
    return 218;
  }
  *module = (void *)0xd0;
  return 0;
}

API int cuModuleUnload(void *module) {
  printf("unload %p\n", module);
  return 0;
}

API int cuModuleGetFunction(void **function, void *module, const char *name) {
  printf("function %s of %p\n", name, module);
  *function = strcmp(name, "pieces") == 0    ? (void *)0xf1
              : strcmp(name, "pieces2") == 0 ? (void *)0xf2
                                             : (void *)0xf0;
  return 0;
}

API int cuFuncSetAttribute(void *function, int attribute, int value) {
  printf("attribute %d of %p: %d\n", attribute, function, value);
  return 0;
}

/* Two blocks a multiprocessor; addresses from 0x7000000 on. */
API int cuOccupancyMaxActiveBlocksPerMultiprocessor(int *blocks, void *function,
                                                    int threads,
                                                    size_t sharedMemory) {
  printf("occupancy of %p: %d threads, %zu bytes\n", function, threads,
         sharedMemory);
  *blocks = 2;
  return 0;
}

static int captureMode = 0;

API int cuThreadExchangeStreamCaptureMode(int *mode) {
  int before = captureMode;
  captureMode = *mode;
  *mode = before;
  return 0;
}

API int cuMemAlloc_v2(uint64_t *address, size_t bytes) {
  static uint64_t next = 0x7000000;
  printf("allocate %zu at depth %d, capture mode %d\n", bytes, depth,
         captureMode);
  *address = next;
  next += 0x1000000;
  return 0;
}

API int cuMemFree_v2(uint64_t address) {
  printf("free %#llx\n", (unsigned long long)address);
  return 0;
}

API int cuMemsetD8Async(uint64_t address, unsigned char value, size_t bytes,
                        void *stream) {
  printf("set %#llx: %zu bytes of %d on %p\n", (unsigned long long)address,
         bytes, value, stream);
  return 0;
}

API int cuStreamCreate(void **stream, unsigned flags) {
  (void)flags;
  *stream = (void *)0xdd;
  return 0;
}

API int cuStreamSynchronize(void *stream) {
  printf("wait for %p\n", stream);
  return 0;
}

API int cuStreamDestroy_v2(void *stream) {
  (void)stream;
  return 0;
}

static void print64(const char *name, const uint64_t *values, int count) {
  printf(" %s", name);
  for (int i = 0; i < count; ++i)
    printf(" %llu", (unsigned long long)values[i]);
}

static void print32(const char *name, const uint32_t *values, int count) {
  printf(" %s", name);
  for (int i = 0; i < count; ++i)
    printf(" %u", values[i]);
}

API int cuTensorMapEncodeTiled(void *map, int type, uint32_t rank,
                               void *address, const uint64_t *dims,
                               const uint64_t *strides, const uint32_t *box,
                               const uint32_t *elementStrides, int interleave,
                               int swizzle, int promotion, int fill) {
  memset(map, 0, 128);
  memcpy(map, &address, sizeof address); /* for launches to show */
  if (quiet)
    return 0;
  printf("encode type %d at %p", type, address);
  print64("dims", dims, (int)rank);
  print64("strides", strides, (int)rank - 1);
  print32("box", box, (int)rank);
  print32("steps", elementStrides, (int)rank);
  printf(" interleave %d swizzle %d promotion %d fill %d\n", interleave,
         swizzle, promotion, fill);
  return 0;
}

typedef struct Config {
  unsigned grid[3], block[3], sharedMemory;
  void *stream;
  struct {
    unsigned id, padding, value[16];
  } *attributes;
  unsigned count;
} Config;

/* 32 clusters of any size. */
API int cuOccupancyMaxActiveClusters(int *clusters, void *function,
                                     const Config *config) {
  printf("clusters of %p: grid %u block %u shared %u attribute %u: %u %u %u\n",
         function, config->grid[0], config->block[0], config->sharedMemory,
         config->attributes[0].id, config->attributes[0].value[0],
         config->attributes[0].value[1], config->attributes[0].value[2]);
  *clusters = 32;
  return 0;
}

API int cuLaunchKernelEx(const Config *config, void *function,
                         void **parameters, void **extra) {
  if (distance &&
      *(long long *)parameters[maps] - *(long long *)parameters[0] != distance)
    return 1;
  if (quiet)
    return 0;
  printf("launch %p grid %u %u %u block %u %u %u shared %u stream %p extra %p "
         "at depth %d\n",
         function, config->grid[0], config->grid[1], config->grid[2],
         config->block[0], config->block[1], config->block[2],
         config->sharedMemory, config->stream, (void *)extra, depth);
  for (unsigned i = 0; i < config->count; ++i)
    printf("  attribute %u: %u %u %u\n", config->attributes[i].id,
           config->attributes[i].value[0], config->attributes[i].value[1],
           config->attributes[i].value[2]);
  for (int i = 0; i < maps; ++i)
    printf("  map of %p, aligned %d\n", *(void **)parameters[i],
           (uintptr_t)parameters[i] % 64 == 0);
  printf("  descriptor");
  for (int i = 0; i < 11 * descriptors; ++i)
    printf(" %llu", *(unsigned long long *)parameters[maps + i]);
  printf("\n");
  if (function == (void *)0xf1 || function == (void *)0xf2)
    printf("  partials %#llx counters %#llx resident %llu\n",
           *(unsigned long long *)parameters[13],
           *(unsigned long long *)parameters[14],
           *(unsigned long long *)parameters[15]);
  return 0;
}
