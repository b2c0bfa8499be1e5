/*
 * The native library of mempool: the operations that JavaScript has no means for.
 *
 * It maps regions, registers and locks them, moves bytes, and tells which threads still run. It knows nothing about
 * blocks: src/region/block_table.ts describes those. Sizes and offsets are doubles, which are exact up to 2^53. Both
 * runtimes pass a double at no cost, whereas a 64-bit integer costs a BigInt.
 *
 * A region consists of these parts, each on pages of its own:
 *
 *     meta    the lock (MEMPOOL_LOCK_BYTES), then the caller's own words
 *     guard   pages without access
 *     data    the blocks
 *     guard   pages without access
 *
 * Thread safety: any thread may call any function. A thread may call a function that takes the index of a region only
 * while it has the region open: after mempool_create or mempool_open, and before the matching mempool_close.
 */
#ifndef MEMPOOL_H
#define MEMPOOL_H

#include <stdint.h>

/* Raise this number whenever a signature or the meaning of a function changes. src/runtime/native.ts mirrors it. */
#define MEMPOOL_ABI 6

/* The space at the start of a region for the lock, enough on any platform. src/region/layout.ts mirrors it. */
#define MEMPOOL_LOCK_BYTES 128

/* The most UTF-16 units of a name. src/runtime/native.ts mirrors it. */
#define MEMPOOL_NAME_LIMIT 200u

/* The parts of a region, as mempool_discard takes them. */
#define MEMPOOL_META 0u
#define MEMPOOL_DATA 1u

/* Results of mempool_open that are not an index. */
#define MEMPOOL_UNKNOWN (-1)
#define MEMPOOL_DESTROYED (-2)

/* Results of mempool_lock. The positive ones are bits: a lock may be both contended and inherited. */
#define MEMPOOL_LOCKED 0
#define MEMPOOL_CONTENDED 1  /* the thread had to wait */
#define MEMPOOL_INHERITED 2  /* the owner died, or this thread never left its last critical section */
#define MEMPOOL_TIMED_OUT (-1)
#define MEMPOOL_LOCK_BROKEN (-2)

#if defined(_WIN32)
#define MEMPOOL_EXPORT __declspec(dllexport)
#else
#define MEMPOOL_EXPORT __attribute__((visibility("default")))
#endif

/* Returns the MEMPOOL_ABI that the library was built with. */
MEMPOOL_EXPORT uint32_t mempool_abi(void);

/* Returns a number that identifies this process and, within it, this copy of the library. */
MEMPOOL_EXPORT double mempool_process(void);

/*
 * Returns the calling thread's id: a whole number above 0 that no other thread of the process ever gets. Returns
 * -EAGAIN if more threads run than the table holds, or another -errno.
 */
MEMPOOL_EXPORT double mempool_thread(void);

/*
 * Returns 1 while the thread with this id runs. Returns 0 once it has ended, for any reason, and for a number that
 * never was an id. When it returns 0, the thread no longer holds any lock.
 */
MEMPOOL_EXPORT int32_t mempool_alive(double thread);

/*
 * For a runtime that runs one isolate after another in the same thread: a new isolate calls it before anything else. If
 * the calling thread has an id, that id counts as ended from now on, as if the thread had ended, and the thread gets
 * another one.
 */
MEMPOOL_EXPORT void mempool_restart(void);

/* Returns 1 if the calling thread had this id before a mempool_restart, otherwise 0. */
MEMPOOL_EXPORT int32_t mempool_earlier(double thread);

/*
 * Maps a region whose data may grow up to most_bytes, and opens it once for the calling thread. Returns the region's
 * id, which is never reused, or -errno. The region is a draft until mempool_publish: it ends once no running thread has
 * it open.
 */
MEMPOOL_EXPORT double mempool_create(double meta_bytes, double data_bytes, double most_bytes);

/*
 * Ends the draft: from now on the region lasts until mempool_destroy. Unless `length` is 0, gives it the name of these
 * UTF-16 units, at most MEMPOOL_NAME_LIMIT of them. Returns the region's id; or, if a live region has that name
 * already, changes nothing and returns the id of that region. The name is free again once its region is destroyed.
 */
