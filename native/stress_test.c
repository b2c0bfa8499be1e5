/*
 * A random mix of all calls. Threads start and end; each one creates, opens, locks, destroys and closes regions. Many
 * end without a close, and some end with a lock. A region that a thread has open must keep its content, and at the end
 * all regions must have given up their memory.
 */
#include "test.h"

#include <sched.h>

#define SLOTS 6    /* ids of regions that the threads share */
#define ACTORS 6   /* threads at a time */
#define KEPT 12    /* regions that a thread has open at a time */
#define STEPS 60   /* calls in the life of a thread */
#define WORDS 256  /* the first word of meta that the actors use, behind the lock */

typedef struct {
    uint32_t region;
    uint32_t count; /* how many times it is open; 0 if this place is unused */
} kept;

typedef struct {
    uint32_t number; /* of this thread's word in a region */
    uint64_t random;
    kept regions[KEPT];
} actor;

static _Atomic(uint64_t) slots[SLOTS];
static atomic_uint highest;

/* xorshift64 */
static uint32_t below(actor *self, uint32_t limit) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (uint32_t)(self->random >> 33) % limit;
}

static uint32_t *word_of(const actor *self, uint32_t region) {
    return (uint32_t *)mempool_meta(region) + WORDS + self->number;
}

static void note(actor *self, uint32_t region) {
    for (int i = 0; i < KEPT; i++) {
        kept *each = &self->regions[i];
        if (each->count > 0 && each->region == region) {
            each->count++;
            return;
        }
    }
    for (int i = 0; i < KEPT; i++) {
        if (self->regions[i].count == 0) {
            self->regions[i] = (kept){ region, 1 };
            *word_of(self, region) = self->number + 1;
            return;
        }
    }
    mempool_close(region);
}

static void destroy_one(double id) {
    int32_t region = mempool_open(id);
    if (region >= 0) {
        mempool_destroy((uint32_t)region, META, 60000);
        mempool_close((uint32_t)region);
    }
}

static void create_one(actor *self) {
    double id;
    uint32_t region = create(META, DATA, &id);
    note(self, region);
    if (region > highest) {
        highest = region;
    }
    destroy_one((double)atomic_exchange(&slots[below(self, SLOTS)], (uint64_t)id));
}

static void open_one(actor *self) {
    int32_t region = mempool_open((double)slots[below(self, SLOTS)]);
    if (region >= 0) {
        note(self, (uint32_t)region);
    }
}

static void use(kept *each) {
    unsigned char *data = mempool_data(each->region);
    uint32_t *counter = (uint32_t *)mempool_meta(each->region) + WORDS + ACTORS;
    if (mempool_lock(each->region, 60000) >= 0) {
        ++*counter;
        mempool_unlock(each->region);
    }
    expect(mempool_offset(each->region, data + 1) == 1);
}

static void close_one(actor *self, kept *each) {
    if (each->count == 1) {
        *word_of(self, each->region) = 0;
    }
    each->count--;
    mempool_close(each->region);
}

static void step(actor *self) {
    kept *each = &self->regions[below(self, KEPT)];
    uint32_t choice = below(self, 16);
    if (choice == 0) {
        create_one(self);
    } else if (choice < 6) {
        open_one(self);
    } else if (each->count > 0 && choice < 10) {
        use(each);
    } else if (each->count > 0 && choice < 15) {
        close_one(self, each);
    } else if (each->count > 0) {
        mempool_destroy(each->region, META, 60000);
    }
}

static void open_regions_are_unchanged(const actor *self) {
    for (int i = 0; i < KEPT; i++) {
        const kept *each = &self->regions[i];
        expect(each->count == 0 || *word_of(self, each->region) == self->number + 1);
    }
}

static void *live(void *argument) {
    actor *self = argument;
    for (int i = 0; i < STEPS; i++) {
        step(self);
        sched_yield();
        open_regions_are_unchanged(self);
    }
    bool tidy = below(self, 2) == 0;
    for (int i = 0; i < KEPT; i++) {
        kept *each = &self->regions[i];
        while (tidy && each->count > 0) {
            close_one(self, each);
        }
#ifndef __SANITIZE_THREAD__ /* it does not recognise that such a wait acquires the lock */
        if (each->count > 0 && below(self, 4) == 0) {
            expect(mempool_lock(each->region, 60000) >= 0);
        }
#endif
    }
    return NULL;
}

/* Whenever a thread has ended, the next one starts. */
static void run_all(unsigned lives) {
    static actor actors[ACTORS];
    pthread_t threads[ACTORS];
    for (unsigned i = 0; i < lives + ACTORS; i++) {
        actor *self = &actors[i % ACTORS];
        if (i >= ACTORS) {
            pthread_join(threads[i % ACTORS], NULL);
        }
        if (i < lives) {
            *self = (actor){ .number = i % ACTORS, .random = seed + i * 0x9e3779b97f4a7c15u };
            threads[i % ACTORS] = start(live, self);
        }
    }
}

static void all_regions_are_released(void) {
    for (int i = 0; i < SLOTS; i++) {
        destroy_one((double)slots[i]);
    }
    double id;
    end(create(META, DATA, &id));
    for (uint32_t region = 0; region <= highest; region++) {
        for (uint32_t number = 0; number < ACTORS; number++) {
            expect(mempool_meta_bytes(region) < META || *word_of(&(actor){ .number = number }, region) == 0);
        }
    }
}

void test_stress(void) {
    int before = failed;
    run_all(100 * effort);
    all_regions_are_released();
    expect(highest < 250);
    if (failed > before) {
        fprintf(stderr, "stress: the seed was %llu\n", (unsigned long long)seed);
    }
}
