/**
 * \file compile.c
 * Problems, modules, options, and compilation up to what needs no GPU pass:
 * what comes out, and which error comes back for which mistake.
 */
#include "check.h"

static int diagnostics = 0;

static void countErrors(FlashmhfSeverity severity, const char *message,
                        void *userData) {
  CHECK(message[0] != '\0');
  if (severity == FLASHMHF_ERROR)
    ++*(int *)userData;
}

static void testProblems(void) {
  FlashmhfProblem problem;
  char *source = NULL;
  CHECK(flashmhfProblemFromPreset("370m", &problem) == FLASHMHF_OK);
  CHECK(problem.heads == 8 && problem.headDim == 128);
  CHECK(problem.subnetworks == 11 && problem.subnetworkWidth == 256);
  CHECK(problem.tokens == FLASHMHF_DYNAMIC);
  CHECK(flashmhfBuildModule(&problem, &source) == FLASHMHF_OK);
  CHECK(strstr(source, "flashmhf.mhffn") != NULL);
  CHECK(strstr(source, "tensor<8x11x256x128xbf16>") != NULL);
  flashmhfStringDestroy(source);

  problem.hasUp = 0;
  problem.hasRouter = 0;
  problem.activation = FLASHMHF_RELU2;
  CHECK(flashmhfBuildModule(&problem, &source) == FLASHMHF_OK);
  CHECK(strstr(source, "relu2") != NULL);
  CHECK(strstr(source, "up(") == NULL && strstr(source, "router(") == NULL);
  flashmhfStringDestroy(source);

  source = NULL;
  problem.tokens = 0;
  CHECK_ERROR(flashmhfBuildModule(&problem, &source), FLASHMHF_INVALID_ARGUMENT,
              "tokens is 0");
  CHECK(source == NULL);
  problem.tokens = 1;
  problem.dtype = (FlashmhfDType)17;
  CHECK_ERROR(flashmhfBuildModule(&problem, &source), FLASHMHF_INVALID_ARGUMENT,
              "element type");
  CHECK_ERROR(flashmhfProblemFromPreset("7b", &problem),
              FLASHMHF_INVALID_ARGUMENT, "unknown preset '7b'");
  CHECK_ERROR(flashmhfProblemFromPreset(NULL, &problem),
              FLASHMHF_INVALID_ARGUMENT, "null");
}

static void testStages(const char *source) {
  FlashmhfCompileOptions options;
  FlashmhfArtifact *artifact = NULL;
  flashmhfCompileOptionsInit(&options);

  CHECK(flashmhfCompile(source, strlen(source), NULL, FLASHMHF_EMIT_MLIR,
                        &artifact) == FLASHMHF_OK);
  const char *text = flashmhfArtifactData(artifact);
  CHECK(strlen(text) == flashmhfArtifactSize(artifact));
  CHECK(strstr(text, "flashmhf.mhffn") != NULL);
  CHECK(strstr(text, "flashmhf.schedule") == NULL);
  CHECK(flashmhfArtifactContract(artifact)[0] == '\0');
  CHECK(flashmhfArtifactPtxasLog(artifact)[0] == '\0');
  flashmhfArtifactDestroy(artifact);

  CHECK(flashmhfCompile(source, strlen(source), &options,
                        FLASHMHF_EMIT_SCHEDULE, &artifact) == FLASHMHF_OK);
  CHECK(strstr(flashmhfArtifactData(artifact), "flashmhf.schedule<") != NULL);
  CHECK(strstr(flashmhfArtifactData(artifact), "programmatic") == NULL);
  flashmhfArtifactDestroy(artifact);

  options.programmatic = 1;
  CHECK(flashmhfCompile(source, strlen(source), &options,
                        FLASHMHF_EMIT_SCHEDULE, &artifact) == FLASHMHF_OK);
  CHECK(strstr(flashmhfArtifactData(artifact), "programmatic = true") != NULL);
  flashmhfArtifactDestroy(artifact);

  options.schedule = "#flashmhf.schedule<dff_tile = 64>";
  CHECK(flashmhfCompile(source, strlen(source), &options,
                        FLASHMHF_EMIT_SCHEDULE, &artifact) == FLASHMHF_OK);
  CHECK(strstr(flashmhfArtifactData(artifact), "dff_tile = 64") != NULL);
  flashmhfArtifactDestroy(artifact);
}

static void testMistakes(const char *source) {
  FlashmhfCompileOptions options;
  FlashmhfArtifact *artifact = NULL;
  const size_t size = strlen(source);
  flashmhfCompileOptionsInit(&options);
  options.diagnosticCallback = countErrors;
  options.diagnosticUserData = &diagnostics;

  CHECK_ERROR(flashmhfCompile("func.func @f(", 13, &options, FLASHMHF_EMIT_MLIR,
                              &artifact),
              FLASHMHF_PARSE_ERROR, "source:1:");
  CHECK(diagnostics == 1);
  CHECK_ERROR(flashmhfCompile("", 0, &options, FLASHMHF_EMIT_MLIR, &artifact),
              FLASHMHF_PARSE_ERROR, "one public function");
  const char *integers = "func.func @f(%a: tensor<4xi32>) { return }";
  CHECK_ERROR(flashmhfCompile(integers, strlen(integers), &options,
                              FLASHMHF_EMIT_MLIR, &artifact),
              FLASHMHF_PARSE_ERROR, "tensor<4xi32>");

  options.chip = "sm_80";
  CHECK_ERROR(
      flashmhfCompile(source, size, &options, FLASHMHF_EMIT_PTX, &artifact),
      FLASHMHF_INVALID_ARGUMENT, "only sm_90a");
  options.chip = NULL;
  options.optLevel = 4;
  CHECK_ERROR(
      flashmhfCompile(source, size, &options, FLASHMHF_EMIT_PTX, &artifact),
      FLASHMHF_INVALID_ARGUMENT, "0..3");
  options.optLevel = 3;
  options.schedule = "#flashmhf.schedule<bogus = 1>";
  CHECK_ERROR(flashmhfCompile(source, size, &options, FLASHMHF_EMIT_SCHEDULE,
                              &artifact),
              FLASHMHF_PARSE_ERROR, "bogus");
  options.schedule = NULL;
  CHECK_ERROR(
      flashmhfCompile(source, size, &options, (FlashmhfEmit)99, &artifact),
      FLASHMHF_INVALID_ARGUMENT, "kind of artifact");
  CHECK_ERROR(flashmhfCompile(NULL, 0, &options, FLASHMHF_EMIT_MLIR, &artifact),
              FLASHMHF_INVALID_ARGUMENT, "null");
  options.threads = -1;
  CHECK_ERROR(
      flashmhfCompile(source, size, &options, FLASHMHF_EMIT_MLIR, &artifact),
      FLASHMHF_INVALID_ARGUMENT, "threads is -1");
  CHECK(artifact == NULL);
}

int main(void) {
  FlashmhfProblem problem;
  char *source = NULL;
  CHECK(strchr(flashmhfGetVersion(), '.') != NULL);
  CHECK(flashmhfGetLastError()[0] == '\0');
  testProblems();
  CHECK(flashmhfProblemFromPreset("128m", &problem) == FLASHMHF_OK);
  CHECK(flashmhfBuildModule(&problem, &source) == FLASHMHF_OK);
  testStages(source);
  testMistakes(source);
  flashmhfStringDestroy(source);
  flashmhfArtifactDestroy(NULL);
  return finish();
}
