/* The lock of a region on systems with robust mutexes. The system itself reports a dead owner. */
#include "internal.h"

#ifdef HAVE_ROBUST_MUTEX

#include <errno.h>
#include <time.h>

int lock_init(region_lock *lock) {
    return os_init_robust(lock);
}

void lock_destroy(region_lock *lock) {
    pthread_mutex_destroy(lock);
}

/* ---- waiting ---- */

/*
 * The system's timed lock uses a clock that users can set. Each sleep is therefore short, and sleep_and_wait_for
 * measures the whole wait by a monotonic clock.
 */
static int sleep_on(region_lock *lock, int64_t ms) {
    struct timespec until = { 0, 0 };
    clock_gettime(CLOCK_REALTIME, &until); /* without a clock, the sleep ends at once */
    until.tv_nsec += (long)ms * 1000000;
    until.tv_sec += until.tv_nsec / 1000000000;
    until.tv_nsec %= 1000000000;
    return pthread_mutex_timedlock(lock, &until);
}

/* Times out if there is no clock: without one the wait would never end. */
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

/* ---- acquire ---- */

static int32_t lock_status(region_lock *lock, int error, int32_t waited) {
    switch (error) {
    case 0:
        return waited;
    case EOWNERDEAD:
        pthread_mutex_consistent(lock);
        return waited | MEMPOOL_INHERITED;
    case EDEADLK:
        /* This thread already holds the lock: an exception ended its critical section without an unlock. */
        return MEMPOOL_INHERITED;
    case ETIMEDOUT:
        return MEMPOOL_TIMED_OUT;
    default:
        return MEMPOOL_LOCK_BROKEN;
    }
}

int32_t lock_acquire(region_lock *lock, uint32_t timeout_ms) {
    int error = pthread_mutex_trylock(lock);
    if (error == 0) {
        return MEMPOOL_LOCKED;
    }
    if (error != EBUSY) {
        return lock_status(lock, error, 0);
    }
    return lock_status(lock, wait_for(lock, timeout_ms), MEMPOOL_CONTENDED);
}

/* ---- release ---- */

void lock_release(region_lock *lock) {
    pthread_mutex_unlock(lock);
}

void lock_leave(region_lock *lock) {
    static const struct timespec past = { 0, 0 };
    int error = pthread_mutex_trylock(lock);
    if (error == EBUSY) {
        /* If this thread itself holds the mutex, musl reports that only here. */
        error = pthread_mutex_timedlock(lock, &past);
    }
    if (lock_status(lock, error, 0) >= 0) {
        pthread_mutex_unlock(lock);
    }
}

#endif
