/*
 * Which thread holds which region, so that the holds of a thread that ended without mempool_close can be given up.
 * A hold that finds the table full is not noted: it ends with mempool_close only. All of this with the registry's lock
 * held.
 */
#include "internal.h"

typedef struct {
    double thread;
    uint32_t count; /* mempool_create and mempool_open by this thread, without its mempool_close */
    uint32_t next;  /* number of the region's next hold, or of the next unused one; 0 for none */
} hold;

static hold holds[HOLD_LIMIT + 1]; /* number 0 is none */
static uint32_t hold_count;        /* holds ever used */
static uint32_t unused;            /* number of the first one that is no longer used, or 0 */
static uint32_t firsts[REGION_LIMIT];

static uint32_t take_unused(void) {
    uint32_t number = unused;
    if (number != 0) {
        unused = holds[number].next;
        return number;
    }
    return hold_count < HOLD_LIMIT ? ++hold_count : 0;
}

/* Takes the hold that `link` leads to out of its list. */
static void drop(uint32_t *link) {
    uint32_t number = *link;
    *link = holds[number].next;
    holds[number].next = unused;
    unused = number;
}

/* What leads to the thread's hold; it leads to 0 if there is none. */
static uint32_t *link_of(uint32_t region, double thread) {
    uint32_t *link = &firsts[region];
    while (*link != 0 && holds[*link].thread != thread) {
        link = &holds[*link].next;
    }
    return link;
}

void hold_begin(uint32_t region, double thread) {
    uint32_t *link = link_of(region, thread);
    if (*link != 0) {
        holds[*link].count++;
        return;
    }
    uint32_t number = thread > 0 ? take_unused() : 0;
    if (number != 0) {
        holds[number] = (hold){ .thread = thread, .count = 1, .next = firsts[region] };
        firsts[region] = number;
    }
}

void hold_end(uint32_t region, double thread) {
    uint32_t *link = link_of(region, thread);
    if (*link != 0 && --holds[*link].count == 0) {
        drop(link);
    }
}

uint32_t holds_of_the_dead(uint32_t region) {
    uint32_t ended = 0;
    uint32_t *link = &firsts[region];
    while (*link != 0) {
        if (mempool_alive(holds[*link].thread)) {
            link = &holds[*link].next;
        } else {
            ended += holds[*link].count;
            drop(link);
        }
    }
    return ended;
}
