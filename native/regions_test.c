/* Tests of regions: their memory, their ids, and the reuse of their ranges. */
#include "test.h"

#include <sched.h>

static void the_version_matches_the_header(void) {
    expect(mempool_abi() == MEMPOOL_ABI);
    expect(mempool_process() > 0 && mempool_process() == mempool_process());
    expect(mempool_process() < 9007199254740992.0);
}

static void a_region_is_zero_and_writable(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    unsigned char *data = mempool_data(region);
    for (size_t i = 0; i < DATA; i += 4096) {
        expect(data[i] == 0);
        data[i] = 1;
    }
    expect(((uintptr_t)data & 4095) == 0);
    expect(mempool_meta_bytes(region) == META && mempool_data_bytes(region) == DATA);
    unsigned char *meta = mempool_meta(region);
    meta[META - 1] = 1;
    end(region);
}

static void write_before_data(uint32_t region) {
    ((volatile unsigned char *)mempool_data(region))[-1] = 1;
}

static void write_after_data(uint32_t region) {
    ((volatile unsigned char *)mempool_data(region))[DATA] = 1;
}

static void guard_pages_fault(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    expect(faults(write_before_data, region));
    expect(faults(write_after_data, region));
    end(region);
}

static void impossible_sizes_are_refused(void) {
    expect(mempool_create(META, 0, 0) == -EINVAL);
    expect(mempool_create(0, DATA, DATA) == -EINVAL);
    expect(mempool_create(META, -1, -1) == -EINVAL);
    expect(mempool_create(META, 1e300, 1e300) == -EINVAL);
    double nan = strtod("nan", NULL);
    expect(mempool_create(META, nan, nan) == -EINVAL);
    double refused = mempool_create(META, 140000000000000.0, 140000000000000.0);
    expect(refused == -ENOMEM || refused == -EINVAL); /* EINVAL under Valgrind */
}

static void an_offset_is_the_distance_from_the_first_data_byte(void) {
    double id;
    uint32_t region = create(META, 1000, &id);
    char *data = mempool_data(region);
    expect(mempool_offset(region, data) == 0);
    expect(mempool_offset(region, data + 999) == 999);
    expect(mempool_offset(region, data + 1000) == -1);
    expect(mempool_offset(region, data - 1) == -1);
    expect(mempool_offset(region, NULL) == -1);
    end(region);
}

static void an_id_finds_a_live_region_only(void) {
    double id, other;
    uint32_t region = create(META, DATA, &id);
    uint32_t second = create(META, DATA, &other);
    expect(id != other && region != second);
    expect(mempool_open(id) == (int32_t)region);
    mempool_close(region);
    expect(mempool_open(0) == MEMPOOL_UNKNOWN);
    expect(mempool_open(-1) == MEMPOOL_UNKNOWN);
    expect(mempool_open(id + 1e9) == MEMPOOL_UNKNOWN);
    expect(mempool_open(id + 0.5) == MEMPOOL_UNKNOWN);
    expect(mempool_open(strtod("nan", NULL)) == MEMPOOL_UNKNOWN);
    mempool_destroy(region, META, 100);
    expect(mempool_open(id) == MEMPOOL_DESTROYED);
    mempool_close(region);
    expect(mempool_open(id) == MEMPOOL_DESTROYED);
    end(second);
}

static void a_destroyed_region_reads_as_zeros(void) {
    double id;
    uint32_t region = create(META * 4, DATA, &id);
    unsigned char *data = mempool_data(region);
    unsigned char *meta = mempool_meta(region);
    memset(data, 7, DATA);
    meta[META - 1] = 7;
    meta[META] = 7;
    mempool_destroy(region, META, 100);
    expect(data[0] == 0 && data[DATA - 1] == 0);
    expect(meta[META - 1] == 7);
    expect(meta[META] == 0);
    mempool_close(region);
    expect(data[0] == 0 && meta[META - 1] == 0);
}

static size_t address_space(void) {
    FILE *file = fopen("/proc/self/statm", "r");
    size_t pages = 0;
    if (file == NULL || fscanf(file, "%zu", &pages) != 1) {
        pages = 0;
    }
    if (file != NULL) {
        fclose(file);
    }
    return pages;
}

