#include "internal.h"

#include <errno.h>
#include <string.h>

/* ---- constants ---- */

/*
 * Ranges of destroyed pools of one size that rest before one is used again, so that a stale buffer meets zeros, not a
 * new pool.
 */
#define QUARANTINE 8u

/* No system that we know maps more than 2^47 bytes for one process. */
#define ADDRESS_LIMIT 140737488355328.0

_Static_assert(sizeof(region_lock) <= MEMPOOL_LOCK_BYTES, "the lock fits into its room");

/* ---- structures ---- */

typedef enum {
    UNUSED,    /* no range, or none that anybody knows of */
    LIVE,      /* can be opened */
    DESTROYED, /* waits for the last close, or the end of the last thread that has it open */
    RETIRED,   /* nobody is left; the range may be used again, and until then stale buffers may use it */
} region_state;

typedef struct {
    region_state state;
    uint32_t open_count;   /* only valid if LIVE or DESTROYED */
    double id;             /* the last region that used this entry */
    double retired_at;     /* a sequence number; only valid if RETIRED */
    unsigned char *base;   /* first byte of meta; valid unless UNUSED, and so are the next three */
    unsigned char *data;
    size_t meta_reserved;  /* without its guard page */
    size_t data_reserved;
    size_t meta_bytes;     /* readable and writable, in whole pages */
    size_t data_bytes;     /* what the data may grow to */
    size_t data_open;      /* readable and writable, in whole pages; never shrinks: stale buffers */
} region_entry;

static region_entry regions[REGION_LIMIT];
static uint32_t region_count; /* entries ever used */
static double next_sequence = 1;
static os_mutex registry = OS_MUTEX_INITIALIZER;

/* ---- sizes ---- */

static size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

/*
 * Reservations come in four sizes a doubling, so that the ranges of destroyed pools fit new ones and the address
 * space in use has a bound. It costs at most a quarter of address space, and no memory.
 */
static size_t size_class(size_t bytes) {
    size_t step = os_page_size();
    while (step < bytes / 8) {
        step *= 2;
    }
    return round_up(bytes, step);
}

static size_t reserved_bytes(const region_entry *entry) {
    return entry->meta_reserved + os_page_size() + entry->data_reserved + os_page_size();
}

/* ---- the parts of a region ---- */

static int guard_parts(const region_entry *entry) {
    int error = os_guard(entry->base + entry->meta_bytes, entry->data);
    return error != 0 ? error : os_guard(entry->data + entry->data_open, entry->base + reserved_bytes(entry));
}

static int open_parts(const region_entry *entry) {
    int error = os_open(entry->base, entry->base + entry->meta_bytes);
    return error != 0 ? error : os_open(entry->data, entry->data + entry->data_open);
}

#if defined(_WIN32)

bool region_covers(const unsigned char *address) {
    for (uint32_t i = 0; i < region_count; i++) {
        const region_entry *entry = &regions[i];
        bool in_meta = address >= entry->base && address < entry->base + entry->meta_bytes;
        bool in_data = address >= entry->data && address < entry->data + entry->data_open;
        if (entry->state != UNUSED && (in_meta || in_data)) {
            return true;
        }
    }
    return false;
}

#endif

static region_lock *lock_of(const region_entry *entry) {
    return (region_lock *)(void *)entry->base;
}

static uint32_t index_of(const region_entry *entry) {
    return (uint32_t)(entry - regions);
}

/* ---- the registry; all of this with `registry` held ---- */

/* The range that has rested longest, and how many rest; of these sizes, or of all if they are 0. */
static region_entry *longest_retired(size_t meta_reserved, size_t data_reserved, uint32_t *resting) {
    region_entry *longest = NULL;
    *resting = 0;
    for (uint32_t i = 0; i < region_count; i++) {
        region_entry *entry = &regions[i];
        bool fits = meta_reserved == 0
            || (entry->meta_reserved == meta_reserved && entry->data_reserved == data_reserved);
        if (entry->state == RETIRED && fits) {
            ++*resting;
            longest = longest == NULL || entry->retired_at < longest->retired_at ? entry : longest;
        }
    }
    return longest;
}

/*
 * An entry without a range. If there is none, the range that has rested longest is forgotten: it stays mapped, because
 * of stale buffers, and nobody uses it again.
 */
static region_entry *unused_entry(void) {
    for (uint32_t i = 0; i < region_count; i++) {
        if (regions[i].state == UNUSED) {
            return &regions[i];
        }
    }
    if (region_count < REGION_LIMIT) {
        return &regions[region_count++];
    }
    uint32_t resting;
    region_entry *forgotten = longest_retired(0, 0, &resting);
    if (forgotten != NULL) {
        os_open(forgotten->data, forgotten->data + forgotten->data_open);
        forgotten->state = UNUSED;
    }
    return forgotten;
}

