/**
 * \file launch.c
 * The GPU side as far as it goes without a GPU: malformed contracts, tensors
 * that a kernel or TMA cannot take, and the launch that comes out for good
 * ones. Pointers are made up: nothing is allowed to read through them.
 */
#include "check.h"

/* Q, K and O of a kernel with G = 2, E = 3, F = 32, D = 128; one map each for
 * Q and K, O as a descriptor. The %s are the parts that the tests vary. */
static const char *const contractFormat =
    "{\"version\": %s, \"kernel\": \"mhffn\", \"chip\": \"sm_90a\","
    " \"block\": [384, 1, 1], \"cluster\": [%s, 1, 1],"
    " \"shared_memory\": 231424,"
    " \"grid\": {\"argument\": 2, \"tiles\": [1, 1, 128], \"persistent\": %s},"
    " \"arguments\": ["
    "  {\"name\": \"q\", \"dtype\": \"bf16\", \"shape\": [null, 8, null, 128],"
    "   \"symbols\": [\"B\", \"H\", \"L\", \"D\"]},"
    "  {\"name\": \"k\", \"dtype\": \"%s\", \"shape\": [2, 3, 32, 128],"
    "   \"symbols\": [\"G\", \"E\", \"F\", \"D\"]},"
    "  {\"name\": \"out\", \"dtype\": \"bf16\","
    "   \"shape\": [null, 8, null, 128], \"output\": true,"
    "   \"symbols\": [\"B\", \"H\", \"L\", \"D\"]}],"
    " \"parameters\": ["
    "  {\"kind\": \"tensor_map\", \"argument\": 0, \"chunk\": 64,"
    "   \"box\": [64, 128, 2, 1, 1], \"swizzle\": 128},"
    "  {\"kind\": \"tensor_map\", \"argument\": %s, \"chunk\": %s,"
    "   \"box\": [64, %s, 2, 1, 1], \"swizzle\": %s},"
    "  {\"kind\": \"memref\", \"argument\": 2}]}";

static char contract[4096];

static const char *makeContract(const char *version, const char *cluster,
                                const char *persistent, const char *dtype,
                                const char *argument, const char *chunk,
                                const char *box, const char *swizzle) {
  snprintf(contract, sizeof contract, contractFormat, version, cluster,
           persistent, dtype, argument, chunk, box, swizzle);
  return contract;
}

static const char *goodContract(void) {
  return makeContract("1", "1", "false", "bf16", "1", "64", "32", "128");
}

static void *fake(uintptr_t address) { return (void *)address; }

static void testContracts(void) {
  const DLTensor *none[1] = {NULL};
  char *plan = NULL;
  struct {
    const char *text, *error;
  } cases[] = {
      {"", "not JSON"},
      {"[]", "expected object"},
      {"{}", "missing value at launch contract.version"},
      {"{\"version\": 1, \"kernel\": 3}", "launch contract.kernel"},
      {"{\"version\": 1, \"kernel\": \"f\", \"chip\": \"sm_90a\","
       "\"block\": [1, 1]}",
       "expected 3 integers at launch contract.block"},
  };
  for (size_t i = 0; i < sizeof cases / sizeof *cases; ++i)
    CHECK_ERROR(flashmhfPlanLaunch(cases[i].text, none, 0, 132, &plan),
                FLASHMHF_PARSE_ERROR, cases[i].error);

#define CHECK_CONTRACT(error, ...)                                             \
  CHECK_ERROR(                                                                 \
      flashmhfPlanLaunch(makeContract(__VA_ARGS__), none, 0, 132, &plan),      \
      FLASHMHF_PARSE_ERROR, error)
  CHECK_CONTRACT("expected version 1, for one piece", "2", "1", "false", "bf16",
                 "1", "64", "32", "128");
  CHECK_CONTRACT("expected version 1, 2, 3 or 4", "5", "1", "false", "bf16",
                 "1", "64", "32", "128");
  CHECK_CONTRACT("expected version 4, for blocks that share tiles", "1", "1",
                 "true, \"stream_k\": true", "bf16", "1", "64", "32", "128");
  CHECK_CONTRACT("grid.stream_k: needs persistent blocks", "4", "1",
                 "false, \"stream_k\": true", "bf16", "1", "64", "32", "128");
  CHECK_CONTRACT("workspace.partials_per_block: 0 is not in", "4", "1",
                 "true, \"stream_k\": true", "bf16", "1", "64", "32", "128");
  CHECK_CONTRACT("expected version 2", "1", "1", "false, \"pieces\": 2", "bf16",
                 "1", "64", "32", "128");
  CHECK_CONTRACT("workspace.partials_per_element: 0 is not in", "2", "1",
                 "false, \"pieces\": 2", "bf16", "1", "64", "32", "128");
  CHECK_CONTRACT("grid.pieces: 0 is not in", "1", "1", "false, \"pieces\": 0",
                 "bf16", "1", "64", "32", "128");
  CHECK_CONTRACT("does not go with persistent blocks", "2", "1",
                 "true, \"pieces\": 2", "bf16", "1", "64", "32", "128");
  CHECK_CONTRACT("grid.push: needs a cluster of the 2 pieces", "3", "4",
                 "false, \"push\": true, \"pieces\": 2", "bf16", "1", "64",
                 "32", "128");
  CHECK_CONTRACT("expected version 3, for several variants or pieces that push",
                 "2", "4", "false, \"push\": true, \"pieces\": 4", "bf16", "1",
                 "64", "32", "128");
  CHECK_CONTRACT("cluster[0]: 0 is not in", "1", "0", "false", "bf16", "1",
                 "64", "32", "128");
  CHECK_CONTRACT("more than 16 blocks", "1", "32", "false", "bf16", "1", "64",
                 "32", "128");
  CHECK_CONTRACT("launch contract.grid.persistent", "1", "1", "3", "bf16", "1",
                 "64", "32", "128");
  CHECK_CONTRACT("launch contract.arguments[1].dtype", "1", "1", "false",
                 "int8", "1", "64", "32", "128");
  CHECK_CONTRACT("parameters[1].argument: 7 is not one of 3", "1", "1", "false",
                 "bf16", "7", "64", "32", "128");
  CHECK_CONTRACT("parameters[1].chunk: 128 elements do not fit", "1", "1",
                 "false", "bf16", "1", "128", "32", "128");
  CHECK_CONTRACT("parameters[1].chunk: 24 does not divide", "1", "1", "false",
                 "bf16", "1", "24", "32", "128");
  CHECK_CONTRACT("parameters[1].box[1]: 512 is not in 1..256", "1", "1",
                 "false", "bf16", "1", "64", "512", "128");
  CHECK_CONTRACT("parameters[1].swizzle: 96", "1", "1", "false", "bf16", "1",
                 "64", "32", "96");
  CHECK(plan == NULL);
}

