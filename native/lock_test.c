/* Tests of the lock: exclusion, waiting, and the death of an owner. */
#include "test.h"

#include <sched.h>

typedef struct {
    uint32_t region;
    int rounds;
    int *counter;
} worker;

typedef struct {
    uint32_t region;
    atomic_int held;
    atomic_int release;
} holder;

static void *count(void *argument) {
    worker *self = argument;
    for (int i = 0; i < self->rounds; i++) {
        if (mempool_lock(self->region, 5000) < 0) {
            return argument;
        }
        ++*self->counter;
        mempool_unlock(self->region);
    }
    return NULL;
}

static void the_lock_admits_one_thread_at_a_time(void) {
    double id;
    int counter = 0;
    worker self = { create(META, DATA, &id), 20000, &counter };
    pthread_t threads[4];
    for (int i = 0; i < 4; i++) {
        threads[i] = start(count, &self);
    }
    for (int i = 0; i < 4; i++) {
        void *result;
        pthread_join(threads[i], &result);
        expect(result == NULL);
    }
    expect(counter == 80000);
    end(self.region);
}

static void *lock_and_die(void *argument) {
    expect(mempool_lock(*(uint32_t *)argument, 1000) >= 0);
    return NULL;
}

static void *time_out(void *argument) {
    expect(mempool_lock(*(uint32_t *)argument, 120) == MEMPOOL_TIMED_OUT);
    expect(mempool_lock(*(uint32_t *)argument, 0) == MEMPOOL_TIMED_OUT);
#ifndef __SANITIZE_THREAD__ /* it reports an unlock by a thread that is not the owner; the library must ignore one */
    mempool_unlock(*(uint32_t *)argument);
#endif
    expect(mempool_lock(*(uint32_t *)argument, 0) == MEMPOOL_TIMED_OUT);
    return NULL;
}

static void a_wait_times_out(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    run_thread(time_out, &region);
    mempool_unlock(region);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    mempool_unlock(region);
    end(region);
}

#ifndef NO_THREAD_ENDS

static void a_dead_owner_is_reported_once(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    run_thread(lock_and_die, &region);
    expect(mempool_lock(region, 1000) == MEMPOOL_INHERITED);
    mempool_unlock(region);
    expect(mempool_lock(region, 1000) == MEMPOOL_LOCKED);
    mempool_unlock(region);
    end(region);
}

#ifndef __SANITIZE_THREAD__

typedef struct {
    uint32_t region;
    atomic_int inherited;
    atomic_int wrong;
    atomic_int held;
    atomic_int die;
} estate;

static void *hold_and_die(void *argument) {
    estate *self = argument;
    self->wrong += mempool_lock(self->region, 1000) != MEMPOOL_LOCKED;
    self->held = 1;
    await_flag(&self->die);
    return NULL;
}

static void *wait_and_inherit(void *argument) {
    estate *self = argument;
    int32_t status = mempool_lock(self->region, 60000);
    self->wrong += status < 0;
    self->inherited += status >= 0 && (status & MEMPOOL_INHERITED) != 0;
    mempool_unlock(self->region);
    return NULL;
}

static void one_waiter_inherits_the_lock_of_a_dead_owner(void) {
    for (unsigned round = 0; round < 10 * effort; round++) {
        double id;
        estate self = { .region = create(META, DATA, &id) };
        pthread_t owner = start(hold_and_die, &self);
        await_flag(&self.held);
        pthread_t heirs[4];
        for (int i = 0; i < 4; i++) {
            heirs[i] = start(wait_and_inherit, &self);
        }
        self.die = 1;
        pthread_join(owner, NULL);
        for (int i = 0; i < 4; i++) {
            pthread_join(heirs[i], NULL);
        }
        expect(self.inherited == 1 && self.wrong == 0);
        end(self.region);
    }
}

#endif
#endif

static void locking_twice_is_reported_without_a_deadlock(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    expect(mempool_lock(region, 1000) == MEMPOOL_LOCKED);
    expect(mempool_lock(region, 1000) == MEMPOOL_INHERITED);
    mempool_unlock(region);
    run_thread(lock_and_die, &region);
    end(region);
}

/* Sets `held` once it has the lock, and keeps the lock until `release` is set. */
static void *hold(void *argument) {
    holder *self = argument;
    expect(mempool_lock(self->region, 1000) == MEMPOOL_LOCKED);
    self->held = 1;
    await_flag(&self->release);
    mempool_unlock(self->region);
    return NULL;
}

#ifdef HAVE_FAULTS

/* A call that a waiter repeats. */
#ifdef HAVE_ROBUST_MUTEX
#define SIGN_OF_WAITING CALL_MUTEX_TRYLOCK
#else
#define SIGN_OF_WAITING CALL_NANOSLEEP
#endif

/* Keeps the lock until another thread has tried to acquire it. */
static void *hold_until_wanted(void *argument) {
    holder *self = argument;
    expect(mempool_lock(self->region, 1000) == MEMPOOL_LOCKED);
    mempool_fault(SIGN_OF_WAITING, 0, 0, 0);
    self->held = 1;
    while (mempool_calls(SIGN_OF_WAITING) < 2) {
        sched_yield();
    }
    mempool_unlock(self->region);
    return NULL;
}

static void a_lock_that_was_waited_for_is_contended(void) {
    double id;
    holder self = { .region = create(META, DATA, &id) };
    pthread_t thread = start(hold_until_wanted, &self);
    await_flag(&self.held);
    expect(mempool_lock(self.region, 60000) == MEMPOOL_CONTENDED);
    mempool_unlock(self.region);
    pthread_join(thread, NULL);
    end(self.region);
}

#endif

static void close_does_not_release_the_lock_of_another_thread(void) {
    double id;
    holder self = { .region = create(META, DATA, &id) };
    pthread_t thread = start(hold, &self);
    await_flag(&self.held);
    expect(mempool_open(id) == (int32_t)self.region);
    mempool_close(self.region);
    expect(mempool_lock(self.region, 0) == MEMPOOL_TIMED_OUT);
    self.release = 1;
    pthread_join(thread, NULL);
    end(self.region);
}

static void destroy_does_not_wait_for_a_stuck_owner(void) {
    double id;
    holder self = { .region = create(META * 4, DATA, &id) };
    unsigned char *meta = mempool_meta(self.region);
    meta[META] = 7;
    pthread_t thread = start(hold, &self);
    await_flag(&self.held);
    mempool_destroy(self.region, META, 0);
    expect(meta[META] == 7);
    self.release = 1;
    pthread_join(thread, NULL);
    mempool_destroy(self.region, META, 0);
    mempool_close(self.region);
    expect(meta[META] == 0);
}

void test_lock(void) {
    the_lock_admits_one_thread_at_a_time();
    a_wait_times_out();
#ifndef NO_THREAD_ENDS
    a_dead_owner_is_reported_once();
#ifndef __SANITIZE_THREAD__ /* it does not recognise that such a wait acquires the lock */
    one_waiter_inherits_the_lock_of_a_dead_owner();
#endif
#endif
    locking_twice_is_reported_without_a_deadlock();
#ifdef HAVE_FAULTS
    a_lock_that_was_waited_for_is_contended();
#endif
    close_does_not_release_the_lock_of_another_thread();
    destroy_does_not_wait_for_a_stuck_owner();
}
