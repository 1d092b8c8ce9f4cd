/**
 * \file kernel.h
 * The contract of a kernel for the driver of fakecuda.c: tensor maps of Q and
 * K, a descriptor of O.
 */
#ifndef FLASHMHF_TEST_CAPI_KERNEL_H
#define FLASHMHF_TEST_CAPI_KERNEL_H

#define OPERANDS                                                               \
  " \"arguments\": ["                                                          \
  "  {\"name\": \"q\", \"dtype\": \"bf16\", \"shape\": [null, 8, null, 128]}," \
  "  {\"name\": \"k\", \"dtype\": \"bf16\", \"shape\": [2, 3, 32, 128]},"      \
  "  {\"name\": \"out\", \"dtype\": \"bf16\", \"output\": true,"               \
  "   \"shape\": [null, 8, null, 128]}],"                                      \
  " \"parameters\": ["                                                         \
  "  {\"kind\": \"tensor_map\", \"argument\": 0, \"chunk\": 64,"               \
  "   \"box\": [64, 128, 2, 1, 1], \"swizzle\": 128},"                         \
  "  {\"kind\": \"tensor_map\", \"argument\": 1, \"chunk\": 32,"               \
  "   \"box\": [32, 32, 4, 1, 1], \"swizzle\": 64},"                           \
  "  {\"kind\": \"memref\", \"argument\": 2}"

static const char *const contract =
    "{\"version\": 1, \"kernel\": \"mhffn\", \"chip\": \"sm_90a\","
    " \"block\": [384, 1, 1], \"cluster\": [2, 1, 1],"
    " \"shared_memory\": 200000,"
    " \"grid\": {\"argument\": 2, \"tiles\": [1, 1, 128],"
    "            \"persistent\": false}," OPERANDS "]}";

#endif /* FLASHMHF_TEST_CAPI_KERNEL_H */
