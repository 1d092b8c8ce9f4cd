/**
 * \file Dialects.h
 * Registration of the flashmhf and hopper dialects and of all passes, for
 * programs that use MLIR's own C API.
 */
#ifndef FLASHMHF_C_DIALECTS_H
#define FLASHMHF_C_DIALECTS_H

#include "mlir-c/IR.h"

#ifdef __cplusplus
extern "C" {
#endif

/** mlirGetDialectHandle__flashmhf__() and mlirGetDialectHandle__hopper__(). */
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(FlashMHF, flashmhf);
MLIR_DECLARE_CAPI_DIALECT_REGISTRATION(Hopper, hopper);

/** Adds both dialects, those that the passes make, and the external interface
 *  models that the passes rely on. */
MLIR_CAPI_EXPORTED void
flashmhfRegisterAllDialects(MlirDialectRegistry registry);

/** Registers every pass and pipeline of the project with MLIR's pass registry,
 *  so that mlirParsePassPipeline() knows them by name. */
MLIR_CAPI_EXPORTED void flashmhfRegisterAllPasses(void);

#ifdef __cplusplus
}
#endif

#endif /* FLASHMHF_C_DIALECTS_H */
