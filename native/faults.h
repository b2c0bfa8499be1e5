/*
 * System calls of the library that fail when a test says so. The linker puts faults.c between the library and the
 * system (--wrap), where it has that: see FAULTS in the Makefile.
 */
#ifndef MEMPOOL_FAULTS_H
#define MEMPOOL_FAULTS_H

#include "mempool.h"

/* tests/_faults.ts mirrors the order. */
typedef enum {
    CALL_MMAP,
    CALL_MPROTECT,
    CALL_MUNMAP,
    CALL_MADVISE,
    CALL_MUTEXATTR_INIT,
    CALL_MUTEX_INIT,
    CALL_MUTEX_TRYLOCK,
    CALL_MUTEX_TIMEDLOCK,
    CALL_OPEN,
    CALL_READ,
    CALL_MEMBARRIER,
    CALL_CLOCK,
    CALL_KEY_CREATE,
    CALL_SETSPECIFIC,
    CALL_NANOSLEEP,
    CALL_KINDS,
} call_kind;

/* Counts the calls of a kind anew, and lets those from number `first`, `count` of them, fail with this errno. */
MEMPOOL_EXPORT void mempool_fault(uint32_t kind, uint32_t first, uint32_t count, int32_t error);

/* Calls of this kind since mempool_fault. */
MEMPOOL_EXPORT uint32_t mempool_calls(uint32_t kind);

#endif
