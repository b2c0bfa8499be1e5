/*
 * What the files of the native side share and do not export. From the ground up: lock.c, threads.c, holds.c, mempool.c.
 */
#ifndef MEMPOOL_INTERNAL_H
#define MEMPOOL_INTERNAL_H

/* Before any of the system's headers: robust mutexes and what else is beyond ISO C. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "mempool.h"

#include <pthread.h>
#include <stdbool.h>

/* Ids are sequence * limit + index, so an id finds its entry without a search. Tests build with tables they can fill. */
#ifndef REGION_LIMIT
#define REGION_LIMIT 16384u
#endif
#ifndef THREAD_LIMIT
#define THREAD_LIMIT 4096u
#endif
#ifndef HOLD_LIMIT
#define HOLD_LIMIT 262144u
#endif

/* Tests define NO_ROBUST_MUTEX to try on Linux what other systems do without. */
#if (defined(__linux__) || defined(__FreeBSD__)) && !defined(NO_ROBUST_MUTEX)
#define HAVE_ROBUST_MUTEX 1
#endif

/* ---- lock.c ---- */

/* Makes an error-checking mutex, robust where the system has those. Returns an errno. */
int lock_make(pthread_mutex_t *lock);

/* Takes it, waiting at most timeout_ms; returns what mempool_lock does. */
int32_t lock_take(pthread_mutex_t *lock, uint32_t timeout_ms);

/* Gives it up, if the calling thread has it or its owner died. */
void lock_leave(pthread_mutex_t *lock);

/* ---- holds.c, with the registry's lock held ---- */

/* Notes one more hold of the thread on the region. */
void hold_begin(uint32_t region, double thread);

/* Strikes one out. */
void hold_end(uint32_t region, double thread);

/* Strikes out all holds of threads that have ended; how many those were. */
uint32_t holds_of_the_dead(uint32_t region);

#endif
