/**
 * \file jit.c
 * The CPU JIT against the operator's definition written as loops, on strided
 * tensors, and the errors for tensors that do not fit.
 */
#include "check.h"
#include <math.h>

enum { B = 2, H = 4, G = 2, L = 5, D = 16, E = 3, F = 8 };

static float q[B * L * H * D], k[E * F * G * D], u[E * F * G * D],
    v[E * F * G * D], r[B * H * L * E], out[B * L * H * D];

static void fill(float *data, size_t count, unsigned seed) {
  for (size_t i = 0; i < count; ++i) {
    seed = seed * 1664525u + 1013904223u;
    data[i] = (float)(seed >> 8) / (float)(1 << 24) - 0.5f;
  }
}

/* Q and O are kept as [B,L,H,D], weights as [E,F,G,D]. */
static size_t atToken(int b, int h, int l) {
  return (size_t)((b * L + l) * H + h) * D;
}
static size_t atWeight(int g, int e, int f) {
  return (size_t)((e * F + f) * G + g) * D;
}

static void setStrides(Tensor *t, int64_t s0, int64_t s1, int64_t s2) {
  t->strides[0] = s0;
  t->strides[1] = s1;
  t->strides[2] = s2;
}

/** The largest difference to out[b,h,l,:] as the definition has it. */
static double largestError(int b, int h, int l) {
  double sum[D] = {0}, worst = 0;
  const int g = h / (H / G);
  for (int e = 0; e < E; ++e)
    for (int f = 0; f < F; ++f) {
      double s = 0, t = 0;
      for (int d = 0; d < D; ++d) {
        s += (double)q[atToken(b, h, l) + d] * k[atWeight(g, e, f) + d];
        t += (double)q[atToken(b, h, l) + d] * u[atWeight(g, e, f) + d];
      }
      double a = r[((b * H + h) * L + l) * E + e] * (s / (1 + exp(-s))) * t;
      for (int d = 0; d < D; ++d)
        sum[d] += a * v[atWeight(g, e, f) + d];
    }
  for (int d = 0; d < D; ++d)
    worst = fmax(worst, fabs(sum[d] - out[atToken(b, h, l) + d]));
  return worst;
}

int main(void) {
  FlashmhfProblem problem = {FLASHMHF_DYNAMIC,
                             H,
                             G,
                             FLASHMHF_DYNAMIC,
                             D,
                             E,
                             F,
                             FLASHMHF_F32,
                             FLASHMHF_F32,
                             FLASHMHF_SILU,
                             1,
                             1};
  FlashmhfCompileOptions options;
  FlashmhfJit *jit = NULL;
  char *source = NULL;
  flashmhfCompileOptionsInit(&options);
  options.threads = 2;
  CHECK(flashmhfBuildModule(&problem, &source) == FLASHMHF_OK);
  CHECK(flashmhfJitCreate(source, strlen(source), &options, &jit) ==
        FLASHMHF_OK);
  flashmhfStringDestroy(source);
  if (!jit)
    return finish();
  CHECK(strstr(flashmhfJitContract(jit), "\"mhffn\"") != NULL);

  fill(q, sizeof q / sizeof *q, 1);
  fill(k, sizeof k / sizeof *k, 2);
  fill(u, sizeof u / sizeof *u, 3);
  fill(v, sizeof v / sizeof *v, 4);
  fill(r, sizeof r / sizeof *r, 5);
  for (size_t i = 0; i < sizeof out / sizeof *out; ++i)
    out[i] = NAN;

  Tensor tensors[6];
  makeTensor(&tensors[0], q, kDLCPU, f32, B, H, L, D);
  makeTensor(&tensors[1], k, kDLCPU, f32, G, E, F, D);
  makeTensor(&tensors[2], u, kDLCPU, f32, G, E, F, D);
  makeTensor(&tensors[3], v, kDLCPU, f32, G, E, F, D);
  makeTensor(&tensors[4], r, kDLCPU, f32, B, H, L, E);
  makeTensor(&tensors[5], out, kDLCPU, f32, B, H, L, D);
  setStrides(&tensors[0], L * H * D, D, H * D);
  setStrides(&tensors[5], L * H * D, D, H * D);
  for (int i = 1; i <= 3; ++i)
    setStrides(&tensors[i], D, F * G * D, G * D);
  tensors[4].dl.strides = NULL; /* compact */
  const DLTensor *pointers[6];
  for (int i = 0; i < 6; ++i)
    pointers[i] = &tensors[i].dl;

  CHECK(flashmhfJitRun(jit, pointers, 6) == FLASHMHF_OK);
  for (int b = 0; b < B; ++b)
    for (int h = 0; h < H; ++h)
      for (int l = 0; l < L; ++l)
        CHECK(largestError(b, h, l) < 1e-5);

  /* Tensors that do not fit: each refused with its name and its sizes. */
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 5), FLASHMHF_INVALID_ARGUMENT,
              "5 tensors for 6 arguments");
  CHECK_ERROR(flashmhfJitRun(jit, NULL, 6), FLASHMHF_INVALID_ARGUMENT, "null");
  CHECK_ERROR(flashmhfJitRun(NULL, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "jit is null");
  pointers[4] = NULL;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'r' is null");
  pointers[4] = &tensors[4].dl;

  tensors[1].dl.dtype = bf16;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'k' has element type bfloat16, expected f32");
  tensors[1].dl.dtype = f32;
  tensors[0].dl.ndim = 3;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'q' has rank 3, expected 4");
  tensors[0].dl.ndim = 4;
  tensors[3].sizes[3] = 8;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'v' has shape [2, 3, 8, 8], expected [2, 3, 8, 16]");
  tensors[3].sizes[3] = D;
  tensors[5].sizes[2] = L - 1;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'out' has shape [2, 4, 4, 16]: L is 4, but 5 in "
              "argument 'q'");
  tensors[5].sizes[2] = L;
  tensors[0].strides[3] = 2;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'q' has strides [320, 16, 64, 2], expected "
              "[?, ?, ?, 1]");
  tensors[0].strides[3] = 1;
  tensors[2].dl.data = NULL;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'u' has no data");
  tensors[2].dl.data = (char *)u + 1;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "not aligned");
  tensors[2].dl.data = u;
  tensors[4].dl.device.device_type = kDLCUDA;
  CHECK_ERROR(flashmhfJitRun(jit, pointers, 6), FLASHMHF_INVALID_ARGUMENT,
              "argument 'r' is on cuda:0, not on the CPU");
  tensors[4].dl.device.device_type = kDLCPU;
  CHECK(flashmhfJitRun(jit, pointers, 6) == FLASHMHF_OK);

  flashmhfJitDestroy(jit);
  flashmhfJitDestroy(NULL);
  return finish();
}
