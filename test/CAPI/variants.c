/**
 * \file variants.c
 * A kernel of three variants on the driver of fakecuda.c: which one tensors
 * take, what the driver is asked for then, and contracts that cannot be.
 */
#include "check.h"

/* Two maps, for the driver to show, the output, and what pieces need. */
#define PIECES                                                                 \
  "{\"kind\": \"tensor_map\", \"argument\": 0, \"chunk\": 64,"                 \
  " \"box\": [64, 64, 2, 1, 1], \"swizzle\": 128},"                            \
  "{\"kind\": \"tensor_map\", \"argument\": 0, \"chunk\": 64,"                 \
  " \"box\": [64, 64, 2, 1, 1], \"swizzle\": 128},"                            \
  "{\"kind\": \"memref\", \"argument\": 1}, {\"kind\": \"partials\"},"         \
  "{\"kind\": \"counters\"}, {\"kind\": \"resident\"}"

/* Up to 64 tokens in one tile of each batch 4 pieces, up to 256 in two tiles of
 * 128 rows 2 pieces, else persistent blocks. Counters of the second variant
 * start behind the 8 of the first. The %s are the rule's cases and otherwise.
 */
static const char *const contractFormat =
    "{\"version\": 3, \"chip\": \"sm_90a\", \"arguments\": ["
    "  {\"name\": \"q\", \"dtype\": \"bf16\", \"shape\": [null, 8, null, 128],"
    "   \"symbols\": [\"B\", \"H\", \"L\", \"D\"]},"
    "  {\"name\": \"out\", \"dtype\": \"bf16\", \"output\": true,"
    "   \"shape\": [null, 8, null, 128],"
    "   \"symbols\": [\"B\", \"H\", \"L\", \"D\"]}],"
    " \"variants\": ["
    "  {\"kernel\": \"many\", \"block\": [384, 1, 1], \"cluster\": [1, 1, 1],"
    "   \"shared_memory\": 200000,"
    "   \"grid\": {\"argument\": 1, \"tiles\": [1, 1, 128],"
    "              \"persistent\": true},"
    "   \"parameters\": ["
    "    {\"kind\": \"tensor_map\", \"argument\": 0, \"chunk\": 64,"
    "     \"box\": [64, 64, 2, 1, 1], \"swizzle\": 128},"
    "    {\"kind\": \"tensor_map\", \"argument\": 0, \"chunk\": 64,"
    "     \"box\": [64, 64, 2, 1, 1], \"swizzle\": 128},"
    "    {\"kind\": \"memref\", \"argument\": 1}]},"
    "  {\"kernel\": \"pieces\", \"block\": [256, 1, 1], \"cluster\": [1, 1, 1],"
    "   \"shared_memory\": 100000,"
    "   \"grid\": {\"argument\": 1, \"tiles\": [1, 1, 64],"
    "              \"persistent\": false, \"pieces\": 4},"
    "   \"workspace\": {\"partials_per_element\": 16,"
    "                   \"counters_per_tile\": 8},"
    "   \"parameters\": [" PIECES "]},"
    "  {\"kernel\": \"pieces2\", \"block\": [384, 1, 1], \"cluster\": [1, 1, "
    "1],"
    "   \"shared_memory\": 150000,"
    "   \"grid\": {\"argument\": 1, \"tiles\": [1, 1, 128],"
    "              \"persistent\": false, \"pieces\": 2},"
    "   \"workspace\": {\"partials_per_element\": 8, \"counters_per_tile\": 8,"
    "                   \"counters_offset\": 64},"
    "   \"parameters\": [" PIECES "]}],"
    " \"rule\": {\"argument\": 0, \"cases\": %s, \"otherwise\": %s}}";

static const char *const cases =
    "[{\"tokens\": 64, \"tile\": 64, \"tiles\": 1, \"variant\": 1},"
    " {\"tokens\": 256, \"tile\": 128, \"tiles\": 2, \"variant\": 2}]";

static char contract[8192];

static const char *makeContract(const char *chosen, const char *otherwise) {
  snprintf(contract, sizeof contract, contractFormat, chosen, otherwise);
  return contract;
}

