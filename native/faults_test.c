/*
 * Makes each system call of the library fail in turn. The library must return the exact error, leave nothing behind,
 * and work at the next call. These tests run first, before any thread has a record.
 */
#include "test.h"

#ifdef HAVE_FAULTS

#include <dirent.h>
#include <sched.h>
#include <sys/wait.h>
#include <time.h>

/* An errno that the system itself reports for none of these calls. */
#define ODD EXDEV

/* A size that no other test uses, so the ranges of this size belong to these tests. */
#define OWN (DATA * 7)

static void fail_from(call_kind kind, uint32_t first, uint32_t count) {
    mempool_fault(kind, first, count, ODD);
}

static void fail(call_kind kind) {
    fail_from(kind, 1, 1);
}

static void all_work(void) {
    for (uint32_t kind = 0; kind < CALL_KINDS; kind++) {
        mempool_fault(kind, 0, 0, 0);
    }
    mempool_shift_clock(CLOCK_REALTIME, 0, 0);
    mempool_shift_clock(CLOCK_MONOTONIC, 0, 0);
}

static size_t open_files(void) {
    size_t files = 0;
    DIR *folder = opendir("/proc/self/fd");
    while (folder != NULL && readdir(folder) != NULL) {
        files++;
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return files;
}

/* Creates a region, expects zeros in it, and ends it. */
static void create_works(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    unsigned char *data = mempool_data(region);
    expect(data[0] == 0 && data[OWN - 1] == 0);
    memset(data, 1, 4096);
    end(region);
}

/* Makes the nth call fail. mempool_create must return the error and leave nothing behind, and then work again. */
static void create_reports(call_kind kind, uint32_t nth) {
    size_t maps = lines_of("/proc/self/maps");
    size_t files = open_files();
    fail_from(kind, nth, 1);
    expect(mempool_create(META, OWN, OWN) == -ODD);
    expect(mempool_calls(kind) >= nth);
    all_work();
    expect(!COUNTS_MAPS || lines_of("/proc/self/maps") <= maps);
    expect(open_files() == files);
    create_works();
}

static void create_reports_a_new_range_that_is_refused(void) {
    create_reports(CALL_MMAP, 1);
    create_reports(CALL_MPROTECT, 1);
    create_reports(CALL_MPROTECT, 2);
    create_reports(CALL_MPROTECT, 3);
    create_reports(CALL_MPROTECT, 4);
#ifdef HAVE_ROBUST_MUTEX
    create_reports(CALL_MUTEXATTR_INIT, 1);
    create_reports(CALL_MUTEX_INIT, 1);
#endif
}

static void create_keeps_a_refused_range_that_cannot_be_released(void) {
    fail(CALL_MUNMAP);
    fail(CALL_MPROTECT);
    expect(mempool_create(META, OWN, OWN) == -ODD);
    all_work();
    create_works();
}

static void create_reports_a_range_that_cannot_be_reused(void) {
    for (int i = 0; i < 12; i++) {
        create_works();
    }
    create_reports(CALL_MMAP, 1);
    create_reports(CALL_MPROTECT, 1);
    create_reports(CALL_MPROTECT, 2);
    create_reports(CALL_MPROTECT, 3);
    create_reports(CALL_MPROTECT, 4);
#ifdef HAVE_ROBUST_MUTEX
    create_reports(CALL_MUTEX_INIT, 1);
#endif
    for (int i = 0; i < 12; i++) {
        create_works();
    }
}

static void memory_that_cannot_be_remapped_is_emptied(void) {
    double id;
    uint32_t region = create(META * 4, OWN, &id);
    unsigned char *data = mempool_data(region);
    unsigned char *meta = mempool_meta(region);
    memset(data, 7, 4096);
    memset(meta + META, 7, META);
    fail_from(CALL_MMAP, 1, 3);
    mempool_destroy(region, META, 100);
    expect(data[0] == 0 && meta[META] == 0);
    memset(meta + META, 7, META);
    mempool_close(region);
    expect(mempool_calls(CALL_MMAP) == 3 && mempool_calls(CALL_MADVISE) == 3);
    expect(meta[META] == 0);
    all_work();
}

/* The bytes stay until the range is reused. Then they are zero. */
static void memory_that_cannot_be_given_back_is_zero_when_reused(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    memset(mempool_data(region), 7, OWN);
    fail_from(CALL_MMAP, 1, 2);
    fail_from(CALL_MADVISE, 1, 2);
    end(region);
    all_work();
    for (int i = 0; i < 12; i++) {
        create_works();
    }
}

static void data_is_unchanged_if_grow_or_discard_fails(void) {
    const uint32_t most = OWN * 2;
    double id;
    uint32_t region = create_to_grow(META, 4096, most, &id);
    fail(CALL_MPROTECT);
    expect(mempool_grow(region, most) == ODD);
    all_work();
    expect(mempool_grow(region, most) == 0);
    memset(mempool_data(region), 7, most);
    fail(CALL_MADVISE);
    expect(mempool_discard(region, MEMPOOL_DATA, 0, most) == 0);
    all_work();
    expect(((unsigned char *)mempool_data(region))[0] == 7);
    end(region);
}

static void discard_counts_all_pages_if_the_system_does_not_tell(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    unsigned char *data = mempool_data(region);
    data[0] = 7;
    fail(CALL_MINCORE);
    /* The first call asks about the first 1024 pages, of which all count, and later calls about the rest. */
    expect(mempool_discard(region, MEMPOOL_DATA, 0, OWN) == 1024 * 4096);
    expect(data[0] == 0 && mempool_calls(CALL_MINCORE) == 2);
    all_work();
    end(region);
}

static void *ask_for_id(void *argument) {
    *(double *)argument = mempool_thread();
    return NULL;
}

static double id_in_a_thread(void) {
    double id = 0;
    run_thread(ask_for_id, &id);
    return id;
}

/* Requires that no thread has a record yet. A hold that cannot be recorded still keeps the region. */
static void a_thread_without_a_record_can_use_regions(void) {
#ifdef HAVE_ROBUST_MUTEX
    call_kind calls[] = { CALL_MUTEXATTR_INIT, CALL_MUTEX_INIT, CALL_MUTEX_TRYLOCK };
#else
    call_kind calls[] = { CALL_KEY_CREATE, CALL_SETSPECIFIC };
#endif
    size_t last = sizeof calls / sizeof *calls - 1;
    for (size_t i = 0; i <= last; i++) {
        fail(calls[i]);
        expect(mempool_thread() == -ODD);
    }
    fail_from(calls[last], 1, 1000);
    double region_id;
    uint32_t region = create(META, OWN, &region_id);
    expect(mempool_open(region_id) == (int32_t)region);
    mempool_close(region);
    all_work();
    unsigned char *data = mempool_data(region);
    data[0] = 7;
    create_works();
    expect(data[0] == 7);
    end(region);
    double id = id_in_a_thread();
    expect(id > 0 && mempool_alive(id) == 0);
    expect(mempool_thread() > 0);
}

/* Asks for the process number in a child process in which two calls fail. The exit code tells the result. */
static void process_number_without(call_kind one, call_kind other) {
    pid_t child = fork();
    if (child == 0) {
        fail(one);
        fail(other);
        size_t files = open_files();
        double number = mempool_process();
        bool right = number > 0 && number < 9007199254740992.0 && number == mempool_process();
        exit(right && open_files() == files ? 0 : 1);
    }
    int status = 1;
    waitpid(child, &status, 0);
    expect(status == 0);
}

static void a_process_without_random_numbers_has_a_number(void) {
    process_number_without(CALL_OPEN, CALL_OPEN);
    process_number_without(CALL_READ, CALL_READ);
    process_number_without(CALL_OPEN, CALL_CLOCK);
}

static void a_barrier_that_is_refused_returns_0(void) {
    int32_t usual = mempool_barrier();
    fail_from(CALL_MEMBARRIER, 1, 3);
    expect(mempool_barrier() == 0);
    fail_from(CALL_MEMBARRIER, 1, 2);
    expect(mempool_barrier() == 0);
    fail_from(CALL_MEMBARRIER, 1, 1);
    expect(mempool_barrier() == usual);
    all_work();
    expect(mempool_barrier() == usual);
}

#ifdef HAVE_ROBUST_MUTEX

static void a_lock_that_becomes_free_while_spinning_is_contended(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    for (uint32_t tries = 1; tries < 5; tries++) {
        mempool_fault(CALL_MUTEX_TRYLOCK, 1, tries, EBUSY);
        expect(mempool_lock(region, 0) == MEMPOOL_CONTENDED);
        mempool_unlock(region);
    }
    all_work();
    end(region);
}

static void a_broken_lock_is_reported(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    fail(CALL_MUTEX_TRYLOCK);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCK_BROKEN);
    mempool_fault(CALL_MUTEX_TRYLOCK, 1, 100, EBUSY);
    fail(CALL_MUTEX_TIMEDLOCK);
    expect(mempool_lock(region, 60000) == MEMPOOL_LOCK_BROKEN);
    mempool_fault(CALL_MUTEX_TRYLOCK, 1, 100, EBUSY);
    mempool_fault(CALL_MUTEX_TIMEDLOCK, 1, 1, ETIMEDOUT);
    fail(CALL_MUTEX_CLOCKLOCK);
    expect(mempool_lock(region, 60000) == MEMPOOL_LOCK_BROKEN);
    all_work();
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    mempool_unlock(region);
    end(region);
}

