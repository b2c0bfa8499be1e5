/* Tests of threads: their ids, and whether they still run. */
#include "test.h"

#include <sched.h>

/* A number of consecutive threads that is greater than the size of the table. */
#define PROCESSION (THREAD_LIMIT + 500)

#define ASKERS 2

typedef struct {
    double id;
    atomic_int here;
    atomic_int go;
} guest;

/* Stores its id and runs until `go` is set. */
static void *visit(void *argument) {
    guest *self = argument;
    self->id = mempool_thread();
    self->here = 1;
    await_flag(&self->go);
    expect(self->id < 0 || mempool_thread() == self->id);
    return NULL;
}

static void *report_id(void *argument) {
    *(double *)argument = mempool_thread();
    return NULL;
}

static void *exit_early(void *argument) {
    *(double *)argument = mempool_thread();
    pthread_exit(NULL);
}

static void an_id_is_constant_while_its_thread_runs(void) {
    double own = mempool_thread();
    expect(own > 0 && own == mempool_thread());
    expect(own < 9007199254740992.0 && own == (double)(uint64_t)own);
    expect(mempool_alive(own) == 1);
}

static void a_number_that_never_was_an_id_is_not_alive(void) {
    double own = mempool_thread();
    double never[] = { 0, -1, -own, 1, own + 0.5, own - 0.5, own + THREAD_LIMIT, own * 2, own + 1e12,
        9007199254740992.0, 1e300, -1e300, strtod("inf", NULL), strtod("nan", NULL), THREAD_LIMIT - 1.0,
        THREAD_LIMIT * 1e9 };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        expect(mempool_alive(never[i]) == 0);
    }
}

static void a_thread_is_alive_until_it_ends(void) {
    guest other = { 0 };
    pthread_t thread = start(visit, &other);
    await_flag(&other.here);
    expect(other.id > 0 && other.id != mempool_thread());
    expect(mempool_alive(other.id) == 1);
    expect(mempool_alive(other.id) == 1);
    other.go = 1;
    pthread_join(thread, NULL);
    expect(mempool_alive(other.id) == 0);
    expect(mempool_alive(other.id) == 0);
    double early = 0;
    run_thread(exit_early, &early);
    expect(early > other.id && mempool_alive(early) == 0);
}

static void ids_are_never_reused_but_records_are(void) {
    double last = 0;
    for (unsigned i = 0; i < PROCESSION; i++) {
        double id = 0;
        run_thread(report_id, &id);
        expect(id > last);
        expect(mempool_alive(last) == 0);
        last = id;
    }
    expect(mempool_alive(last) == 0);
}

static void each_thread_of_a_crowd_has_its_own_id(void) {
    static guest guests[CROWD];
    pthread_t threads[CROWD];
    for (int i = 0; i < CROWD; i++) {
        guests[i] = (guest){ 0 };
        threads[i] = start(visit, &guests[i]);
    }
    for (int i = 0; i < CROWD; i++) {
        await_flag(&guests[i].here);
        expect(guests[i].id > 0 && mempool_alive(guests[i].id) == 1);
        for (int j = 0; j < i; j++) {
            expect(guests[i].id != guests[j].id);
        }
    }
    for (int i = 0; i < CROWD; i += 2) {
        guests[i].go = 1;
        pthread_join(threads[i], NULL);
    }
    for (int i = 0; i < CROWD; i++) {
        expect(mempool_alive(guests[i].id) == i % 2);
    }
    for (int i = 1; i < CROWD; i += 2) {
        guests[i].go = 1;
        pthread_join(threads[i], NULL);
        expect(mempool_alive(guests[i].id) == 0);
    }
}

typedef struct {
    double ended[CROWD];
    double runs;
    atomic_int go;
    atomic_int arrived[CROWD];
} inquiry;

/* Lets all askers continue at the same moment if enough processors are free. */
static void meet(atomic_int *arrived) {
    (*arrived)++;
    for (int i = 1; *arrived < ASKERS; i++) {
        if (i % 10000 == 0) {
            sched_yield();
        }
    }
}

static void *ask(void *argument) {
    inquiry *self = argument;
    expect(mempool_thread() > 0);
    await_flag(&self->go);
    for (int i = 0; i < CROWD; i++) {
        meet(&self->arrived[i]);
        expect(mempool_alive(self->ended[i]) == 0);
        expect(mempool_alive(self->runs) == 1);
    }
    return NULL;
}

/* The first asker tries the mutex of the record. The others must not conclude that the thread is alive. */
static void concurrent_questions_get_the_same_answer(void) {
    for (unsigned round = 0; round < 20 * effort; round++) {
        static guest guests[CROWD];
        inquiry shared = { .runs = mempool_thread() };
        pthread_t threads[CROWD];
        for (int i = 0; i < CROWD; i++) {
            guests[i] = (guest){ .go = 1 };
            threads[i] = start(visit, &guests[i]);
        }
        pthread_t askers[ASKERS];
        for (int i = 0; i < ASKERS; i++) {
            askers[i] = start(ask, &shared);
        }
        for (int i = 0; i < CROWD; i++) {
            pthread_join(threads[i], NULL);
            shared.ended[i] = guests[i].id;
        }
        shared.go = 1;
        for (int i = 0; i < ASKERS; i++) {
            pthread_join(askers[i], NULL);
        }
    }
}

