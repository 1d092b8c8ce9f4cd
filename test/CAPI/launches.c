/**
 * \file launches.c
 * One kernel launched by several threads at once, on more tensors than it
 * remembers: every launch has the parameters of its own tensors, which the
 * driver of fakecuda.c checks (FAKECUDA_DISTANCE).
 */
#include "check.h"
#include "kernel.h"
#include <pthread.h>

enum { THREADS = 4, LAUNCHES = 20000, PLACES = 700 };

typedef struct Task {
  FlashmhfKernel *kernel;
  unsigned seed;
  int failed;
} Task;

static void *work(void *argument) {
  Task *task = argument;
  unsigned state = task->seed;
  Tensor q, k, out;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};
  makeTensor(&k, (void *)0x2000000, kDLCUDA, bf16, 2, 3, 32, 128);
  for (int i = 0; i < LAUNCHES; ++i) {
    state = state * 1664525u + 1013904223u;
    /* Mostly the same few, as in a training loop. */
    unsigned place = state >> 28 ? (state >> 16) % 16 : (state >> 8) % PLACES;
    uintptr_t address = 0x10000000 + (uintptr_t)place * 0x100000;
    makeTensor(&q, (void *)address, kDLCUDA, bf16, 1, 8, 300, 128);
    makeTensor(&out, (void *)(address + 0x80000000), kDLCUDA, bf16, 1, 8, 300,
               128);
    if (flashmhfKernelLaunch(task->kernel, tensors, 3, NULL) != FLASHMHF_OK)
      ++task->failed;
  }
  return NULL;
}

int main(void) {
  FlashmhfKernel *kernel = NULL;
  pthread_t threads[THREADS];
  Task tasks[THREADS];
  CHECK(flashmhfKernelLoad("ptx", 3, contract, 0, &kernel) == FLASHMHF_OK);
  for (int i = 0; i < THREADS; ++i) {
    tasks[i] = (Task){kernel, (unsigned)i, 0};
    CHECK(pthread_create(&threads[i], NULL, work, &tasks[i]) == 0);
  }
  for (int i = 0; i < THREADS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(tasks[i].failed == 0);
  }
  flashmhfKernelDestroy(kernel);
  return finish();
}
