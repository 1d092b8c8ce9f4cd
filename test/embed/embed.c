/*
 * Compiles one of the paper's layers to PTX through the C API and prints its
 * launch contract; then shows what a mistake looks like.
 */
#include "flashmhf-c/flashmhf.h"

#include <stdio.h>
#include <string.h>

int main(void) {
  FlashmhfProblem problem;
  if (flashmhfProblemFromPreset("128m", &problem) != FLASHMHF_OK) {
    fprintf(stderr, "%s\n", flashmhfGetLastError());
    return 1;
  }

  char *source = NULL;
  FlashmhfArtifact *artifact = NULL;
  FlashmhfStatus status = flashmhfBuildModule(&problem, &source);
  if (status == FLASHMHF_OK)
    status = flashmhfCompile(source, strlen(source), NULL, FLASHMHF_EMIT_PTX,
                             &artifact);
  if (status != FLASHMHF_OK) {
    fprintf(stderr, "%s\n", flashmhfGetLastError());
    return 1;
  }
  printf("%zu bytes of PTX, launched by\n%s\n", flashmhfArtifactSize(artifact),
         flashmhfArtifactContract(artifact));
  flashmhfArtifactDestroy(artifact);
  flashmhfStringDestroy(source);

  if (flashmhfProblemFromPreset("370k", &problem) == FLASHMHF_OK)
    return 1;
  printf("as expected: %s\n", flashmhfGetLastError());
  return 0;
}
