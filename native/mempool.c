/*
 * The calls on a region that the caller has open: its lock, its addresses, its memory.
 *
 * The registry's lock is not needed. While a region is open, its addresses and the sizes used here do not change.
 */
#include "internal.h"

#include <string.h>

uint32_t mempool_abi(void) {
    return MEMPOOL_ABI;
}

/* ---- the lock ---- */

int32_t mempool_lock(uint32_t region, uint32_t timeout_ms) {
    return lock_acquire(lock_of(&regions[region]), timeout_ms);
}

void mempool_unlock(uint32_t region) {
    lock_release(lock_of(&regions[region]));
}

/* ---- addresses ---- */

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

/* ---- memory ---- */

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

double mempool_discard(uint32_t region, uint32_t part, double offset, double bytes) {
    size_t page = os_page_size();
    unsigned char *base = part == MEMPOOL_META ? regions[region].base : regions[region].data;
    size_t from = round_up((size_t)offset, page);
    size_t to = (size_t)(offset + bytes) / page * page;
    if (from >= to) {
        return 0;
    }
    size_t resident = os_resident(base + from, to - from);
    return os_discard(base + from, to - from) == 0 ? (double)resident : 0;
}