static void ranges_are_reused_after_a_rest(void) {
    size_t before = 0;
    for (int i = 0; i < 2000; i++) {
        double id;
        uint32_t region = create(META, DATA + (unsigned)(i % 7) * 4096, &id);
        unsigned char *data = mempool_data(region);
        expect(data[0] == 0 && data[DATA - 1] == 0);
        memset(data, 1, 4096);
        end(region);
        if (i == 200) {
            before = address_space();
        }
    }
    expect(address_space() < before + 16 * DATA / 4096);
}

static void a_range_is_not_reused_for_the_next_eight_regions(void) {
    double id;
    uint32_t region = create(META, 37 * DATA, &id);
    const void *data = mempool_data(region);
    end(region);
    for (int i = 0; i < 8; i++) {
        region = create(META, 37 * DATA, &id);
        expect(mempool_data(region) != data);
        end(region);
    }
}

/* Creates and ends regions of this size until one reuses the range at `data`. Returns that region. */
static uint32_t until_reused(double meta, double bytes, const unsigned char *data) {
    for (int i = 0; i < 100; i++) {
        double id;
        uint32_t region = create(meta, bytes, &id);
        if (mempool_data(region) == data) {
            return region;
        }
        end(region);
    }
    fprintf(stderr, "the range was not reused\n");
    exit(1);
}

static size_t count_not_zero(const unsigned char *bytes, size_t length) {
    size_t count = 0;
    for (size_t i = 0; i < length; i++) {
        count += bytes[i] != 0;
    }
    return count;
}

static void a_reused_range_is_zero_despite_stale_writers(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    unsigned char *data = mempool_data(region);
    end(region);
    memset(data, 9, DATA);
    region = until_reused(META, DATA, data);
    expect(count_not_zero(data, DATA) == 0);
    end(region);
}

typedef struct {
    volatile unsigned char *data;
    atomic_uint reads;
    atomic_int stop;
} stale_reader;

#ifdef __SANITIZE_THREAD__
__attribute__((no_sanitize("thread"))) /* the test requires reads that race with writes */
#endif
static void *read_on(void *argument) {
    stale_reader *self = argument;
    for (size_t i = 0; !self->stop; i = (i + 4096) % DATA) {
        unsigned char seen = self->data[i];
        expect(seen == 0 || seen == 7);
        self->reads++;
    }
    return NULL;
}

/* Waits until the reader has read the whole range once more. */
static void await_reads(stale_reader *reader) {
    unsigned before = reader->reads;
    while (reader->reads - before < DATA / 4096) {
        sched_yield();
    }
}

/* The reader continues while its region ends, while the range rests, and while later regions reuse the range. */
static void a_stale_reader_never_faults(void) {
    double id;
    stale_reader reader = { .stop = 0 };
    uint32_t region = create(META, DATA, &id);
    unsigned char *data = mempool_data(region);
    reader.data = data;
    memset(data, 7, DATA);
    pthread_t thread = start(read_on, &reader);
    for (int i = 0; i < 3; i++) {
        await_reads(&reader);
        end(region);
        await_reads(&reader);
        region = until_reused(META, DATA, data);
        memset(data, 7, DATA);
    }
    reader.stop = 1;
    pthread_join(thread, NULL);
    end(region);
}

static void write_after_meta(uint32_t region) {
    unsigned char *meta = mempool_meta(region);
    ((volatile unsigned char *)meta)[(size_t)mempool_meta_bytes(region)] = 1;
}

static void a_reused_range_has_guards(void) {
    double id;
    uint32_t region = create(32 * 4096, DATA, &id);
    unsigned char *data = mempool_data(region);
    expect(faults(write_after_meta, region));
    end(region);
    region = until_reused(29 * 4096, DATA, data);
    expect(faults(write_after_meta, region));
    expect(faults(write_before_data, region));
    expect(faults(write_after_data, region));
    end(region);
}

/* On Linux, a process may have at most 65,530 mappings. */
static void a_resting_range_is_at_most_one_mapping(void) {
    size_t before = lines_of("/proc/self/maps");
    for (unsigned i = 0; i < 50; i++) {
        double id;
        end(create(META, DATA * (1.0 + i / 4), &id));
    }
    expect(!COUNTS_MAPS || lines_of("/proc/self/maps") <= before + 50);
}

#if REGION_LIMIT < 1000

