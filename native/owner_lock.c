/*
 * The lock where the system has no robust mutexes: a word with the owner's id. An id is never used twice and tells
 * whether its thread still runs, so whoever waits can find that the owner has died, and takes the lock from it by one
 * exchange: of several only one gets it.
 */
#include "internal.h"

#ifndef HAVE_ROBUST_MUTEX

/* ---- making ---- */

int lock_make(region_lock *lock) {
    __atomic_store_n(&lock->owner, 0, __ATOMIC_RELEASE);
    return 0;
}

void lock_unmake(region_lock *lock) {
    (void)lock;
}

/* ---- taking ---- */

/* Who had it; if that is `from`, `to` has it now. */
static uint64_t exchange_owner(region_lock *lock, uint64_t from, uint64_t to) {
    __atomic_compare_exchange_n(&lock->owner, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return from;
}

/* MEMPOOL_TIMED_OUT while somebody has it who runs. */
static int32_t try_lock(region_lock *lock, uint64_t self, uint64_t *owner) {
    *owner = exchange_owner(lock, 0, self);
    if (*owner == 0) {
        return MEMPOOL_LOCKED;
    }
    if (*owner == self) {
        /* An exception threw this thread out of its critical section. */
        return MEMPOOL_INHERITED;
    }
    bool dead = mempool_alive((double)*owner) == 0;
    return dead && exchange_owner(lock, *owner, self) == *owner ? MEMPOOL_INHERITED : MEMPOOL_TIMED_OUT;
}

static bool spin_for(region_lock *lock, uint64_t self) {
    for (int i = 0; i < SPIN_LIMIT; i++) {
        pause_for(i);
        if (__atomic_load_n(&lock->owner, __ATOMIC_RELAXED) == 0 && exchange_owner(lock, 0, self) == 0) {
            return true;
        }
    }
    return false;
}

/* Gives up where there is no clock: the wait would have no end. */
static int32_t wait_for(region_lock *lock, uint64_t self, uint32_t timeout_ms) {
    uint64_t owner;
    int64_t start = 0;
    bool clock_runs = os_clock(&start);
    for (int64_t now = start; clock_runs; clock_runs = os_clock(&now)) {
        int32_t status = try_lock(lock, self, &owner);
        int64_t left = start + timeout_ms - now;
        if (status != MEMPOOL_TIMED_OUT || left <= 0) {
            return status;
        }
        os_wait(&lock->owner, owner, (uint32_t)(left < WAIT_SLICE_MS ? left : WAIT_SLICE_MS));
    }
    return MEMPOOL_TIMED_OUT;
}

int32_t lock_take(region_lock *lock, uint32_t timeout_ms) {
    double id = mempool_thread();
    if (id <= 0) {
        return MEMPOOL_LOCK_BROKEN; /* nobody could tell when this thread has died */
    }
    uint64_t self = (uint64_t)id;
    uint64_t owner;
    int32_t status = try_lock(lock, self, &owner);
    if (status == MEMPOOL_TIMED_OUT) {
        status = spin_for(lock, self) ? MEMPOOL_LOCKED : wait_for(lock, self, timeout_ms);
        status = status < 0 ? status : status | MEMPOOL_CONTENDED;
    }
    return status;
}

/* ---- giving up ---- */

void lock_release(region_lock *lock) {
    double id = mempool_thread();
    if (id > 0 && exchange_owner(lock, (uint64_t)id, 0) == (uint64_t)id) {
        os_wake(&lock->owner);
    }
}

/* What a dead owner left needs nothing: the next one sees that it is dead. */
void lock_leave(region_lock *lock) {
    lock_release(lock);
}

#endif
