/*
 * Makes chosen system calls of the library fail. The linker option --wrap puts faults.c between the library and the
 * system; see FAULTS in the Makefile. Not every linker has that option.
 */
#ifndef MEMPOOL_FAULTS_H
#define MEMPOOL_FAULTS_H

#include "mempool.h"

/* tests/native/_faults.ts mirrors the order. */
typedef enum {
    CALL_MMAP,
    CALL_MPROTECT,
    CALL_MUNMAP,
    CALL_MADVISE,
    CALL_MINCORE,
    CALL_MUTEXATTR_INIT,
    CALL_MUTEX_INIT,
    CALL_MUTEX_TRYLOCK,
    CALL_MUTEX_TIMEDLOCK,
    CALL_MUTEX_CLOCKLOCK,
    CALL_OPEN,
    CALL_READ,
    CALL_MEMBARRIER,
    CALL_CLOCK,
    CALL_KEY_CREATE,
    CALL_SETSPECIFIC,
    CALL_NANOSLEEP,
    CALL_KINDS,
} call_kind;

/* Restarts the count of a kind of call. From call number `first` on, `count` calls then fail with this errno. */
MEMPOOL_EXPORT void mempool_fault(uint32_t kind, uint32_t first, uint32_t count, int32_t error);

/*
 * Makes a clock of the system (a clockid_t below 2) differ by `ms`, from reading number `first` of any clock on. Waits
 * by CLOCK_MONOTONIC take that into account, as if the process had been stopped. Waits by CLOCK_REALTIME do not, as if
 * a user had set that clock after the wait began. The count of readings starts with mempool_fault.
 */
MEMPOOL_EXPORT void mempool_shift_clock(uint32_t clock, uint32_t first, double ms);

/* Returns how many calls of this kind there were since mempool_fault. */
MEMPOOL_EXPORT uint32_t mempool_calls(uint32_t kind);

#endif
