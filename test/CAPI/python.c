/**
 * \file python.c
 * Launches on objects, with an interpreter and a framework of a few lines in
 * place of Python's, and the driver of fakecuda.c: what is asked of them, in
 * which order, and what is refused.
 */
#include "flashmhf-c/python.h"
#include "check.h"
#include "kernel.h"

typedef struct Object {
  Tensor tensor;
  void *type;
  int requiresGradient;
} Object;

static int tensorType, parameterType, otherType, none, yes, no, gate, name;
static int references; /* to types, `yes` and `no` that are out */
static int gradientsAreEnabled, fails;
static FlashmhfCalls *calls;

static void retain(void *object) {
  CHECK(object != NULL);
  ++references;
}
static void release(void *object) {
  CHECK(object != NULL);
  --references;
}
static void *answer(int isTrue) {
  void *object = isTrue ? &yes : &no;
  retain(object);
  return object;
}
static void *getType(void *object) {
  retain(((Object *)object)->type);
  return ((Object *)object)->type;
}
static void *call(void *function) {
  CHECK(function == &gate);
  return fails == 1 ? NULL : answer(gradientsAreEnabled);
}
static void *getAttribute(void *object, void *attribute) {
  CHECK(attribute == &name);
  return fails == 2 ? NULL : answer(((Object *)object)->requiresGradient);
}
static void *getPointer(void *capsule, const char *label) {
  return strcmp(label, "flashmhf") == 0 ? capsule : NULL;
}
static void *releaseLock(void) {
  printf("lock released\n");
  return &gate;
}
static void takeLock(void *state) {
  CHECK(state == &gate);
  printf("lock taken\n");
}

/* The sizes are gone when the description is used. */
static int describe(void *object, DLTensor *tensor) {
  static Tensor copy;
  if (fails == 3)
    return -1;
  copy = ((Object *)object)->tensor;
  *tensor = copy.dl;
  tensor->shape = copy.sizes;
  tensor->strides = copy.dl.strides ? copy.strides : NULL;
  return 0;
}
static int currentStream(int32_t kind, int32_t device, void **stream) {
  CHECK(kind == kDLCUDA && device == 0);
  *stream = (void *)0x5;
  return fails == 4 ? -1 : 0;
}

typedef struct Table {
  uint32_t major, minor;
  struct Table *previous;
  void *uncalled[3];
  int (*describe)(void *, DLTensor *);
  int (*currentStream)(int32_t, int32_t, void **);
} Table;
static Table table = {1, 3, NULL, {NULL}, describe, currentStream};

static Object makeObject(uintptr_t address, int64_t d0, int64_t d1,
                         int64_t d2) {
  Object object = {.type = &tensorType};
  makeTensor(&object.tensor, (void *)address, kDLCUDA, bf16, d0, d1, d2, 128);
  return object;
}

/* What the method returns, without the reference to it. */
static void *method(void *const *objects, ptrdiff_t size) {
  void *result = flashmhfCallsMethod(calls, objects, size);
  if (result)
    release(result);
  return result;
}

/* Leaves the table of `python` one that leads to a known one. */
static void testCreation(FlashmhfPython *python) {
  static Table newer = {2, 0, &table, {NULL}, NULL, NULL};
  Table unable = {1, 3, NULL, {NULL}, NULL, currentStream};
  FlashmhfPython without = *python;
  without.release = NULL;
  python->exchange = without.exchange = &table;
  CHECK_ERROR(flashmhfCallsCreate(&without, 3, &calls),
              FLASHMHF_INVALID_ARGUMENT, "null");
  CHECK_ERROR(flashmhfCallsCreate(python, 0, &calls), FLASHMHF_INVALID_ARGUMENT,
              "at least 1");
  python->exchange = &unable;
  CHECK_ERROR(flashmhfCallsCreate(python, 3, &calls), FLASHMHF_INVALID_ARGUMENT,
              "cannot describe a tensor in place");
  newer.previous = NULL;
  python->exchange = &newer;
  CHECK_ERROR(flashmhfCallsCreate(python, 3, &calls), FLASHMHF_INVALID_ARGUMENT,
              "is of version 2 of DLPack, supported is 1");
  CHECK(calls == NULL);
  newer.previous = &table;
  CHECK(flashmhfCallsCreate(python, 3, &calls) == FLASHMHF_OK);
}