MEMPOOL_EXPORT double mempool_publish(uint32_t region, uint32_t length, const uint16_t *units);

/* Returns the id of the live region that has this name, or 0 if there is none. */
MEMPOOL_EXPORT double mempool_find(uint32_t length, const uint16_t *units);

/*
 * Returns the id of a live region without a name that the calling thread has made before a mempool_restart, or 0 if
 * there is none.
 */
MEMPOOL_EXPORT double mempool_left_behind(void);

/*
 * Opens the live region with this id once more for the calling thread. Returns its index, or MEMPOOL_UNKNOWN or
 * MEMPOOL_DESTROYED.
 */
MEMPOOL_EXPORT int32_t mempool_open(double id);

/*
 * Undoes one mempool_create or mempool_open of the calling thread, and releases the lock if that thread holds it. A
 * thread that has ended counts as having closed everything; mempool_create, mempool_open and mempool_close do that for
 * it. A destroyed region, and a draft, gives up all its memory once no thread has it open.
 */
MEMPOOL_EXPORT void mempool_close(uint32_t region);

/*
 * Destroys the region: mempool_open no longer finds its id, and its memory goes back to the system, except for the
 * first keep_bytes of meta. The addresses stay mapped as zero pages, so a stale reader reads zeros. The memory of meta
 * is given back only if the lock is acquired within timeout_ms, because a thread inside a critical section still uses
 * it.
 */
MEMPOOL_EXPORT void mempool_destroy(uint32_t region, double keep_bytes, uint32_t timeout_ms);

/*
 * Extends the data of a live region to data_bytes unless it is that long already. The new bytes are zero, and every
 * thread may use them. Returns an errno.
 */
MEMPOOL_EXPORT int32_t mempool_grow(uint32_t region, double data_bytes);

/*
 * Gives the memory of the whole pages among these bytes of a part back to the system. Those pages are zero afterwards;
 * the bytes in other pages stay. Returns the number of bytes that the pages occupied in memory, which is 0 if the
 * program has not touched them since the last call; pages that were swapped out go back but do not count. Returns 0
 * and changes nothing if there is no whole page or the system refuses. If the system cannot tell which pages are in
 * memory, all count.
 */
MEMPOOL_EXPORT double mempool_discard(uint32_t region, uint32_t part, double offset, double bytes);

/*
 * Return the first byte and the length of each part. The length of meta is in whole pages. The length of data is the
 * one that it may grow to.
 */
MEMPOOL_EXPORT void *mempool_meta(uint32_t region);
MEMPOOL_EXPORT void *mempool_data(uint32_t region);
MEMPOOL_EXPORT double mempool_meta_bytes(uint32_t region);
MEMPOOL_EXPORT double mempool_data_bytes(uint32_t region);

/* Returns the distance of an address from the first data byte, or -1 if the address lies outside the data. */
MEMPOOL_EXPORT double mempool_offset(uint32_t region, const void *address);

/* Acquires the lock, and waits for it at most timeout_ms. Returns one of the results above. */
MEMPOOL_EXPORT int32_t mempool_lock(uint32_t region, uint32_t timeout_ms);

/* Releases the lock. */
MEMPOOL_EXPORT void mempool_unlock(uint32_t region);

/*
 * Compares and exchanges a 32-bit word of meta, sequentially consistent. Returns the word's previous value. It does the
 * same as Atomics.compareExchange, for the runtime in which a foreign call costs less.
 */
MEMPOOL_EXPORT int32_t mempool_exchange(uint32_t region, uint32_t word, int32_t expected, int32_t replacement);

/*
 * Asymmetric barrier. When it returns 1, every thread of the process has executed a full memory barrier since the call,
 * so the other threads need only plain stores and loads in program order. Returns 0 and has no effect if the system or
 * the processor cannot guarantee that. It takes microseconds, because it interrupts the other threads.
 */
MEMPOOL_EXPORT int32_t mempool_barrier(void);

/* memset to 0 and memmove within the data. The caller makes sure that the ranges lie inside it. */
MEMPOOL_EXPORT void mempool_zero(uint32_t region, double offset, double bytes);
MEMPOOL_EXPORT void mempool_move(uint32_t region, double to, double from, double bytes);

#endif