static void a_wait_without_a_clock_times_out(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    for (uint32_t first = 1; first <= 3; first++) {
        mempool_fault(CALL_MUTEX_TRYLOCK, 1, 100, EBUSY);
        mempool_fault(CALL_MUTEX_TIMEDLOCK, 1, 1000000, ETIMEDOUT);
        mempool_fault(CALL_MUTEX_CLOCKLOCK, 1, 1000000, ETIMEDOUT);
        fail_from(CALL_CLOCK, first, 1000000);
        expect(mempool_lock(region, 60000) == MEMPOOL_TIMED_OUT);
        expect(mempool_calls(CALL_CLOCK) < 10);
    }
    all_work();
    end(region);
}

#else

static void *try_the_lock(void *argument) {
    uint32_t region = *(uint32_t *)argument;
    fail(CALL_SETSPECIFIC);
    expect(mempool_lock(region, 60000) == MEMPOOL_LOCK_BROKEN);
    fail(CALL_SETSPECIFIC);
    mempool_unlock(region);
    all_work();
    expect(mempool_lock(region, 0) == MEMPOOL_TIMED_OUT);
    return NULL;
}

/* No waiter could notice the death of such a thread. */
static void a_thread_without_a_record_gets_no_lock(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    run_thread(try_the_lock, &region);
    mempool_unlock(region);
    end(region);
}