typedef struct {
    uint32_t first;
    uint32_t second;
    double id;
} heir;

static void *lock_two_and_end(void *argument) {
    heir *self = argument;
    self->id = mempool_thread();
    expect(mempool_lock(self->first, 1000) == MEMPOOL_LOCKED);
    expect(mempool_lock(self->second, 1000) == MEMPOOL_LOCKED);
    return NULL;
}

static void locks_of_an_ended_thread_are_inherited(void) {
    double id;
    heir self = { create(META, DATA, &id), create(META, DATA, &id), 0 };
    for (int i = 0; i < 50; i++) {
        run_thread(lock_two_and_end, &self);
        expect(mempool_alive(self.id) == 0);
        expect(mempool_lock(self.second, 0) == MEMPOOL_INHERITED);
        expect(mempool_lock(self.first, 0) == MEMPOOL_INHERITED);
        mempool_unlock(self.first);
        mempool_unlock(self.second);
    }
    end(self.first);
    end(self.second);
}

static void *restart_and_report_id(void *argument) {
    mempool_restart();
    expect(mempool_earlier(*(double *)argument) == 0);
    return report_id(argument);
}

static void a_restart_ends_the_id_of_the_thread(void) {
    double other = mempool_thread();
    run_thread(restart_and_report_id, &other); /* this thread has no id to end */
    double first = mempool_thread();
    double second = first;
    for (int i = 0; i < 3; i++) {
        mempool_restart();
        expect(mempool_alive(second) == 0 && mempool_earlier(second) == 1);
        expect(mempool_thread() > second);
        second = mempool_thread();
        expect(mempool_alive(second) == 1 && mempool_earlier(second) == 0);
    }
    expect(mempool_alive(first) == 0 && mempool_earlier(first) == 1);
    expect(other > 0 && mempool_earlier(other) == 0);
    const double never[] = { 0, -1, 1, strtod("nan", NULL), strtod("inf", NULL), second * 2 };
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        expect(mempool_earlier(never[i]) == 0);
    }
}

/* A thread that gets the record of a thread that ended never had the ids of that thread. */
static void the_ids_of_an_ended_thread_are_earlier_ids_of_no_other_thread(void) {
    for (unsigned i = 0; i < 3; i++) {
        double id = mempool_thread();
        run_thread(restart_and_report_id, &id);
        run_thread(restart_and_report_id, &id);
    }
}

static void a_lock_is_inherited_after_a_restart(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    mempool_restart();
    expect(mempool_lock(region, 0) == MEMPOOL_INHERITED);
    mempool_unlock(region);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    mempool_unlock(region);
    end(region);
}

static void a_restart_closes_what_the_thread_had_open(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    unsigned char *meta = mempool_meta(region);
    meta[META - 1] = 7;
    expect(mempool_open(id) == (int32_t)region);
    mempool_restart();
    expect(mempool_open(id) == (int32_t)region);
    mempool_destroy(region, META, 100);
    expect(meta[META - 1] == 7);
    mempool_close(region);
    expect(meta[META - 1] == 0);
}

#if THREAD_LIMIT < 2 * CROWD

static void a_full_table_refuses_one_more_thread(void) {
    static guest guests[THREAD_LIMIT];
    pthread_t threads[THREAD_LIMIT];
    int refused = 0;
    for (unsigned i = 0; i < THREAD_LIMIT; i++) {
        guests[i] = (guest){ 0 };
        threads[i] = start(visit, &guests[i]);
        await_flag(&guests[i].here);
        refused += guests[i].id == -EAGAIN;
    }
    expect(refused == 1); /* the main thread has a record too */
    expect(guests[THREAD_LIMIT - 1].id == -EAGAIN);
    guests[0].go = 1;
    pthread_join(threads[0], NULL);
    double late = 0;
    run_thread(report_id, &late);
    expect(late > 0);
    for (unsigned i = 1; i < THREAD_LIMIT; i++) {
        guests[i].go = 1;
        pthread_join(threads[i], NULL);
    }
}

#endif

void test_threads(void) {
    an_id_is_constant_while_its_thread_runs();
    a_number_that_never_was_an_id_is_not_alive();
    a_thread_is_alive_until_it_ends();
    ids_are_never_reused_but_records_are();
    each_thread_of_a_crowd_has_its_own_id();
    concurrent_questions_get_the_same_answer();
    locks_of_an_ended_thread_are_inherited();
    a_restart_ends_the_id_of_the_thread();
    the_ids_of_an_ended_thread_are_earlier_ids_of_no_other_thread();
    a_lock_is_inherited_after_a_restart();
    a_restart_closes_what_the_thread_had_open();
#if THREAD_LIMIT < 2 * CROWD
    a_full_table_refuses_one_more_thread();
#endif
}
