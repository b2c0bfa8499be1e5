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
 * Waits by a monotonic clock. glibc has this function from version 2.30 on. musl does not have it, and the reference is
 * then NULL.
 */
int pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until)
    __attribute__((weak));

/*
 * Tries once. The wait of pthread_mutex_timedlock uses a clock that users can set, so it must not wait. Unlike
 * pthread_mutex_trylock, it reports with musl that this thread itself holds the lock.
 */
static int try_lock(region_lock *lock) {
    static const struct timespec past = { 0, 0 };
    return pthread_mutex_timedlock(lock, &past);
}

/* The sleeps grow from 0.05 ms to 1.6 ms. Linux measures them by a monotonic clock. */
static int nap_and_try(region_lock *lock, int round) {
    struct timespec nap = { .tv_sec = 0, .tv_nsec = 50000L << (round < 5 ? round : 5) };
    nanosleep(&nap, NULL);
    return try_lock(lock);
}

/* Sleeps until this time of the monotonic clock at the longest. Returns ETIMEDOUT if the wait should go on. */
static int sleep_on(region_lock *lock, int64_t until_ms, int round) {
    struct timespec until = { .tv_sec = (time_t)(until_ms / 1000), .tv_nsec = (long)(until_ms % 1000) * 1000000 };
    int error = pthread_mutex_clocklock != NULL ? pthread_mutex_clocklock(lock, CLOCK_MONOTONIC, &until) : EINVAL;
    return error == EINVAL ? nap_and_try(lock, round) : error;
}

static int sleep_and_wait_for(region_lock *lock, uint32_t timeout_ms) {
    wait_time wait;
    int error = try_lock(lock);
    bool goes_on = error == ETIMEDOUT && timeout_ms > 0 && wait_begins(&wait, timeout_ms);
    for (int round = 0; goes_on; round++) {
        error = sleep_on(lock, wait.now + wait_slice(&wait), round);
        goes_on = error == ETIMEDOUT && wait_goes_on(&wait);
    }
    return error;
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
    int error = pthread_mutex_trylock(lock);
    if (error == EBUSY) {
        error = try_lock(lock);
    }
    if (lock_status(lock, error, 0) >= 0) {
        pthread_mutex_unlock(lock);
    }
}

#endif
