/*
 * The address ranges that regions occupy.
 *
 * A range outlives its region. Stale buffers of a destroyed pool still point into the range, so its addresses stay
 * mapped and read as zeros. A range then rests for a while before a new region of the same size reuses it; see
 * QUARANTINE.
 *
 * The callers hold the registry's lock, except those of region_covers.
 */
#include "internal.h"

#include <errno.h>

/*
 * A range is reused only if more than this number of ranges of its size are at rest. Until then a stale buffer reads
 * zeros and not the data of a new pool.
 */
#define QUARANTINE 8u

region_entry regions[REGION_LIMIT];
uint32_t region_count;

static uint64_t openings; /* calls of range_open that succeeded */

/* ---- sizes ---- */

/*
 * Reservations come in four sizes per doubling. The range of a destroyed pool therefore often fits a new pool, and the
 * address space in use stays bounded. Rounding up costs at most a quarter of the address space and no memory.
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

/* The bytes from the first page of meta to the last page of the data that is, or was, open. */
static size_t open_bytes(const region_entry *entry) {
    return (size_t)(entry->data - entry->base) + entry->data_open;
}

/* ---- the parts of a range ---- */

static int guard_parts(const region_entry *entry) {
    int error = os_guard(entry->base + entry->meta_bytes, entry->data);
    return error != 0 ? error : os_guard(entry->data + entry->data_open, entry->base + reserved_bytes(entry));
}

static int open_parts(const region_entry *entry) {
    int error = os_open(entry->base, entry->base + entry->meta_bytes);
    return error != 0 ? error : os_open(entry->data, entry->data + entry->data_open);
}

int range_open(region_entry *entry, size_t meta_bytes, size_t data_bytes, size_t most_bytes) {
    size_t data_open = round_up(data_bytes, os_page_size());
    entry->meta_bytes = round_up(meta_bytes, os_page_size());
    entry->data_bytes = most_bytes;
    entry->data_open = data_open > entry->data_open ? data_open : entry->data_open;
    int error = guard_parts(entry);
    if (error == 0) {
        error = open_parts(entry);
    }
    openings += error == 0;
    return error;
}

int range_extend(region_entry *entry, size_t data_open) {
    if (data_open > entry->data_reserved) {
        return EINVAL;
    }
    if (data_open <= entry->data_open) {
        return 0;
    }
    int error = os_open(entry->data + entry->data_open, entry->data + data_open);
    if (error == 0) {
        entry->data_open = data_open;
    }
    return error;
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

/* ---- reuse ---- */

/*
 * Returns the entry whose range has rested longest, or NULL, and counts the ranges at rest. Looks only at ranges of
 * these sizes, or at all ranges if meta_reserved is 0.
 */
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
 * Returns an entry without a range, or NULL. If all entries have one, the entry that has rested longest gives its range
 * up for good: the range stays mapped for stale buffers but is never reused.
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

/* Gives an unused entry a new range. Returns an errno. */
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

int range_find(size_t meta_bytes, size_t most_bytes, region_entry **found) {
    size_t meta_reserved = size_class(round_up(meta_bytes, os_page_size()));
    size_t data_reserved = size_class(round_up(most_bytes, os_page_size()));
    uint32_t resting;
    *found = longest_retired(meta_reserved, data_reserved, &resting);
    if (resting > QUARANTINE) {
        /* Stale buffers may have been written to while the range rested. */
        return os_renew((*found)->base, open_bytes(*found));
    }
    *found = unused_entry();
    return *found == NULL ? ENFILE : reserve(*found, meta_reserved, data_reserved);
}

void range_retire(region_entry *entry) {
    /*
     * This leaves one mapping from end to end; a process may have only a limited number of mappings. Of a region that
     * could have grown further, the rest stays without access, or a limit on the process's data would count it. Stale
     * buffers never lead there.
     */
    bool all_open = entry->data_open >= entry->data_bytes;
    os_give_back(entry->base, all_open ? reserved_bytes(entry) : open_bytes(entry));
    entry->state = RETIRED;
    entry->retired_at = openings;
}

void range_release(region_entry *entry) {
    /* Stale buffers may point into a range that was retired before. */
    if (entry->state == RETIRED || os_release(entry->base, reserved_bytes(entry)) != 0) {
        range_retire(entry);
    }
}
