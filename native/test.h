/* What the tests of the native library share. */
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

/* Sanitizers map memory at any time, so a test under one cannot count mappings. */
#if defined(__SANITIZE_THREAD__) || defined(__SANITIZE_ADDRESS__)
#define COUNTS_MAPS 0
#else
#define COUNTS_MAPS 1
#endif

/* The largest number of threads that a test runs at a time. */
#define CROWD 64

/* How many expectations failed, in all threads. */
extern atomic_int failed;

/* The factor for the usual number of rounds: the program's first argument. */
extern unsigned effort;

/* The seed of random numbers: the program's second argument, or a new number each time. */
extern uint64_t seed;

#define expect(condition)                                                            \
    do {                                                                             \
        if (!(condition)) {                                                          \
            fprintf(stderr, "%s:%d: expected %s\n", __FILE__, __LINE__, #condition); \
            failed++;                                                                \
        }                                                                            \
    } while (0)

/* ---- mempool_test.c ---- */

/* Creates and publishes a region, which is then open once. Returns its index. */
uint32_t create(double meta, double data, double *id);

/* Does the same, with data that may grow to `most` bytes. */
uint32_t create_to_grow(double meta, double data, double most, double *id);

/* Destroys and closes the region. */
void end(uint32_t region);

/* Starts a thread. The program ends if that fails. */
pthread_t start(void *(*body)(void *), void *argument);

/* Runs `body` in a new thread and waits until it ends. */
void run_thread(void *(*body)(void *), void *argument);

/* Waits until the flag is set. */
void await_flag(atomic_int *flag);

/* Counts the lines of a file, for example of /proc/self/maps. Returns 0 if there is no such file. */
size_t lines_of(const char *path);

/* ---- touch.c ---- */

/* Returns whether a call of `body` with the region faults. */
bool faults(void (*body)(uint32_t), uint32_t region);

/* ---- the test files ---- */

void plant(const char *name);
void test_faults(void);
void test_regions(void);
void test_lock(void);
void test_threads(void);
void test_holds(void);
void test_names(void);
void test_stress(void);

#endif