/* Uses more sizes than the registry has entries, so that every entry has a range at rest. */
static void a_full_registry_drops_the_range_that_rested_longest(void) {
    static unsigned char *stale[2 * REGION_LIMIT];
    for (unsigned i = 0; i < 2 * REGION_LIMIT; i++) {
        double id;
        uint32_t region = create(META * (1 + i), 4096, &id);
        stale[i] = mempool_data(region);
        stale[i][0] = 1;
        end(region);
        expect(mempool_open(id) == MEMPOOL_DESTROYED);
    }
    for (unsigned i = 0; i < 2 * REGION_LIMIT; i++) {
        expect(stale[i][0] == 0);
    }
    for (unsigned i = 0; i < 2 * REGION_LIMIT; i++) {
        stale[i][0] = 2;
    }
}

static void a_registry_full_of_live_regions_refuses_one_more(void) {
    static double ids[REGION_LIMIT];
    unsigned made = 0;
    while (made < REGION_LIMIT && (ids[made] = mempool_create(META, 4096, 4096)) > 0) {
        made++;
    }
    expect(made > REGION_LIMIT / 2);
    expect(mempool_create(META, 4096, 4096) == -ENFILE);
    for (unsigned i = 0; i < made; i++) {
        int32_t region = mempool_open(ids[i]);
        mempool_close((uint32_t)region);
        end((uint32_t)region);
    }
    end(create(META, 4096, ids));
}

#endif

/* A size that no other test uses, because a reused range may be open further than the new region needs. */
#define MOST (DATA * 5)

static void write_after_first_page(uint32_t region) {
    ((volatile unsigned char *)mempool_data(region))[4096] = 1;
}

static void write_after_most(uint32_t region) {
    ((volatile unsigned char *)mempool_data(region))[MOST] = 1;
}

static void data_grows_in_place(void) {
    double id;
    uint32_t region = create_to_grow(META, 4096, MOST, &id);
    unsigned char *data = mempool_data(region);
    data[0] = 7;
    expect(mempool_data_bytes(region) == MOST);
    expect(faults(write_after_first_page, region));
    expect(mempool_grow(region, 8192) == 0 && mempool_grow(region, 100) == 0);
    expect(data[4096] == 0);
    data[8191] = 7;
    expect(mempool_grow(region, MOST) == 0);
    expect(data[0] == 7 && data[8191] == 7 && data[8192] == 0 && mempool_data(region) == data);
    data[MOST - 1] = 7;
    expect(faults(write_after_most, region));
    end(region);
    expect(data[0] == 0 && data[MOST - 1] == 0);
}

static void data_does_not_grow_beyond_its_reservation(void) {
    double id;
    uint32_t region = create_to_grow(META, 4096, MOST, &id);
    expect(mempool_grow(region, MOST * 2.0) == EINVAL);
    expect(mempool_grow(region, 0) == EINVAL);
    expect(mempool_grow(region, strtod("nan", NULL)) == EINVAL);
    expect(mempool_create(META, DATA, 4096) == -EINVAL);
    mempool_destroy(region, META, 100);
    expect(mempool_grow(region, MOST) == EINVAL);
    mempool_close(region);
}

#if defined(__linux__)

