/*
 * Holds: which thread has which region open. The registry uses them to close regions for threads that ended without
 * mempool_close.
 *
 * A hold that does not fit into the table is not recorded. It then ends only with mempool_close.
 *
 * The callers hold the registry's lock.
 */
#include "internal.h"

typedef struct {
    double thread;
    uint32_t count; /* mempool_create and mempool_open calls of this thread without a mempool_close */
    uint32_t next;  /* number of the region's next hold, or of the next unused hold; 0 at the end of the list */
} hold;

static hold holds[HOLD_LIMIT + 1];    /* the first one is not used, because number 0 ends a list */
static uint32_t hold_count;           /* holds that were ever used */
static uint32_t unused;               /* number of the first hold that is no longer used, or 0 */
static uint32_t firsts[REGION_LIMIT]; /* number of each region's first hold, or 0 */

static uint32_t take_unused(void) {
    uint32_t number = unused;
    if (number != 0) {
        unused = holds[number].next;
        return number;
    }
    return hold_count < HOLD_LIMIT ? ++hold_count : 0;
}

/* Removes the hold whose number `link` contains from its list. */
static void drop(uint32_t *link) {
    uint32_t number = *link;
    *link = holds[number].next;
    holds[number].next = unused;
    unused = number;
}

/* Returns the link that contains the number of the thread's hold. It contains 0 if there is no such hold. */
static uint32_t *link_of(uint32_t region, double thread) {
    uint32_t *link = &firsts[region];
    while (*link != 0 && holds[*link].thread != thread) {
        link = &holds[*link].next;
    }
    return link;
}

void hold_add(uint32_t region, double thread) {
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

void hold_remove(uint32_t region, double thread) {
    uint32_t *link = link_of(region, thread);
    if (*link != 0 && --holds[*link].count == 0) {
        drop(link);
    }
}

uint32_t holds_remove_ended(uint32_t region) {
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
