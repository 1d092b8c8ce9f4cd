/**
 * \file python.h
 * Launches on tensors that are Python's objects: their framework describes them
 * in place, through DLPack's table of functions, and nothing is exported. For a
 * binding that wants a call to cost the host little more than the driver's part
 * of it. Errors and ownership are as in flashmhf.h. The interpreter's lock must
 * be held in every call.
 */
#ifndef FLASHMHF_C_PYTHON_H
#define FLASHMHF_C_PYTHON_H

#include "flashmhf-c/flashmhf.h"

#ifdef __cplusplus
extern "C" {
#endif

typedef void *(*FlashmhfOfObject)(void *object);
typedef void *(*FlashmhfOfAttribute)(void *object, void *name);
typedef void *(*FlashmhfOfCapsule)(void *capsule, const char *name);
typedef void (*FlashmhfOnObject)(void *object);
typedef void *(*FlashmhfReleaseLock)(void);

/** What the calls below reach the interpreter and a framework through; the
 *  library links against neither. All of it must outlive them. */
typedef struct FlashmhfPython {
  /** The framework's DLPackExchangeAPI (DLPack 1.3): what is in the capsule
   *  `__dlpack_c_exchange_api__` of the tensors' type. */
  const void *exchange;
  /** The types of tensors, which must be exactly one of these. */
  const void *const *types;
  /** A function without arguments: while it returns True, a tensor is refused
   *  whose attribute of that name is True. */
  void *gradientIsEnabled, *requiresGradient;
  const void *none, *isTrue, *isFalse; /**< Py_None, Py_True, Py_False */
  FlashmhfOfObject getType;            /**< PyObject_Type */
  FlashmhfOfObject call;               /**< PyObject_CallNoArgs */
  FlashmhfOfAttribute getAttribute;    /**< PyObject_GetAttr */
  FlashmhfOfCapsule getPointer;        /**< PyCapsule_GetPointer */
  FlashmhfOnObject retain;             /**< Py_IncRef */
  FlashmhfOnObject release;            /**< Py_DecRef */
  FlashmhfReleaseLock releaseLock;     /**< PyEval_SaveThread */
  FlashmhfOnObject takeLock;           /**< PyEval_RestoreThread */
  int32_t typeCount;
} FlashmhfPython;

/** Calls of a program that differ in their tensors alone. */
typedef struct FlashmhfCalls FlashmhfCalls;

/** Calls with `count` objects each, the operands of a kernel with None where
 *  one is absent: FLASHMHF_INVALID_ARGUMENT where the table is not of DLPack 1
 *  or cannot describe a tensor in place. `*calls` goes back to
 *  flashmhfCallsDestroy(). */
FLASHMHF_API FlashmhfStatus flashmhfCallsCreate(const FlashmhfPython *python,
                                                int32_t count,
                                                FlashmhfCalls **calls);

/** From now on calls whose tensors have the sizes, strides, types and devices
 * of these, of rank 4, are launched with `kernel`. The latest 512 are
 * remembered, and their kernels stay loaded. */
FLASHMHF_API FlashmhfStatus flashmhfCallsRemember(FlashmhfCalls *calls,
                                                  void *const *objects,
                                                  const FlashmhfKernel *kernel);

/** flashmhfKernelLaunch() on these objects and the framework's current stream
 * of their GPU, with the kernel that is remembered for such a call; where there
 * is none, or an object is refused, FLASHMHF_UNAVAILABLE. The interpreter's
 * lock is released during the launch. Where the framework fails, its exception
 * is left set. */
FLASHMHF_API FlashmhfStatus flashmhfCallsLaunch(FlashmhfCalls *calls,
                                                void *const *objects);

/** The same as a METH_FASTCALL of Python, whose `self` is a capsule "flashmhf"
 * of FlashmhfCalls: a new reference to True where the call was launched, NULL
 * where an exception is set, else to False. */
FLASHMHF_API void *flashmhfCallsMethod(void *self, void *const *objects,
                                       ptrdiff_t count);

/** Forgets all calls. */
FLASHMHF_API void flashmhfCallsClear(FlashmhfCalls *calls);

FLASHMHF_API void flashmhfCallsDestroy(FlashmhfCalls *calls);

#ifdef __cplusplus
}
#endif

#endif /* FLASHMHF_C_PYTHON_H */