/* Gives an unused entry a range, or returns an errno. */
static int reserve(region_entry *entry, size_t meta_reserved, size_t data_reserved) {
    entry->meta_reserved = meta_reserved;
    entry->data_reserved = data_reserved;
    entry->data_open = 0;
    int error;
    entry->base = os_reserve(reserved_bytes(entry), &error);
    if (error == 0) {
        entry->data = entry->base + meta_reserved + os_page_size();
    }
    return error;
}

/* An entry with a range all of zero pages; it is still RETIRED or UNUSED. Returns an errno. */
static int find_range(size_t meta_reserved, size_t data_reserved, region_entry **found) {
    uint32_t resting;
    *found = longest_retired(meta_reserved, data_reserved, &resting);
    if (resting > QUARANTINE) {
        /* Stale buffers may have written there while it rested. */
        return os_renew((*found)->base, reserved_bytes(*found));
    }
    *found = unused_entry();
    return *found == NULL ? ENFILE : reserve(*found, meta_reserved, data_reserved);
}

/* One mapping from end to end, because a process may have so many only. */
static void retire(region_entry *entry) {
    os_give_back(entry->base, reserved_bytes(entry));
    entry->state = RETIRED;
    entry->retired_at = next_sequence;
}

/* Undoes find_range. A new range, which nobody has seen, need not stay. */
static void abandon(region_entry *entry) {
    if (entry->state == RETIRED || os_release(entry->base, reserved_bytes(entry)) != 0) {
        retire(entry);
    }
}

/* Ends the holds of threads that have ended. A destroyed region that nobody holds any more gives up its memory. */
static void sweep(region_entry *entry) {
    entry->open_count -= holds_of_the_dead(index_of(entry));
    if (entry->open_count == 0 && entry->state == DESTROYED) {
        lock_leave(lock_of(entry));
        lock_unmake(lock_of(entry));
        retire(entry);
    }
}

static void sweep_destroyed(void) {
    for (uint32_t i = 0; i < region_count; i++) {
        if (regions[i].state == DESTROYED) {
            sweep(&regions[i]);
        }
    }
}

static int make_region(size_t meta_bytes, size_t data_bytes, size_t most_bytes, region_entry **made) {
    size_t page = os_page_size();
    region_entry *entry;
    int error = find_range(size_class(round_up(meta_bytes, page)), size_class(round_up(most_bytes, page)), &entry);
    if (error != 0) {
        return error;
    }
    size_t data_open = round_up(data_bytes, page);
    entry->meta_bytes = round_up(meta_bytes, page);
    entry->data_bytes = most_bytes;
    entry->data_open = data_open > entry->data_open ? data_open : entry->data_open;
    error = guard_parts(entry);
    if (error == 0) {
        error = open_parts(entry);
    }
    if (error == 0) {
        error = lock_make(lock_of(entry));
    }
    if (error != 0) {
        abandon(entry);
        return error;
    }
    entry->state = LIVE;
    entry->open_count = 1;
    entry->id = next_sequence++ * REGION_LIMIT + index_of(entry);
    *made = entry;
    return 0;
}

static int open_more(region_entry *entry, size_t data_open) {
    if (entry->state != LIVE || data_open > entry->data_reserved) {
        return EINVAL;
    }
    if (data_open <= entry->data_open) {
        return 0;
    }
    int error = os_unguard(entry->data + entry->data_open, entry->data + data_open);
    if (error == 0) {
        entry->data_open = data_open;
    }
    return error;
}

static bool issued(double id) {
    return id >= REGION_LIMIT && id < next_sequence * REGION_LIMIT && id == (double)(uint64_t)id;
}

static int32_t open_region(double id, double thread) {
    if (!issued(id)) {
        return MEMPOOL_UNKNOWN;
    }
    uint32_t index = (uint32_t)((uint64_t)id % REGION_LIMIT);
    region_entry *entry = &regions[index];
    if (entry->id != id || entry->state != LIVE) {
        return MEMPOOL_DESTROYED;
    }
    sweep(entry);
    entry->open_count++;
    hold_begin(index, thread);
    return (int32_t)index;
}

/* ---- public operations ---- */

uint32_t mempool_abi(void) {
    return MEMPOOL_ABI;
}

double mempool_process(void) {
    static uint64_t nonce;
    os_mutex_lock(&registry);
    if (nonce == 0) {
        nonce = (os_nonce() >> 12) | 1;
    }
    os_mutex_unlock(&registry);
    return (double)nonce;
}

