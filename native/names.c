/*
 * Names: which live region has which name.
 *
 * A name belongs to a region and not to a thread, and only the names of live regions count. So there is nothing to give
 * up when a thread ends, and destroying a region frees its name.
 *
 * The callers hold the registry's lock.
 */
#include "internal.h"

typedef struct {
    uint32_t length; /* 0 if the region has no name */
    uint16_t units[MEMPOOL_NAME_LIMIT];
} region_name;

static region_name names[REGION_LIMIT];

static bool has_name(const region_name *name, const uint16_t *units, uint32_t length) {
    bool equal = length > 0 && name->length == length;
    for (uint32_t i = 0; equal && i < length; i++) {
        equal = name->units[i] == units[i];
    }
    return equal;
}

void name_set(const region_entry *entry, const uint16_t *units, uint32_t length) {
    region_name *name = &names[index_of(entry)];
    name->length = length;
    for (uint32_t i = 0; i < length; i++) {
        name->units[i] = units[i];
    }
}

bool name_given(const region_entry *entry) {
    return names[index_of(entry)].length > 0;
}

region_entry *name_find(const uint16_t *units, uint32_t length) {
    for (uint32_t i = 0; i < region_count; i++) {
        if (regions[i].state == LIVE && has_name(&names[i], units, length)) {
            return &regions[i];
        }
    }
    return NULL;
}