static void testPlan(void) {
  Tensor q, k, out;
  char *plan = NULL;
  makeTensor(&q, fake(0x1000000), kDLCUDA, bf16, 2, 8, 300, 128);
  makeTensor(&k, fake(0x2000000), kDLCUDA, bf16, 2, 3, 32, 128);
  makeTensor(&out, fake(0x3000000), kDLCUDA, bf16, 2, 8, 300, 128);
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};

  /* Q as [B,L,H,D]: strides of the maps are bytes, innermost first. */
  q.strides[0] = 300 * 8 * 128;
  q.strides[1] = 128;
  q.strides[2] = 8 * 128;
  q.dl.byte_offset = 64;
  CHECK(flashmhfPlanLaunch(goodContract(), tensors, 3, 132, &plan) ==
        FLASHMHF_OK);
  printf("%s", plan);
  flashmhfStringDestroy(plan);

  /* 48 tiles on 5 multiprocessors, in clusters of 2. */
  CHECK(flashmhfPlanLaunch(
            makeContract("1", "2", "true", "bf16", "1", "64", "32", "128"),
            tensors, 3, 5, &plan) == FLASHMHF_OK);
  printf("persistent %s", plan);
  flashmhfStringDestroy(plan);
  plan = NULL;

#define CHECK_TENSORS(error)                                                   \
  CHECK_ERROR(flashmhfPlanLaunch(goodContract(), tensors, 3, 132, &plan),      \
              FLASHMHF_INVALID_ARGUMENT, error)
  q.dl.byte_offset = 8;
  CHECK_TENSORS("1000008, but TMA needs 16-byte");
  q.dl.byte_offset = 0;
  q.strides[2] = 8 * 128 + 4;
  CHECK_TENSORS("dimension 2 steps by 2056 bytes, but TMA needs multiples of "
                "16");
  q.strides[2] = -128;
  CHECK_TENSORS("TMA takes strides from 0");
  q.strides[2] = 8 * 128;
  out.dl.byte_offset = 2;
  CHECK_TENSORS("3000002, but stores of 16 bytes need 16-byte alignment");
  out.dl.byte_offset = 0;
  out.strides[2] = 129;
  CHECK_TENSORS("dimension 2 steps by 258 bytes, but stores of 16 bytes need "
                "multiples of 16");
  out.strides[2] = 128;
  q.dl.device.device_id = 1;
  CHECK_TENSORS("argument 'q' is on cuda:1, but 'out' is on cuda:0");
  q.dl.device.device_id = 0;
  out.sizes[2] = 299;
  CHECK_TENSORS("L is 299, but 300 in argument 'q'");
  CHECK(plan == NULL);

  /* One token: its stride does not matter. */
  q.sizes[2] = out.sizes[2] = 1;
  q.strides[2] = 3;
  CHECK(flashmhfPlanLaunch(goodContract(), tensors, 3, 132, &plan) ==
        FLASHMHF_OK);
  flashmhfStringDestroy(plan);

  /* Nothing to compute, nothing to launch, whatever the pointers are. */
  q.sizes[2] = out.sizes[2] = 0;
  q.dl.data = out.dl.data = NULL;
  CHECK(flashmhfPlanLaunch(goodContract(), tensors, 3, 132, &plan) ==
        FLASHMHF_OK);
  CHECK(strstr(plan, "\"empty\": true") != NULL);
  flashmhfStringDestroy(plan);
  CHECK_ERROR(flashmhfPlanLaunch(goodContract(), tensors, 3, 0, &plan),
              FLASHMHF_INVALID_ARGUMENT, "multiprocessors");
}

