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

static int64_t now_ms(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
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
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_mutex_timedlock(lock, &until);
#endif
}

static int wait_for(pthread_mutex_t *lock, uint32_t timeout_ms) {
    for (int i = 0; i < SPIN_LIMIT; i++) {
        pause_for(i);
        int error = pthread_mutex_trylock(lock);
        if (error != EBUSY) {
            return error;
        }
    }
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        int64_t left = deadline - now_ms();
        int error = sleep_on(lock, left < 0 ? 0 : left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS);
        if (error != ETIMEDOUT || left <= 0) {
            return error;
        }
    }
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
