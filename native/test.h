/* What the tests of the native side share. */
#ifndef MEMPOOL_TEST_H
#define MEMPOOL_TEST_H

#include "internal.h"

#ifdef HAVE_FAULTS
#include "faults.h"
#endif

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define META 8192u
#define DATA 1048576u

/* Sanitizers map memory of their own at any time. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define COUNTS_MAPS 0
#else
#define COUNTS_MAPS 1
#endif

/* Most threads that a test has at a time. */
#define CROWD 64

/* Expectations that did not hold, in all threads. */
extern atomic_int failed;

/* How many times the usual number of rounds: the test's first argument. */
extern unsigned effort;

/* Of what is random: the second argument, or another one each time. */
extern uint64_t seed;

#define expect(condition)                                                            \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
            failed++;                                                                \
        }                                                                            \
    } while (0)

/* ---- mempool_test.c ---- */

/* A new region, held once; its index. */
uint32_t create(double meta, double data, double *id);

/* The same, whose data may become `most` bytes. */
uint32_t create_to_grow(double meta, double data, double most, double *id);

/* Destroys and closes it. */
void end(uint32_t region);

/* Starts a thread, which must work. */
pthread_t start(void *(*body)(void *), void *argument);

/* Runs `body` in a thread of its own to its end. */
void run_thread(void *(*body)(void *), void *argument);

/* Waits until the flag is set. */
void await_flag(atomic_int *flag);

/* Lines of a file; of /proc/self/maps, for one. */
size_t lines_of(const char *path);

/* ---- touch.c ---- */

/* Whether `body` faults when it is done to the region. */
bool faults(void (*body)(uint32_t), uint32_t region);

/* ---- the files of tests ---- */

void plant(const char *name);
void test_faults(void);
void test_regions(void);
void test_lock(void);
void test_threads(void);
void test_holds(void);
void test_stress(void);

#endif
