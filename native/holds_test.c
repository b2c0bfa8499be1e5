/* Tests of holds: a region lasts exactly as long as a running thread has it open. */
#include "test.h"

#include <sched.h>

/* A byte of meta that mempool_destroy keeps. It becomes 0 when the region gives up its memory. */
#define MARK (META - 1)

typedef struct {
    double id;       /* of the region that the thread opens or has created */
    int opens;       /* how many times the thread opens it */
    int closes;      /* how many times the thread then closes it */
    int wrong;       /* calls with an unexpected result */
    atomic_int here; /* set after these calls */
    atomic_int go;   /* the thread ends once this is set */
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
    double id;
    create(META, DATA, &id);
    self->id = id;
    for (int i = 0; i < self->opens; i++) {
        self->wrong += mempool_open(self->id) < 0;
    }
    return NULL;
}

/* Runs a thread that opens and closes the region this number of times and then ends. */
static void visit(double id, int opens, int closes) {
    holder self = { .id = id, .opens = opens, .closes = closes, .go = 1 };
    run_thread(open_and_stay, &self);
    expect(self.wrong == 0);
}

/* Creates a region whose mark tells whether its memory has been given up. */
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

/* Each mempool_create gives up the memory of destroyed regions that no running thread has open. */
static void create_another(void) {
    double id;
    end(create(META, DATA, &id));
}

static void a_destroyed_region_is_released_if_its_other_holders_have_ended(void) {
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

static void create_releases_a_destroyed_region_whose_last_holder_has_ended(void) {
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

static void a_running_thread_keeps_a_region_after_others_have_ended(void) {
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

static void a_live_region_outlives_every_thread_that_had_it_open(void) {
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

static void destroy_keeps_the_first_bytes_of_meta_until_the_last_close(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    visit(id, 1, 0);
    mempool_destroy(region, META, 100);
    expect(meta[MARK] == 7);
    mempool_close(region);
    expect(meta[MARK] == 0);
}

/* The holds of this many threads would not fit into the tables if they stayed. */
static void ended_threads_do_not_fill_the_tables(void) {
    double id;
    unsigned char *meta;
    uint32_t region = create_marked(&id, &meta);
    for (unsigned i = 0; i < (HOLD_LIMIT < 1000 ? 3 * HOLD_LIMIT : 1000); i++) {
        visit(id, 1 + (int)(i % 2), 0);
    }
    destroy_and_close(region);
    expect(meta[MARK] == 0);
}

static void repeated_rounds_reuse_the_same_ranges(void) {
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

/* At the end of a thread, the system follows a list of the mutexes that it holds. The lock must not be on that list. */
static void close_releases_a_lock_that_the_thread_still_holds(void) {
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

static void a_hold_beyond_the_table_ends_with_its_close(void) {
    static uint32_t held[HOLD_LIMIT + 3];
    static unsigned char *metas[HOLD_LIMIT + 3];
    for (unsigned i = 0; i < HOLD_LIMIT + 3; i++) {
        double id;
        held[i] = create_marked(&id, &metas[i]);
        expect(mempool_open(id) == (int32_t)held[i]);
        mempool_close(held[i]);
    }
    for (unsigned i = 0; i < HOLD_LIMIT + 3; i++) {
        expect(metas[i][MARK] == 7);
        destroy_and_close(held[i]);
        expect(metas[i][MARK] == 0);
    }
}

#endif

#if THREAD_LIMIT < 1000

/* A thread without an id does not count as ended. */
static void a_thread_beyond_the_table_keeps_its_holds(void) {
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
    a_destroyed_region_is_released_if_its_other_holders_have_ended();
    create_releases_a_destroyed_region_whose_last_holder_has_ended();
    a_running_thread_keeps_a_region_after_others_have_ended();
    a_live_region_outlives_every_thread_that_had_it_open();
    destroy_keeps_the_first_bytes_of_meta_until_the_last_close();
    ended_threads_do_not_fill_the_tables();
    repeated_rounds_reuse_the_same_ranges();
    close_releases_a_lock_that_the_thread_still_holds();
#if HOLD_LIMIT < 1000
    a_hold_beyond_the_table_ends_with_its_close();
#endif
#if THREAD_LIMIT < 1000
    a_thread_beyond_the_table_keeps_its_holds();
#endif
}
