/**
 * \file check.h
 * What the C tests share: checks that report and go on, and DLPack tensors.
 */
#ifndef FLASHMHF_TEST_CAPI_CHECK_H
#define FLASHMHF_TEST_CAPI_CHECK_H

#include "flashmhf-c/flashmhf.h"
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int failures = 0;

#define CHECK(condition)                                                       \
  do {                                                                         \
    if (!(condition)) {                                                        \
      ++failures;                                                              \
      fprintf(stderr, "%s:%d: %s\n  last error: %s\n", __FILE__, __LINE__,     \
              #condition, flashmhfGetLastError());                             \
    }                                                                          \
  } while (0)

/** Fails with `status` and a message that has `text` in it. */
#define CHECK_ERROR(call, status, text)                                        \
  do {                                                                         \
    CHECK((call) == (status));                                                 \
    CHECK(strstr(flashmhfGetLastError(), (text)) != NULL);                     \
  } while (0)

static const DLDataType f32 = {kDLFloat, 32, 1};
static const DLDataType bf16 = {kDLBfloat, 16, 1};

/** A rank-4 tensor with storage for its sizes and strides. */
typedef struct Tensor {
  DLTensor dl;
  int64_t sizes[4];
  int64_t strides[4];
} Tensor;

/** Fills `t` with a compact tensor. */
static inline void makeTensor(Tensor *t, void *data, DLDeviceType device,
                              DLDataType dtype, int64_t d0, int64_t d1,
                              int64_t d2, int64_t d3) {
  int64_t sizes[4] = {d0, d1, d2, d3};
  int64_t strides[4] = {d1 * d2 * d3, d2 * d3, d3, 1};
  memset(t, 0, sizeof *t);
  memcpy(t->sizes, sizes, sizeof sizes);
  memcpy(t->strides, strides, sizeof strides);
  t->dl.data = data;
  t->dl.device.device_type = device;
  t->dl.ndim = 4;
  t->dl.dtype = dtype;
  t->dl.shape = t->sizes;
  t->dl.strides = t->strides;
}

static inline int finish(void) {
  if (failures == 0)
    printf("passed\n");
  return failures == 0 ? 0 : 1;
}

#endif /* FLASHMHF_TEST_CAPI_CHECK_H */
