/**
 * \file threads.c
 * One JIT-compiled function called by several threads at once, each of which
 * sees its own results and its own last error.
 */
#include "check.h"
#include <pthread.h>

enum { THREADS = 4, ROUNDS = 20, L = 200, D = 32, F = 48, SIZE = L * D };

typedef struct Task {
  const FlashmhfJit *jit;
  float q[SIZE], out[SIZE], first[SIZE];
  float *weights;
  int badCount, wrongResults, wrongErrors;
} Task;

static void *work(void *argument) {
  Task *task = argument;
  Tensor q, k, v, out;
  const DLTensor *tensors[4] = {&q.dl, &k.dl, &v.dl, &out.dl};
  makeTensor(&q, task->q, kDLCPU, f32, 1, 1, L, D);
  makeTensor(&k, task->weights, kDLCPU, f32, 1, 1, F, D);
  makeTensor(&v, task->weights, kDLCPU, f32, 1, 1, F, D);
  makeTensor(&out, task->out, kDLCPU, f32, 1, 1, L, D);
  for (int i = 0; i < ROUNDS; ++i) {
    memset(task->out, 0xff, sizeof task->out);
    if (flashmhfJitRun(task->jit, tensors, 4) != FLASHMHF_OK)
      ++task->wrongResults;
    if (i == 0)
      memcpy(task->first, task->out, sizeof task->out);
    task->wrongResults += memcmp(task->first, task->out, sizeof task->out) != 0;

    /* A mistake of this thread's own: its number is in the message. */
    char expected[64];
    snprintf(expected, sizeof expected, "%d tensors for 4", task->badCount);
    if (flashmhfJitRun(task->jit, tensors, task->badCount) == FLASHMHF_OK ||
        !strstr(flashmhfGetLastError(), expected))
      ++task->wrongErrors;
  }
  return NULL;
}

int main(void) {
  static Task tasks[THREADS];
  static float weights[F * D];
  FlashmhfProblem problem = {1,
                             1,
                             1,
                             FLASHMHF_DYNAMIC,
                             D,
                             1,
                             F,
                             FLASHMHF_F32,
                             FLASHMHF_F32,
                             FLASHMHF_RELU,
                             0,
                             0};
  FlashmhfJit *jit = NULL;
  char *source = NULL;
  pthread_t threads[THREADS];
  CHECK(flashmhfBuildModule(&problem, &source) == FLASHMHF_OK);
  CHECK(flashmhfJitCreate(source, strlen(source), NULL, &jit) == FLASHMHF_OK);
  flashmhfStringDestroy(source);
  if (!jit)
    return finish();
  for (int i = 0; i < F * D; ++i)
    weights[i] = (float)(i % 7) - 3;
  for (int i = 0; i < THREADS; ++i) {
    tasks[i].jit = jit;
    tasks[i].weights = weights;
    tasks[i].badCount = i; /* not 4 */
    for (int j = 0; j < SIZE; ++j)
      tasks[i].q[j] = (float)((i + 1) * (j % 5));
  }
  for (int i = 0; i < THREADS; ++i)
    CHECK(pthread_create(&threads[i], NULL, work, &tasks[i]) == 0);
  for (int i = 0; i < THREADS; ++i) {
    CHECK(pthread_join(threads[i], NULL) == 0);
    CHECK(tasks[i].wrongResults == 0);
    CHECK(tasks[i].wrongErrors == 0);
  }
  /* The operator is positively homogeneous of degree 1 under relu: what the
   * threads computed are multiples of each other, exactly: all are integers. */
  for (int i = 1; i < THREADS; ++i) {
    int wrong = 0;
    for (int j = 0; j < SIZE; ++j)
      wrong += tasks[i].out[j] != (float)(i + 1) * tasks[0].out[j];
    CHECK(wrong == 0);
  }
  flashmhfJitDestroy(jit);
  return finish();
}
