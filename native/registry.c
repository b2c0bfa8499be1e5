/*
 * The registry: which regions exist, who has them open, what they are called, and when they end.
 *
 * One lock protects it. No function here keeps that lock while it waits for a region's lock.
 */
#include "internal.h"

#include <errno.h>

/* No known system maps more than 2^47 bytes for one process. */
#define ADDRESS_LIMIT 140737488355328.0

_Static_assert(sizeof(region_lock) <= MEMPOOL_LOCK_BYTES, "the lock fits into its place in meta");

static os_mutex registry = OS_MUTEX_INITIALIZER;
static double next_sequence = 1; /* of the next id */

/* ---- with `registry` held ---- */

/* Whether the region ends once no thread has it open. */
static bool ends_with_holders(const region_entry *entry) {
    return entry->state == DESTROYED || (entry->state == LIVE && entry->draft);
}

/*
 * Removes the holds of threads that have ended. A destroyed region or a draft that no thread has open any more gives up
 * its memory.
 */
static void sweep(region_entry *entry) {
    entry->open_count -= holds_remove_ended(index_of(entry));
    if (entry->open_count == 0 && ends_with_holders(entry)) {
        lock_leave(lock_of(entry));
        lock_destroy(lock_of(entry));
        range_retire(entry);
    }
}

static void sweep_ending(void) {
    for (uint32_t i = 0; i < region_count; i++) {
        if (ends_with_holders(&regions[i])) {
            sweep(&regions[i]);
        }
    }
}

static int make_region(size_t meta_bytes, size_t data_bytes, size_t most_bytes, region_entry **made) {
    region_entry *entry;
    int error = range_find(meta_bytes, most_bytes, &entry);
    if (error != 0) {
        return error;
    }
    error = range_open(entry, meta_bytes, data_bytes, most_bytes);
    if (error == 0) {
        error = lock_init(lock_of(entry));
    }
    if (error != 0) {
        range_release(entry);
        return error;
    }
    name_set(entry, NULL, 0);
    entry->state = LIVE;
    entry->draft = true;
    entry->open_count = 1;
    entry->id = next_sequence++ * REGION_LIMIT + index_of(entry);
    *made = entry;
    return 0;
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
    hold_add(index, thread);
    return (int32_t)index;
}

/* ---- exported functions ---- */

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
    sweep_ending();
    int error = make_region((size_t)meta_bytes, (size_t)data_bytes, (size_t)most_bytes, &made);
    double id = -error;
    if (error == 0) {
        hold_add(index_of(made), thread);
        made->maker = thread;
        id = made->id;
    }
    os_mutex_unlock(&registry);
    return id;
}

double mempool_publish(uint32_t region, uint32_t length, const uint16_t *units) {
    os_mutex_lock(&registry);
    region_entry *named = name_find(units, length);
    if (named == NULL) {
        named = &regions[region];
        named->draft = false;
        name_set(named, units, length);
    }
    double id = named->id;
    os_mutex_unlock(&registry);
    return id;
}

double mempool_find(uint32_t length, const uint16_t *units) {
    os_mutex_lock(&registry);
    const region_entry *named = name_find(units, length);
    double id = named == NULL ? 0 : named->id;
    os_mutex_unlock(&registry);
    return id;
}

double mempool_left_behind(void) {
    double id = 0;
    os_mutex_lock(&registry);
    for (uint32_t i = 0; i < region_count && id == 0; i++) {
        const region_entry *entry = &regions[i];
        bool left = entry->state == LIVE && !name_given(entry) && mempool_earlier(entry->maker) != 0;
        id = left ? entry->id : 0;
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
    /*
     * An exception may have left a critical section without an unlock. The system's list of the mutexes that this
     * thread holds must not lead into a range that is reused.
     */
    lock_leave(lock_of(entry));
    os_mutex_lock(&registry);
    hold_remove(region, thread);
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
    if (first && keep < entry->meta_bytes && lock_acquire(lock_of(entry), timeout_ms) >= 0) {
        os_give_back(entry->base + keep, entry->meta_bytes - keep);
        lock_release(lock_of(entry));
    }
}

int32_t mempool_grow(uint32_t region, double data_bytes) {
    if (!(data_bytes >= 1 && data_bytes <= ADDRESS_LIMIT)) {
        return EINVAL;
    }
    region_entry *entry = &regions[region];
    os_mutex_lock(&registry);
    int error = entry->state != LIVE ? EINVAL : range_extend(entry, round_up((size_t)data_bytes, os_page_size()));
    os_mutex_unlock(&registry);
    return error;
}