static void *wait_without_a_clock(void *argument) {
    uint32_t region = *(uint32_t *)argument;
    for (uint32_t first = 1; first <= 3; first++) {
        fail_from(CALL_CLOCK, first, 1000000);
        expect(mempool_lock(region, 60000) == MEMPOOL_TIMED_OUT);
        expect(mempool_calls(CALL_CLOCK) < 10);
    }
    all_work();
    return NULL;
}

static void a_wait_without_a_clock_times_out(void) {
    double id;
    uint32_t region = create(META, OWN, &id);
    expect(mempool_lock(region, 0) == MEMPOOL_LOCKED);
    run_thread(wait_without_a_clock, &region);
    mempool_unlock(region);
    end(region);
}

#endif

/* ---- a process that was stopped, and a clock that was set ---- */

#define HOUR 3600000.0

typedef struct {
    uint32_t region;
    uint32_t readings;   /* the owner keeps the lock until there were as many readings of a clock */
    atomic_int held;
    atomic_int released; /* set when the owner need not wait for these readings */
} owner;

static void *hold_until_read(void *argument) {
    owner *self = argument;
    expect(mempool_lock(self->region, 0) == MEMPOOL_LOCKED);
    self->held = 1;
    while (mempool_calls(CALL_CLOCK) < self->readings && !self->released) {
        sched_yield();
    }
    mempool_unlock(self->region);
    return NULL;
}

