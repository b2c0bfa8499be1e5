#include "internal.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__) && defined(__x86_64__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#define HAVE_BARRIER 1
#endif

/* ---- constants ---- */

/* Tries before a waiter goes to sleep. A critical section is shorter than a sleep and a wake-up. */
#define SPIN_LIMIT 64

/* One sleep of a waiter. The system's timed lock counts by a clock that people set; the sum is ours to keep. */
#define WAIT_SLICE_MS 50

/* ---- making ---- */

int lock_make(pthread_mutex_t *lock) {
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
#ifdef HAVE_ROBUST_MUTEX
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
#endif
    error = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

/* ---- waiting ---- */

static void pause_for(int rounds) {
    for (int i = 0; i < rounds; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("yield");
#endif
    }
}

static bool get_ms(int64_t *ms) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return false;
    }
    *ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return true;
}

static int sleep_on(pthread_mutex_t *lock, int64_t ms) {
#if defined(__APPLE__)
    /* No timed lock there: sleep a little, and try. */
    struct timespec nap = { .tv_sec = 0, .tv_nsec = 100000 };
    (void)ms;
    nanosleep(&nap, NULL);
    int error = pthread_mutex_trylock(lock);
    return error == EBUSY ? ETIMEDOUT : error;
#else
    struct timespec until = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &until); /* if it fails, there is no sleep */
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_mutex_timedlock(lock, &until);
#endif
}

/* Gives up where there is no clock: the wait would have no end. */
static int sleep_and_wait_for(pthread_mutex_t *lock, uint32_t timeout_ms) {
    int64_t start = 0;
    bool clock_runs = get_ms(&start);
    for (int64_t now = start; clock_runs; clock_runs = get_ms(&now)) {
        int64_t left = start + timeout_ms - now;
        int error = sleep_on(lock, left < 0 ? 0 : left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS);
        if (error != ETIMEDOUT || left <= 0) {
            return error;
        }
    }
    return ETIMEDOUT;
}

static int wait_for(pthread_mutex_t *lock, uint32_t timeout_ms) {
    for (int i = 0; i < SPIN_LIMIT; i++) {
        pause_for(i);
        int error = pthread_mutex_trylock(lock);
        if (error != EBUSY) {
            return error;
        }
    }
    return sleep_and_wait_for(lock, timeout_ms);
}

/* ---- taking ---- */

static int32_t lock_status(pthread_mutex_t *lock, int error, int32_t waited) {
    switch (error) {
    case 0:
        return waited;
#ifdef HAVE_ROBUST_MUTEX
    case EOWNERDEAD:
        pthread_mutex_consistent(lock);
        return waited | MEMPOOL_INHERITED;
#endif
    case EDEADLK:
        /* This thread holds it: an exception threw it out of its critical section. */
        return MEMPOOL_INHERITED;
    case ETIMEDOUT:
        return MEMPOOL_TIMED_OUT;
    default:
        (void)lock;
        return MEMPOOL_LOCK_BROKEN;
    }
}

int32_t lock_take(pthread_mutex_t *lock, uint32_t timeout_ms) {
    int error = pthread_mutex_trylock(lock);
    if (error == 0) {
        return MEMPOOL_LOCKED;
    }
    if (error != EBUSY) {
        return lock_status(lock, error, 0);
    }
    return lock_status(lock, wait_for(lock, timeout_ms), MEMPOOL_CONTENDED);
}

void lock_leave(pthread_mutex_t *lock) {
    int error = pthread_mutex_trylock(lock);
#ifndef HAVE_ROBUST_MUTEX
    /* This thread may be the one that has it; if it is not, unlocking is refused. */
    error = error == EBUSY ? 0 : error;
#endif
    if (lock_status(lock, error, 0) >= 0) {
        pthread_mutex_unlock(lock);
    }
}

/* ---- the asymmetric barrier ---- */

/*
 * Only on x86-64: the argument of src/cache.ts needs that a processor makes a thread's stores visible in their order,
 * which others do not promise.
 */
int32_t mempool_barrier(void) {
#ifdef HAVE_BARRIER
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) {
        return 1;
    }
    /* A process has to register before its first one. */
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0
        && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
#else
    return 0;
#endif
}