/* Q and O as two slices of one buffer [B,L,2,H,D]. */
static void testOverlap(void) {
  const int64_t row = 8 * 128;
  Tensor q, k, out;
  char *plan = NULL;
  makeTensor(&q, fake(0x100000), kDLCUDA, bf16, 2, 8, 300, 128);
  makeTensor(&k, fake(0x20000), kDLCUDA, bf16, 2, 3, 32, 128);
  out = q;
  out.dl.shape = out.sizes;
  out.dl.strides = out.strides;
  q.strides[0] = out.strides[0] = 300 * 2 * row;
  q.strides[1] = out.strides[1] = 128;
  q.strides[2] = out.strides[2] = 2 * row;
  const DLTensor *tensors[3] = {&q.dl, &k.dl, &out.dl};

  out.dl.byte_offset = (uint64_t)(2 * row);
  CHECK(flashmhfPlanLaunch(goodContract(), tensors, 3, 132, &plan) ==
        FLASHMHF_OK);
  flashmhfStringDestroy(plan);
  plan = NULL;

  out.dl.byte_offset = (uint64_t)(2 * row - 16);
  CHECK_TENSORS("argument 'out' overlaps argument 'q'");
  out.dl.byte_offset = (uint64_t)(2 * 299 * 2 * row);
  CHECK_TENSORS("argument 'out' overlaps argument 'q'");
  out.dl.byte_offset = (uint64_t)(4 * 300 * 2 * row);
  k.dl.data = fake(0x100000 - 2 * 3 * 32 * 128 * 2 + 16);
  CHECK(flashmhfPlanLaunch(goodContract(), tensors, 3, 132, &plan) ==
        FLASHMHF_OK);
  flashmhfStringDestroy(plan);
  plan = NULL;
  out.dl.byte_offset = 0;
  q.dl.data = fake(0x900000);
  CHECK_TENSORS("argument 'out' overlaps argument 'k'");
  k.dl.data = fake(0x20000);
  out.strides[2] = 0;
  CHECK_TENSORS("elements of an output must not overlap");
  CHECK(plan == NULL);
}

static void testWithoutGPU(void) {
  FlashmhfKernel *kernel = NULL;
  char *name = NULL;
  FlashmhfStatus available = flashmhfCudaAvailable();
  if (strstr(flashmhfGetLastError(), "no CUDA driver"))
    CHECK_ERROR(flashmhfCudaDeviceName(0, &name), FLASHMHF_UNAVAILABLE,
                "no CUDA driver");
  CHECK(flashmhfCudaDeviceName(-1, &name) != FLASHMHF_OK && !name);
  CHECK(available == FLASHMHF_OK || available == FLASHMHF_UNAVAILABLE ||
        available == FLASHMHF_CUDA_ERROR);
  CHECK_ERROR(flashmhfKernelLoad("", 0, "{", 0, &kernel), FLASHMHF_PARSE_ERROR,
              "not JSON");
  CHECK_ERROR(flashmhfKernelLoad(NULL, 0, contract, 0, &kernel),
              FLASHMHF_INVALID_ARGUMENT, "null");
  if (available == FLASHMHF_UNAVAILABLE)
    CHECK(flashmhfKernelLoad("", 0, goodContract(), 0, &kernel) ==
          FLASHMHF_UNAVAILABLE);
  CHECK_ERROR(flashmhfKernelLaunch(NULL, NULL, 0, NULL),
              FLASHMHF_INVALID_ARGUMENT, "kernel is null");
  CHECK(kernel == NULL);
  flashmhfKernelDestroy(NULL);
}

int main(void) {
  testContracts();
  testPlan();
  testOverlap();
  testWithoutGPU();
  return finish();
}
