/*
 * Everything at once: threads come and go that create, open, lock, destroy and close regions at random. Many end
 * without a close, some with a lock. What a thread has open must stay as it is, and in the end nothing may be left.
 */
#include "test.h"

#include <sched.h>

#define SLOTS 6    /* regions that the threads know of */
#define HANDS 6    /* threads at a time */
#define KEPT 12    /* holds of a thread at a time */
#define STEPS 60   /* of a thread's life */
#define WORDS 256  /* where in meta the hands have their words, behind the lock */

typedef struct {
    uint32_t region;
    uint32_t count; /* holds on it */
} kept;

typedef struct {
    uint32_t number; /* which word of a region is this thread's */
    uint64_t random;
    kept regions[KEPT];
} hand;

static _Atomic(uint64_t) slots[SLOTS];
static atomic_uint highest;

/* xorshift64 */
static uint32_t below(hand *self, uint32_t limit) {
    self->random ^= self->random << 13;
    self->random ^= self->random >> 7;
    self->random ^= self->random << 17;
    return (uint32_t)(self->random >> 33) % limit;
}

static uint32_t *word_of(const hand *self, uint32_t region) {
    return (uint32_t *)mempool_meta(region) + WORDS + self->number;
}

static void note(hand *self, uint32_t region) {
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

static void create_one(hand *self) {
    double id;
    uint32_t region = create(META, DATA, &id);
    note(self, region);
    if (region > highest) {
        highest = region;
    }
    destroy_one((double)atomic_exchange(&slots[below(self, SLOTS)], (uint64_t)id));
}

static void open_one(hand *self) {
    int32_t region = mempool_open((double)slots[below(self, SLOTS)]);
    if (region >= 0) {
        note(self, (uint32_t)region);
    }
}

static void use(kept *each) {
    unsigned char *data = mempool_data(each->region);
    uint32_t *counter = (uint32_t *)mempool_meta(each->region) + WORDS + HANDS;
    if (mempool_lock(each->region, 60000) >= 0) {
        ++*counter;
        mempool_unlock(each->region);
    }
    expect(mempool_offset(each->region, data + 1) == 1);
}

static void close_one(hand *self, kept *each) {
    if (each->count == 1) {
        *word_of(self, each->region) = 0;
    }
    each->count--;
    mempool_close(each->region);
}

static void step(hand *self) {
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

static void all_is_as_it_was(const hand *self) {
    for (int i = 0; i < KEPT; i++) {
        const kept *each = &self->regions[i];
        expect(each->count == 0 || *word_of(self, each->region) == self->number + 1);
    }
}

static void *live(void *argument) {
    hand *self = argument;
    for (int i = 0; i < STEPS; i++) {
        step(self);
        sched_yield();
        all_is_as_it_was(self);
    }
    bool tidy = below(self, 2) == 0;
    for (int i = 0; i < KEPT; i++) {
        kept *each = &self->regions[i];
        while (tidy && each->count > 0) {
            close_one(self, each);
        }
#ifndef __SANITIZE_THREAD__ /* which does not see that a wait for such a lock ends by getting it */
        if (each->count > 0 && below(self, 4) == 0) {
            expect(mempool_lock(each->region, 60000) >= 0);
        }
#endif
    }
    return NULL;
}

/* Each time one ends, the next one begins. */
static void let_all_live(unsigned lives) {
    static hand hands[HANDS];
    pthread_t threads[HANDS];
    for (unsigned i = 0; i < lives + HANDS; i++) {
        hand *self = &hands[i % HANDS];
        if (i >= HANDS) {
            pthread_join(threads[i % HANDS], NULL);
        }
        if (i < lives) {
            *self = (hand){ .number = i % HANDS, .random = seed + i * 0x9e3779b97f4a7c15u };
            threads[i % HANDS] = start(live, self);
        }
    }
}

static void nothing_is_left(void) {
    for (int i = 0; i < SLOTS; i++) {
        destroy_one((double)slots[i]);
    }
    double id;
    end(create(META, DATA, &id));
    for (uint32_t region = 0; region <= highest; region++) {
        for (uint32_t number = 0; number < HANDS; number++) {
            expect(mempool_meta_bytes(region) < META || *word_of(&(hand){ .number = number }, region) == 0);
        }
    }
}

void test_stress(void) {
    int before = failed;
    let_all_live(100 * effort);
    nothing_is_left();
    expect(highest < 250);
    if (failed > before) {
        fprintf(stderr, "stress: the seed was %llu\n", (unsigned long long)seed);
    }
}