/* Waits for the lock while the owner keeps it until a clock has been read `readings` times. */
static int32_t wait_for_owner(uint32_t readings, uint32_t timeout_ms, uint32_t kind) {
    double id;
    owner self = { .region = create(META, OWN, &id), .readings = readings };
    pthread_t thread = start(hold_until_read, &self);
    await_flag(&self.held);
    mempool_fault(CALL_CLOCK, 0, 0, 0);
#ifdef HAVE_ROBUST_MUTEX
    if (kind != 0) {
        mempool_fault(CALL_MUTEX_CLOCKLOCK, 1, 1000000, (int32_t)kind);
    }
#else
    (void)kind;
#endif
    int32_t status = mempool_lock(self.region, timeout_ms);
    self.released = 1;
    if (status >= 0) {
        mempool_unlock(self.region);
    }
    pthread_join(thread, NULL);
    all_work();
    end(self.region);
    return status;
}

/* The process is stopped for an hour, `first` readings of a clock after the wait began. The owner then goes on. */
static void a_stop_of_the_process_is_no_wait(uint32_t kind) {
    for (uint32_t first = 2; first <= 4; first++) {
        mempool_shift_clock(CLOCK_MONOTONIC, first, HOUR);
        expect(wait_for_owner(first + 1, 60000, kind) == MEMPOOL_CONTENDED);
    }
}

static void a_wait_times_out_although_the_process_was_stopped(uint32_t kind) {
    for (uint32_t first = 2; first <= 4; first++) {
        mempool_shift_clock(CLOCK_MONOTONIC, first, HOUR);
        expect(wait_for_owner(UINT32_MAX, 120, kind) == MEMPOOL_TIMED_OUT);
    }
}

/* The time of day is set back by 20 s while a thread waits for 120 ms. */
static void a_wait_ignores_the_time_of_day(uint32_t kind) {
    time_t before = time(NULL);
    mempool_shift_clock(CLOCK_REALTIME, 1, 20000);
    expect(wait_for_owner(UINT32_MAX, 120, kind) == MEMPOOL_TIMED_OUT);
    expect(time(NULL) < before + 15);
}

/* Returns how many sleeps a wait consists of if each one takes an hour. */
static int sleeps_of_an_hour(uint32_t timeout_ms) {
    wait_time wait;
    expect(wait_begins(&wait, timeout_ms));
    int sleeps = 0;
    do {
        mempool_shift_clock(CLOCK_MONOTONIC, 1, ++sleeps * HOUR);
    } while (wait_goes_on(&wait));
    all_work();
    return sleeps;
}

/* The first stop leaves the owner a whole sleep of time. */
static void a_wait_ends_if_every_sleep_is_too_long(void) {
    expect(sleeps_of_an_hour(5) == 2);
    expect(sleeps_of_an_hour(30) == 2);
    expect(sleeps_of_an_hour(120) == 3);
}

static void waits_follow_the_time_in_which_the_process_runs(uint32_t kind) {
    a_stop_of_the_process_is_no_wait(kind);
    a_wait_times_out_although_the_process_was_stopped(kind);
    a_wait_ignores_the_time_of_day(kind);
}

void test_faults(void) {
    a_process_without_random_numbers_has_a_number();
    a_thread_without_a_record_can_use_regions();
    create_reports_a_new_range_that_is_refused();
    create_keeps_a_refused_range_that_cannot_be_released();
    create_reports_a_range_that_cannot_be_reused();
    memory_that_cannot_be_remapped_is_emptied();
    memory_that_cannot_be_given_back_is_zero_when_reused();
    data_is_unchanged_if_grow_or_discard_fails();
    discard_counts_all_pages_if_the_system_does_not_tell();
    a_barrier_that_is_refused_returns_0();
#ifdef HAVE_ROBUST_MUTEX
    a_lock_that_becomes_free_while_spinning_is_contended();
    a_broken_lock_is_reported();
#else
    a_thread_without_a_record_gets_no_lock();
#endif
    a_wait_without_a_clock_times_out();
    waits_follow_the_time_in_which_the_process_runs(0);
#ifdef HAVE_ROBUST_MUTEX
    waits_follow_the_time_in_which_the_process_runs(EINVAL); /* as if the C library had no monotonic wait */
#endif
    a_wait_ends_if_every_sleep_is_too_long();
}

#else

void test_faults(void) {
}

#endif
