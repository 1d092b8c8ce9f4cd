//===- Dialects.cpp - C API: registration ---------------------------------===//
//
/// \file
/// Registration through MLIR's C API.
//
//===----------------------------------------------------------------------===//

#include "flashmhf-c/Dialects.h"
#include "flashmhf/Dialect/FlashMHF/IR/FlashMHFDialect.h"
#include "flashmhf/Dialect/Hopper/IR/Hopper.h"
#include "flashmhf/InitAll.h"
#include "mlir/CAPI/Registration.h"

MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(FlashMHF, flashmhf,
                                      mlir::flashmhf::FlashMHFDialect)
MLIR_DEFINE_CAPI_DIALECT_REGISTRATION(Hopper, hopper,
                                      mlir::hopper::HopperDialect)

void flashmhfRegisterAllDialects(MlirDialectRegistry registry) {
  mlir::flashmhf::registerAllDialects(*unwrap(registry));
}

void flashmhfRegisterAllPasses(void) { mlir::flashmhf::registerAllPasses(); }
