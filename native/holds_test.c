/* Holds: a region lasts as long as a thread that runs has it open, and no longer. */
#include "test.h"

#include <sched.h>

/* A byte of meta that mempool_destroy leaves and the giving up of the region clears. */
#define MARK (META - 1)

typedef struct {
    double id;       /* of the region to open, or that was created */
    int opens;       /* how often */
    int closes;      /* how often of these it is closed again */
    int wrong;
    atomic_int here; /* set once they are done */
    atomic_int go;   /* awaited then */
} holder;

static void *open_and_stay(void *argument) {
    holder *self = argument;
    int32_t region = -1;
    for (int i = 0; i < self->opens; i++) {
        region = mempool_open(self->id);
        self->wrong += region < 0;
    }
    for (int i = 0; i < self->closes; i++) {
        mempool_close((uint32_t)region);
    }
    self->here = 1;
    await_flag(&self->go);
    return NULL;
}

static void *create_open_and_end(void *argument) {
    holder *self = argument;
    self->id = mempool_create(META, DATA, DATA);
    for (int i = 0; i < self->opens; i++) {
        self->wrong += mempool_open(self->id) < 0;
    }
    return NULL;
}

/* Lets a thread open the region so often and end. */
static void visit(double id, int opens, int closes) {
    holder self = { .id = id, .opens = opens, .closes = closes, .go = 1 };
    run_thread(open_and_stay, &self);
    expect(self.wrong == 0);
}

/* A region whose mark tells whether it has been given up. */
static uint32_t create_marked(double *id, unsigned char **meta) {
    uint32_t region = create(META, DATA, id);
    *meta = mempool_meta(region);
    (*meta)[MARK] = 7;
    return region;
}

static void destroy_and_close(uint32_t region) {
    mempool_destroy(region, META, 100);
    mempool_close(region);
}

/* Any mempool_create looks for regions that nobody holds any more. */
static void create_another(void) {
    double id;
    end(create(META, DATA, &id));
}

static void of_a_thread_that_ended_a_destroyed_region_is_given_up(void) {
    for (int opens = 1; opens <= 3; opens++) {
        double id;
        unsigned char *meta;
        uint32_t region = create_marked(&id, &meta);
        visit(id, opens, 0);
        visit(id, 3, opens - 1);
        expect(meta[MARK] == 7);
        destroy_and_close(region);
        expect(meta[MARK] == 0);
    }
}

static void of_a_thread_that_ends_later_it_is_given_up_by_the_next_create(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    holder other = { .id = id, .opens = 2, .closes = 1 };
    pthread_t thread = start(open_and_stay, &other);
    await_flag(&other.here);
    destroy_and_close(region);
    create_another();
    expect(meta[MARK] == 7);
    other.go = 1;
    pthread_join(thread, NULL);
    expect(meta[MARK] == 7);
    create_another();
    expect(meta[MARK] == 0);
}

static void a_thread_that_runs_keeps_it_when_others_have_ended(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    visit(id, 1, 0);
    expect(mempool_open(id) == (int32_t)region);
    expect(mempool_open(id) == (int32_t)region);
    visit(id, 2, 0);
    for (int i = 0; i < 2; i++) {
        destroy_and_close(region);
        create_another();
        expect(meta[MARK] == 7);
    }
    mempool_close(region);
    expect(meta[MARK] == 0);
}

static void a_live_region_outlasts_all_who_had_it_open(void) {
    holder maker = { .opens = 2 };
    run_thread(create_open_and_end, &maker);
    expect(maker.id > 0 && maker.wrong == 0);
    create_another();
    visit(maker.id, 1, 0);
    int32_t region = mempool_open(maker.id);
    expect(region >= 0);
    if (region >= 0) {
        unsigned char *meta = mempool_meta((uint32_t)region);
        meta[MARK] = 7;
        visit(maker.id, 1, 0);
        mempool_close((uint32_t)region);
        expect(meta[MARK] == 7);
        expect(mempool_open(maker.id) == region);
        destroy_and_close((uint32_t)region);
        expect(meta[MARK] == 0);
    }
}

static void who_destroys_may_end_without_a_close(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    visit(id, 1, 0);
    mempool_destroy(region, META, 100);
    expect(meta[MARK] == 7);
    mempool_close(region);
    expect(meta[MARK] == 0);
}