static void testContracts(void) {
  const DLTensor *none[1] = {NULL};
  char *plan = NULL;
#define CHECK_CONTRACT(error, ...)                                             \
  CHECK_ERROR(                                                                 \
      flashmhfPlanLaunch(makeContract(__VA_ARGS__), none, 0, 132, &plan),      \
      FLASHMHF_PARSE_ERROR, error)
  CHECK_CONTRACT("rule.otherwise: 3 is not one of 3 variants", cases, "3");
  CHECK_CONTRACT("rule.otherwise: -1 is not one of 3 variants", cases, "-1");
  CHECK_CONTRACT("rule.cases[0].variant: 7 is not one of 3 variants",
                 "[{\"tokens\": 1, \"tile\": 1, \"tiles\": 1, \"variant\": 7}]",
                 "0");
  CHECK_CONTRACT("rule.cases[0].tile: 0 is not positive",
                 "[{\"tokens\": 1, \"tile\": 0, \"tiles\": 1, \"variant\": 0}]",
                 "0");
  CHECK_CONTRACT(
      "rule.cases[0]: has a negative bound",
      "[{\"tokens\": -1, \"tile\": 1, \"tiles\": 1, \"variant\": 0}]", "0");
  CHECK_CONTRACT("missing value at launch contract.rule.cases[0].tiles",
                 "[{\"tokens\": 1, \"tile\": 1, \"variant\": 0}]", "0");
  CHECK_CONTRACT("expected array at launch contract.rule.cases", "3", "0");

  /* A field of one variant. */
  makeContract(cases, "0");
  char *offset = strstr(contract, "_offset\": 64");
  memcpy(offset, "_offset\": 63", 12);
  CHECK_ERROR(flashmhfPlanLaunch(contract, none, 0, 132, &plan),
              FLASHMHF_PARSE_ERROR,
              "variants[2].workspace.counters_offset: 63 is not a multiple");
  const char *const one =
      "{\"version\": 3, \"chip\": \"sm_90a\", \"arguments\": [],"
      " \"variants\": [], \"rule\":"
      "  {\"argument\": 0, \"cases\": [], \"otherwise\": 0}}";
  CHECK_ERROR(flashmhfPlanLaunch(one, none, 0, 132, &plan),
              FLASHMHF_PARSE_ERROR, "expected at least 2 variants");
  CHECK(plan == NULL);
}

/* Q and O as [B, H, L, D] in memory, or, as layers have them, [B, L, H, D]. */
static void size(Tensor *q, Tensor *out, int64_t batch, int64_t length,
                 int isLayer) {
  makeTensor(q, (void *)0x1000000, kDLCUDA, bf16, batch, 8, length, 128);
  makeTensor(out, (void *)0x3000000, kDLCUDA, bf16, batch, 8, length, 128);
  for (int i = 0; isLayer && i < 2; ++i) {
    int64_t *strides = i ? out->strides : q->strides;
    strides[1] = 128;
    strides[2] = 8 * 128;
  }
}

static void testLaunches(void) {
  FlashmhfKernel *kernel = NULL;
  FlashmhfWorkspace workspace;
  Tensor q, out;
  const DLTensor *tensors[2] = {&q.dl, &out.dl};
  const struct {
    int64_t batch, length;
    int isLayer;
  } launches[] = {{1, 5000, 0}, {1, 1, 0},   {1, 64, 0}, {1, 65, 0},
                  {1, 256, 0},  {1, 257, 0}, {2, 32, 0}, {2, 32, 1},
                  {64, 1, 0},   {3, 86, 1},  {3, 1, 0},  {3, 2, 0}};
  printf("loading\n");
  CHECK(flashmhfKernelLoad("ptx", 3, makeContract(cases, "0"), 0, &kernel) ==
        FLASHMHF_OK);
  for (size_t i = 0; i < sizeof launches / sizeof *launches; ++i) {
    printf("batch %d length %d%s\n", (int)launches[i].batch,
           (int)launches[i].length, launches[i].isLayer ? " layer" : "");
    size(&q, &out, launches[i].batch, launches[i].length, launches[i].isLayer);
    CHECK(flashmhfKernelLaunch(kernel, tensors, 2, (void *)0x5) == FLASHMHF_OK);
  }
  printf("again\n");
  size(&q, &out, 1, 1, 0);
  CHECK(flashmhfKernelLaunch(kernel, tensors, 2, (void *)0x5) == FLASHMHF_OK);

  printf("given\n");
  CHECK(flashmhfKernelWorkspace(kernel, tensors, 2, &workspace) == FLASHMHF_OK);
  CHECK(workspace.partialsSize == 16 * 8 * 128);
  CHECK(workspace.countersSize == 8 * 8);
  CHECK(flashmhfKernelWorkspace(kernel, NULL, 0, &workspace) == FLASHMHF_OK);
  CHECK(workspace.partialsSize == 8 * 8 * 256 * 128);
  CHECK(workspace.countersSize == 64 + 2 * 8 * 8);
  workspace.partials = (void *)0xa000000;
  workspace.counters = (void *)0xb000000;
  size(&q, &out, 1, 256, 0);
  CHECK(flashmhfKernelLaunchWithWorkspace(kernel, tensors, 2, &workspace,
                                          (void *)0xcc) == FLASHMHF_OK);
  workspace.countersSize -= 1;
  CHECK_ERROR(
      flashmhfKernelLaunchWithWorkspace(kernel, tensors, 2, &workspace, NULL),
      FLASHMHF_INVALID_ARGUMENT,
      "has 191 bytes of counters, but the launch needs 192");

  flashmhfKernelDestroy(kernel);

  /* Pieces for any number of tokens. */
  printf("open\n");
  CHECK(flashmhfKernelLoad("ptx", 3, makeContract(cases, "2"), 0, &kernel) ==
        FLASHMHF_OK);
  CHECK_ERROR(flashmhfKernelWorkspace(kernel, NULL, 0, &workspace),
              FLASHMHF_INVALID_ARGUMENT,
              "'pieces2' serves any number of tokens");
  flashmhfKernelDestroy(kernel);
}

int main(void) {
  setbuf(stdout, NULL);
  testContracts();
  testLaunches();
  return finish();
}