int main(void) {
  const void *types[] = {&tensorType, &parameterType};
  FlashmhfPython python = {NULL,    types,        &gate,      &name,
                           &none,   &yes,         &no,        getType,
                           call,    getAttribute, getPointer, retain,
                           release, releaseLock,  takeLock,   2};
  FlashmhfKernel *kernel = NULL;
  Object q = makeObject(0x1000000, 1, 8, 300);
  Object k = makeObject(0x2000000, 2, 3, 32);
  Object out = makeObject(0x3000000, 1, 8, 300);
  void *objects[] = {&q, &k, &out};
  setbuf(stdout, NULL);
  testCreation(&python);
  CHECK(flashmhfKernelLoad("ptx", 3, contract, 0, &kernel) == FLASHMHF_OK);

  printf("unknown\n");
  CHECK_ERROR(flashmhfCallsLaunch(calls, objects), FLASHMHF_UNAVAILABLE,
              "no call like this one");
  CHECK(method(objects, 3) == &no);
  CHECK(flashmhfCallsRemember(calls, objects, kernel) == FLASHMHF_OK);
  printf("known\n");
  CHECK(flashmhfCallsLaunch(calls, objects) == FLASHMHF_OK);
  printf("other addresses, a parameter\n");
  q.tensor.dl.data = (void *)0x4000000;
  k.type = &parameterType;
  CHECK(method(objects, 3) == &yes);

  printf("refused\n");
  CHECK(method(objects, 2) == &no);
  k.type = &otherType;
  CHECK(method(objects, 3) == &no);
  k.type = &tensorType;
  objects[1] = &none;
  CHECK(method(objects, 3) == &no);
  objects[1] = &k;
  q.tensor.strides[2] = 256;
  CHECK(method(objects, 3) == &no);
  q.tensor.strides[2] = 128;
  q.tensor.dl.strides = NULL;
  CHECK(method(objects, 3) == &no);
  q.tensor.dl.strides = q.tensor.strides;
  q.tensor.dl.ndim = 3;
  CHECK(method(objects, 3) == &no);
  q.tensor.dl.ndim = 4;
  k.requiresGradient = gradientsAreEnabled = 1;
  CHECK(method(objects, 3) == &no);
  CHECK_ERROR(flashmhfCallsRemember(calls, objects, kernel),
              FLASHMHF_UNAVAILABLE, "not tensors that calls are launched on");
  for (fails = 1; fails <= 4; ++fails) {
    k.requiresGradient = 0;
    CHECK(method(objects, 3) == NULL);
    CHECK_ERROR(flashmhfCallsLaunch(calls, objects), FLASHMHF_INVALID_ARGUMENT,
                "with an exception");
  }
  fails = 0;
  printf("misaligned\n");
  q.tensor.dl.byte_offset = 8;
  CHECK_ERROR(flashmhfCallsLaunch(calls, objects), FLASHMHF_INVALID_ARGUMENT,
              "TMA needs 16-byte");
  CHECK(method(objects, 3) == &no);
  q.tensor.dl.byte_offset = 0;

  printf("destroyed, but remembered\n");
  flashmhfKernelDestroy(kernel);
  k.requiresGradient = 1, gradientsAreEnabled = 0;
  CHECK(flashmhfCallsLaunch(calls, objects) == FLASHMHF_OK);
  printf("forgotten\n");
  flashmhfCallsClear(calls);
  CHECK_ERROR(flashmhfCallsLaunch(calls, objects), FLASHMHF_UNAVAILABLE, "");
  flashmhfCallsDestroy(calls);
  CHECK(references == 0);
  return finish();
}