/* More than either table has room for if the holds of ended threads stayed. */
static void visitors_without_number_leave_room(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    for (unsigned i = 0; i < (HOLD_LIMIT < 1000 ? 3 * HOLD_LIMIT : 1000); i++) {
        visit(id, 1 + (int)(i % 2), 0);
    }
    destroy_and_close(region);
    expect(meta[MARK] == 0);
}

static void rounds_without_number_take_the_same_ranges(void) {
    size_t maps = 0;
    uint32_t highest = 0;
    for (unsigned i = 0; i < 300 * effort; i++) {
        double id;
        uint32_t region = create(META, DATA, &id);
        visit(id, 1, 0);
        mempool_destroy(region, META, 100);
        visit(id, 0, 0);
        mempool_close(region);
        expect(i < 100 || region <= highest);
        highest = region > highest ? region : highest;
        if (i == 100) {
            maps = lines_of("/proc/self/maps");
        }
    }
    expect(!COUNTS_MAPS || lines_of("/proc/self/maps") <= maps + 8);
}

static void *lock_and_close(void *argument) {
    holder *self = argument;
    int32_t region = mempool_open(self->id);
    self->wrong = region < 0 || mempool_lock((uint32_t)region, 0) < 0;
    mempool_close((uint32_t)region);
    self->here = 1;
    await_flag(&self->go);
    self->id = mempool_thread();
    return NULL;
}

/* A mutex that a thread has is on a list of the thread's, which the system follows at its end. */
static void closing_gives_up_a_lock_that_was_left(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    holder other = { .id = id };
    pthread_t thread = start(lock_and_close, &other);
    await_flag(&other.here);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    mempool_unlock(region);
    end(region);
    other.go = 1;
    pthread_join(thread, NULL);
    expect(other.wrong == 0 && other.id > 0);
    expect(mempool_alive(other.id) == 0);
}

#if HOLD_LIMIT < 1000

static void holds_beyond_the_table_end_with_their_close(void) {
    static uint32_t regions[HOLD_LIMIT + 3];
    static unsigned char *metas[HOLD_LIMIT + 3];
    for (unsigned i = 0; i < HOLD_LIMIT + 3; i++) {
        double id;
        regions[i] = create_marked(&id, &metas[i]);
        expect(mempool_open(id) == (int32_t)regions[i]);
        mempool_close(regions[i]);
    }
    for (unsigned i = 0; i < HOLD_LIMIT + 3; i++) {
        expect(metas[i][MARK] == 7);
        destroy_and_close(regions[i]);
        expect(metas[i][MARK] == 0);
    }
}

#endif

#if THREAD_LIMIT < 1000

/* A thread without an id is not taken for one that has ended. */
static void a_thread_beyond_the_table_keeps_what_it_holds(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    static holder guests[THREAD_LIMIT];
    pthread_t threads[THREAD_LIMIT];
    for (unsigned i = 0; i < THREAD_LIMIT; i++) {
        guests[i] = (holder){ .id = id, .opens = 2, .closes = 1 };
        threads[i] = start(open_and_stay, &guests[i]);
        await_flag(&guests[i].here);
        expect(guests[i].wrong == 0);
    }
    destroy_and_close(region);
    for (unsigned i = 0; i + 1 < THREAD_LIMIT; i++) {
        guests[i].go = 1;
        pthread_join(threads[i], NULL);
    }
    create_another();
    expect(meta[MARK] == 7);
    guests[THREAD_LIMIT - 1].go = 1;
    pthread_join(threads[THREAD_LIMIT - 1], NULL);
}

#endif

void test_holds(void) {
    of_a_thread_that_ended_a_destroyed_region_is_given_up();
    of_a_thread_that_ends_later_it_is_given_up_by_the_next_create();
    a_thread_that_runs_keeps_it_when_others_have_ended();
    a_live_region_outlasts_all_who_had_it_open();
    who_destroys_may_end_without_a_close();
    visitors_without_number_leave_room();
    rounds_without_number_take_the_same_ranges();
    closing_gives_up_a_lock_that_was_left();
#if HOLD_LIMIT < 1000
    holds_beyond_the_table_end_with_their_close();
#endif
#if THREAD_LIMIT < 1000
    a_thread_beyond_the_table_keeps_what_it_holds();
#endif
}