double mempool_create(double meta_bytes, double data_bytes, double most_bytes) {
    bool ordered = meta_bytes >= MEMPOOL_LOCK_BYTES && data_bytes >= 1 && data_bytes <= most_bytes;
    if (!(ordered && meta_bytes + most_bytes <= ADDRESS_LIMIT)) {
        return -EINVAL;
    }
    double thread = mempool_thread();
    region_entry *made = NULL;
    os_mutex_lock(&registry);
    sweep_destroyed();
    int error = make_region((size_t)meta_bytes, (size_t)data_bytes, (size_t)most_bytes, &made);
    double id = -error;
    if (error == 0) {
        hold_begin(index_of(made), thread);
        id = made->id;
    }
    os_mutex_unlock(&registry);
    return id;
}

int32_t mempool_open(double id) {
    double thread = mempool_thread();
    os_mutex_lock(&registry);
    int32_t answer = open_region(id, thread);
    os_mutex_unlock(&registry);
    return answer;
}

void mempool_close(uint32_t region) {
    region_entry *entry = &regions[region];
    double thread = mempool_thread();
    /* An exception may have thrown it out of a critical section. Its list of mutexes must not lead to other pages. */
    lock_leave(lock_of(entry));
    os_mutex_lock(&registry);
    hold_end(region, thread);
    entry->open_count--;
    sweep(entry);
    os_mutex_unlock(&registry);
}

void mempool_destroy(uint32_t region, double keep_bytes, uint32_t timeout_ms) {
    region_entry *entry = &regions[region];
    os_mutex_lock(&registry);
    bool first = entry->state == LIVE;
    entry->state = DESTROYED;
    if (first) {
        os_give_back(entry->data, entry->data_open);
    }
    os_mutex_unlock(&registry);
    size_t keep = round_up((size_t)keep_bytes, os_page_size());
    if (first && keep < entry->meta_bytes && mempool_lock(region, timeout_ms) >= 0) {
        os_give_back(entry->base + keep, entry->meta_bytes - keep);
        mempool_unlock(region);
    }
}

int32_t mempool_grow(uint32_t region, double data_bytes) {
    if (!(data_bytes >= 1 && data_bytes <= ADDRESS_LIMIT)) {
        return EINVAL;
    }
    os_mutex_lock(&registry);
    int error = open_more(&regions[region], round_up((size_t)data_bytes, os_page_size()));
    os_mutex_unlock(&registry);
    return error;
}

double mempool_discard(uint32_t region, uint32_t part, double offset, double bytes) {
    size_t page = os_page_size();
    unsigned char *base = part == MEMPOOL_META ? regions[region].base : regions[region].data;
    size_t from = round_up((size_t)offset, page);
    size_t to = (size_t)(offset + bytes) / page * page;
    if (from >= to || os_discard(base + from, to - from) != 0) {
        return 0;
    }
    memset(base + (size_t)offset, 0, from - (size_t)offset);
    memset(base + to, 0, (size_t)(offset + bytes) - to);
    return (double)(to - from);
}

int32_t mempool_lock(uint32_t region, uint32_t timeout_ms) {
    return lock_take(lock_of(&regions[region]), timeout_ms);
}

void mempool_unlock(uint32_t region) {
    lock_release(lock_of(&regions[region]));
}

void *mempool_meta(uint32_t region) {
    return regions[region].base;
}

void *mempool_data(uint32_t region) {
    return regions[region].data;
}

double mempool_meta_bytes(uint32_t region) {
    return (double)regions[region].meta_bytes;
}

double mempool_data_bytes(uint32_t region) {
    return (double)regions[region].data_bytes;
}

double mempool_offset(uint32_t region, const void *address) {
    uintptr_t first = (uintptr_t)regions[region].data;
    uintptr_t wanted = (uintptr_t)address;
    return wanted >= first && wanted - first < regions[region].data_bytes ? (double)(wanted - first) : -1;
}

int32_t mempool_exchange(uint32_t region, uint32_t word, int32_t expected, int32_t replacement) {
    int32_t *words = (int32_t *)(void *)regions[region].base;
    __atomic_compare_exchange_n(&words[word], &expected, replacement, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST);
    return expected;
}

void mempool_zero(uint32_t region, double offset, double bytes) {
    memset(regions[region].data + (size_t)offset, 0, (size_t)bytes);
}

void mempool_move(uint32_t region, double to, double from, double bytes) {
    unsigned char *data = regions[region].data;
    memmove(data + (size_t)to, data + (size_t)from, (size_t)bytes);
}
