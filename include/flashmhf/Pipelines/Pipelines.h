//===- Pipelines.h - Every pipeline -----------------------------*- C++ -*-===//

#ifndef FLASHMHF_PIPELINES_PIPELINES_H
#define FLASHMHF_PIPELINES_PIPELINES_H

#include "flashmhf/Pipelines/CPU.h"
#include "flashmhf/Pipelines/GPU.h"

#endif // FLASHMHF_PIPELINES_PIPELINES_H