/* Returns the kilobytes that a limit on the process's data (RLIMIT_DATA) counts. */
static long data_kilobytes(void) {
    FILE *file = fopen("/proc/self/status", "r");
    char line[256];
    long kilobytes = -1;
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (sscanf(line, "VmData: %ld kB", &kilobytes) == 1) {
            break;
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return kilobytes;
}

/* Neither a live region nor one at rest counts what it never opened. */
static void only_open_pages_count_as_data(void) {
    const double most = 1024.0 * DATA;
    long before = data_kilobytes();
    expect(before > 0);
    double id;
    uint32_t region = create_to_grow(META, DATA, most, &id);
    expect(data_kilobytes() < before + 16 * 1024);
    expect(mempool_grow(region, 64.0 * DATA) == 0);
    long grown = data_kilobytes();
    expect(!COUNTS_MAPS || (grown >= before + 63 * 1024 && grown < before + 80 * 1024));
    end(region);
    for (int i = 0; i < 20; i++) {
        region = create_to_grow(META, DATA, most, &id);
        unsigned char *data = mempool_data(region);
        expect(data[0] == 0 && data[DATA - 1] == 0);
        data[0] = 7;
        end(region);
    }
    /* qemu adds some megabytes for each range. All of one range would be 1024 MiB. */
    expect(data_kilobytes() < before + 256 * 1024);
}

#endif

static void discarded_pages_are_zero(void) {
    double id;
    uint32_t region = create(META * 4, DATA, &id);
    unsigned char *data = mempool_data(region);
    unsigned char *meta = mempool_meta(region);
    memset(data, 7, DATA);
    memset(meta + META, 7, META);
    expect(mempool_discard(region, MEMPOOL_DATA, 100, 4096) == 0 && data[100] == 7);
    expect(mempool_discard(region, MEMPOOL_DATA, 100, 8192) == 4096);
    expect(data[4095] == 7 && data[4096] == 0 && data[8191] == 0 && data[8192] == 7);
    memset(data, 7, DATA);
    expect(mempool_discard(region, MEMPOOL_META, META, META) == META && meta[META] == 0);
    data[4096] = 7;
    expect(mempool_discard(region, MEMPOOL_DATA, 0, DATA) == DATA && data[4096] == 0);
    end(region);
}

#if !defined(_WIN32) /* there every page counts */

static void discard_counts_only_the_pages_that_are_in_memory(void) {
    double id;
    uint32_t region = create(META, 40 * DATA, &id);
    unsigned char *data = mempool_data(region);
    expect(mempool_discard(region, MEMPOOL_DATA, 0, 40 * DATA) == 0);
    memset(data + 4096, 7, 3 * 4096);
    memset(data + 30 * DATA, 7, 2 * 4096);
    double counted = mempool_discard(region, MEMPOOL_DATA, 8192, 40 * DATA - 8192);
    /* With huge pages, more than the touched pages are in memory. */
    expect(counted >= 4 * 4096 && counted < 40 * DATA);
    expect(data[8191] == 7 && data[8192] == 0 && data[30 * DATA] == 0);
    expect(mempool_discard(region, MEMPOOL_DATA, 12288, 20 * DATA) == 0);
    end(region);
}

#endif

static void zero_and_move_change_only_the_given_bytes(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    unsigned char *data = mempool_data(region);
    for (int i = 0; i < 100; i++) {
        data[i] = (unsigned char)i;
    }
    mempool_move(region, 10, 0, 50);
    expect(data[9] == 9 && data[10] == 0 && data[59] == 49 && data[60] == 60);
    mempool_zero(region, 5, 3);
    expect(data[4] == 4 && data[5] == 0 && data[7] == 0 && data[8] == 8);
    end(region);
}

static void exchange_stores_only_over_the_expected_value(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    int32_t *words = mempool_meta(region);
    expect(mempool_exchange(region, 100, 0, 7) == 0 && words[100] == 7);
    expect(mempool_exchange(region, 100, 0, 9) == 7 && words[100] == 7);
    end(region);
}

static void the_barrier_always_gives_the_same_answer(void) {
    int32_t first = mempool_barrier();
    expect(first == 0 || first == 1);
    expect(mempool_barrier() == first);
}

void test_regions(void) {
    the_version_matches_the_header();
    a_region_is_zero_and_writable();
    guard_pages_fault();
    impossible_sizes_are_refused();
    an_offset_is_the_distance_from_the_first_data_byte();
    an_id_finds_a_live_region_only();
    a_destroyed_region_reads_as_zeros();
    ranges_are_reused_after_a_rest();
    a_range_is_not_reused_for_the_next_eight_regions();
    a_reused_range_is_zero_despite_stale_writers();
    a_stale_reader_never_faults();
    a_reused_range_has_guards();
    a_resting_range_is_at_most_one_mapping();
#if REGION_LIMIT < 1000
    a_full_registry_drops_the_range_that_rested_longest();
    a_registry_full_of_live_regions_refuses_one_more();
#endif
    data_grows_in_place();
    data_does_not_grow_beyond_its_reservation();
#if defined(__linux__)
    only_open_pages_count_as_data();
#endif
    discarded_pages_are_zero();
#if !defined(_WIN32)
    discard_counts_only_the_pages_that_are_in_memory();
#endif
    zero_and_move_change_only_the_given_bytes();
    exchange_stores_only_over_the_expected_value();
    the_barrier_always_gives_the_same_answer();
}
