/**
 * \file emulate.c
 * The emulator on tensors of ones, where every sum is exact, and its errors.
 */
#include "check.h"

enum { B = 1, H = 2, L = 70, D = 32, E = 2, F = 64 };

static uint16_t q[B * H * L * D], k[H * E * F * D], u[H * E * F * D],
    v[H * E * F * D], out[B * H * L * D];
static float r[B * H * L * E];

static void fill(uint16_t *data, size_t count) {
  for (size_t i = 0; i < count; ++i)
    data[i] = 0x3f80; /* 1 */
}

int main(void) {
  FlashmhfProblem problem = {FLASHMHF_DYNAMIC,
                             H,
                             H,
                             FLASHMHF_DYNAMIC,
                             D,
                             E,
                             F,
                             FLASHMHF_BF16,
                             FLASHMHF_BF16,
                             FLASHMHF_IDENTITY,
                             1,
                             1};
  FlashmhfEmulator *emulator = NULL;
  char *source = NULL;
  CHECK(flashmhfBuildModule(&problem, &source) == FLASHMHF_OK);
  CHECK(flashmhfEmulatorCreate(source, strlen(source), NULL, &emulator) ==
        FLASHMHF_OK);
  if (!emulator)
    return finish();
  CHECK(strstr(flashmhfEmulatorContract(emulator), "\"mhffn\"") != NULL);

  fill(q, sizeof q / sizeof *q);
  fill(k, sizeof k / sizeof *k);
  fill(u, sizeof u / sizeof *u);
  fill(v, sizeof v / sizeof *v);
  for (size_t i = 0; i < sizeof r / sizeof *r; ++i)
    r[i] = 1;
  Tensor tensors[6];
  makeTensor(&tensors[0], q, kDLCPU, bf16, B, H, L, D);
  makeTensor(&tensors[1], k, kDLCPU, bf16, H, E, F, D);
  makeTensor(&tensors[2], u, kDLCPU, bf16, H, E, F, D);
  makeTensor(&tensors[3], v, kDLCPU, bf16, H, E, F, D);
  makeTensor(&tensors[4], r, kDLCPU, f32, B, H, L, E);
  makeTensor(&tensors[5], out, kDLCPU, bf16, B, H, L, D);
  const DLTensor *pointers[6];
  for (int i = 0; i < 6; ++i)
    pointers[i] = &tensors[i].dl;

  /* 2 * 64 * 32^2 = 2^17 */
  CHECK(flashmhfEmulatorRun(emulator, pointers, 6, 132) == FLASHMHF_OK);
  for (size_t i = 0; i < sizeof out / sizeof *out; ++i)
    CHECK(out[i] == 0x4800);

  CHECK_ERROR(flashmhfEmulatorRun(emulator, pointers, 5, 132),
              FLASHMHF_INVALID_ARGUMENT, "5 tensors for 6 arguments");
  CHECK_ERROR(flashmhfEmulatorRun(emulator, pointers, 6, 0),
              FLASHMHF_INVALID_ARGUMENT, "multiprocessors");
  CHECK_ERROR(flashmhfEmulatorRun(NULL, pointers, 6, 132),
              FLASHMHF_INVALID_ARGUMENT, "emulator is null");
  tensors[4].dl.device.device_type = kDLCUDA;
  CHECK_ERROR(flashmhfEmulatorRun(emulator, pointers, 6, 132),
              FLASHMHF_INVALID_ARGUMENT,
              "argument 'r' is on cuda:0, not on the CPU");

  /* Rings of 32 stages do not fit. */
  FlashmhfCompileOptions options;
  flashmhfCompileOptionsInit(&options);
  FlashmhfEmulator *none = NULL;
  options.schedule = "#flashmhf.schedule<stages = [32, 32, 32]>";
  CHECK_ERROR(flashmhfEmulatorCreate(source, strlen(source), &options, &none),
              FLASHMHF_COMPILE_ERROR, "bytes of shared memory");
  CHECK_ERROR(flashmhfEmulatorCreate("module", 6, NULL, &none),
              FLASHMHF_PARSE_ERROR, "");
  CHECK(none == NULL);

  flashmhfStringDestroy(source);
  flashmhfEmulatorDestroy(emulator);
  flashmhfEmulatorDestroy(NULL);
  return finish();
}
