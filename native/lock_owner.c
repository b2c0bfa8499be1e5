/*
 * The lock of a region on systems without robust mutexes: a word with the id of the owner.
 *
 * An id is never reused, and mempool_alive tells whether its thread still runs. A waiter can therefore notice that the
 * owner has died, and takes the lock over by one exchange. Only one of several waiters succeeds.
 */
#include "internal.h"

#ifndef HAVE_ROBUST_MUTEX

int lock_init(region_lock *lock) {
    __atomic_store_n(&lock->owner, 0, __ATOMIC_RELEASE);
    return 0;
}

void lock_destroy(region_lock *lock) {
    (void)lock;
}

/* ---- acquire ---- */

/* Returns the previous owner. If it was `from`, the owner is now `to`. */
static uint64_t exchange_owner(region_lock *lock, uint64_t from, uint64_t to) {
    __atomic_compare_exchange_n(&lock->owner, &from, to, false, __ATOMIC_ACQ_REL, __ATOMIC_ACQUIRE);
    return from;
}

/* Tries once, and stores the previous owner. Returns MEMPOOL_TIMED_OUT if a thread that runs holds the lock. */
static int32_t try_lock(region_lock *lock, uint64_t self, uint64_t *owner) {
    *owner = exchange_owner(lock, 0, self);
    if (*owner == 0) {
        return MEMPOOL_LOCKED;
    }
    if (*owner == self) {
        /* This thread already holds the lock: an exception ended its critical section without an unlock. */
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

static int32_t wait_for(region_lock *lock, uint64_t self, uint32_t timeout_ms) {
    wait_time wait;
    uint64_t owner;
    int32_t status = try_lock(lock, self, &owner);
    bool goes_on = status == MEMPOOL_TIMED_OUT && timeout_ms > 0 && wait_begins(&wait, timeout_ms);
    while (goes_on) {
        os_wait(&lock->owner, owner, (uint32_t)wait_slice(&wait));
        status = try_lock(lock, self, &owner);
        goes_on = status == MEMPOOL_TIMED_OUT && wait_goes_on(&wait);
    }
    return status;
}

int32_t lock_acquire(region_lock *lock, uint32_t timeout_ms) {
    double id = mempool_thread();
    if (id <= 0) {
        return MEMPOOL_LOCK_BROKEN; /* without an id, no waiter could notice the death of this thread */
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

/* ---- release ---- */

void lock_release(region_lock *lock) {
    double id = mempool_thread();
    if (id > 0 && exchange_owner(lock, (uint64_t)id, 0) == (uint64_t)id) {
        os_wake(&lock->owner);
    }
}

/* The lock of a dead owner needs no release: the next thread that wants it notices that the owner is dead. */
void lock_leave(region_lock *lock) {
    lock_release(lock);
}

#endif
