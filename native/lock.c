/* The lock where the system has robust mutexes: it tells of a dead owner itself. */
#include "internal.h"

#ifdef HAVE_ROBUST_MUTEX

#include <errno.h>
#include <time.h>

/* ---- making ---- */

int lock_make(region_lock *lock) {
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    error = pthread_mutex_init(lock, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

/* ---- waiting ---- */

/* The system's timed lock counts by a clock that people set: it gets short times only, and the sum is ours to keep. */
static int sleep_on(region_lock *lock, int64_t ms) {
    struct timespec until = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &until); /* if it fails, there is no sleep */
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_mutex_timedlock(lock, &until);
}

/* Gives up where there is no clock: the wait would have no end. */
static int sleep_and_wait_for(region_lock *lock, uint32_t timeout_ms) {
    int64_t start = 0;
    bool clock_runs = os_clock(&start);
    for (int64_t now = start; clock_runs; clock_runs = os_clock(&now)) {
        int64_t left = start + timeout_ms - now;
        int error = sleep_on(lock, left < 0 ? 0 : left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS);
        if (error != ETIMEDOUT || left <= 0) {
            return error;
        }
    }
    return ETIMEDOUT;
}

static int wait_for(region_lock *lock, uint32_t timeout_ms) {
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

static int32_t lock_status(region_lock *lock, int error, int32_t waited) {
    switch (error) {
    case 0:
        return waited;
    case EOWNERDEAD:
        pthread_mutex_consistent(lock);
        return waited | MEMPOOL_INHERITED;
    case EDEADLK:
        /* This thread holds it: an exception threw it out of its critical section. */
        return MEMPOOL_INHERITED;
    case ETIMEDOUT:
        return MEMPOOL_TIMED_OUT;
    default:
        return MEMPOOL_LOCK_BROKEN;
    }
}

int32_t lock_take(region_lock *lock, uint32_t timeout_ms) {
    int error = pthread_mutex_trylock(lock);
    if (error == 0) {
        return MEMPOOL_LOCKED;
    }
    if (error != EBUSY) {
        return lock_status(lock, error, 0);
    }
    return lock_status(lock, wait_for(lock, timeout_ms), MEMPOOL_CONTENDED);
}

/* ---- giving up ---- */

void lock_release(region_lock *lock) {
    pthread_mutex_unlock(lock);
}

void lock_leave(region_lock *lock) {
    static const struct timespec past = { 0, 0 };
    int error = pthread_mutex_trylock(lock);
    if (error == EBUSY) {
        /* Of a mutex that this thread has itself, musl says so here only. */
        error = pthread_mutex_timedlock(lock, &past);
    }
    if (lock_status(lock, error, 0) >= 0) {
        pthread_mutex_unlock(lock);
    }
}

void lock_unmake(region_lock *lock) {
    pthread_mutex_destroy(lock);
}

#endif
