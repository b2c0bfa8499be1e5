/*
 * The native side of mempool: what JavaScript cannot do by itself.
 *
 * It maps regions, keeps a registry of them, locks them, moves bytes, and knows which threads still run. It does no
 * bookkeeping of blocks: that is src/table.ts. Sizes and offsets are doubles, exact up to 2^53, because both runtimes
 * pass a double at no cost and a 64-bit integer at the price of a BigInt.
 *
 * A region, each part on pages of its own:
 *
 *     meta    the lock (MEMPOOL_LOCK_BYTES), then whatever the caller keeps there
 *     guard   no access
 *     data    the blocks
 *     guard   no access
 *
 * Thread safety: every function may be called from any thread. A function that takes the index of a region may be
 * called by a thread that has created or opened it and not yet closed.
 */
#ifndef MEMPOOL_H
#define MEMPOOL_H

#include <stdint.h>

/* Raise it with every change of a signature or of the meaning of a function; src/ffi/native.ts mirrors it. */
#define MEMPOOL_ABI 4

/* Room at the start of a region for the lock of any platform. src/layout.ts mirrors it. */
#define MEMPOOL_LOCK_BYTES 128

/* The parts of a region, for mempool_discard. */
#define MEMPOOL_META 0u
#define MEMPOOL_DATA 1u

/* What mempool_open says instead of an index. */
#define MEMPOOL_UNKNOWN (-1)
#define MEMPOOL_DESTROYED (-2)

/* What mempool_lock returns. Bits: a lock may be both contended and inherited. */
#define MEMPOOL_LOCKED 0
#define MEMPOOL_CONTENDED 1  /* it had to wait */
#define MEMPOOL_INHERITED 2  /* the owner died, or this thread was thrown out of its critical section */
#define MEMPOOL_TIMED_OUT (-1)
#define MEMPOOL_LOCK_BROKEN (-2)

#if defined(_WIN32)
#define MEMPOOL_EXPORT __declspec(dllexport)
#else
#define MEMPOOL_EXPORT __attribute__((visibility("default")))
#endif

/* MEMPOOL_ABI of the library that was loaded. */
MEMPOOL_EXPORT uint32_t mempool_abi(void);

/* A number that tells this process, and this copy of the library in it, from any other. */
MEMPOOL_EXPORT double mempool_process(void);

/*
 * The calling thread's id: a whole number above 0 that no other thread of the process ever has. -EAGAIN when more
 * threads run than the table has room for, or another -errno.
 */
MEMPOOL_EXPORT double mempool_thread(void);

/*
 * 1 while the thread with this id runs; 0 once it has ended, however it did, and for what never was an id. When it
 * returns 0, every lock of the thread has been given up.
 */
MEMPOOL_EXPORT int32_t mempool_alive(double thread);

/*
 * Maps a region whose data may grow up to most_bytes, opened once for the caller. Returns its id, never used again, or
 * -errno.
 */
MEMPOOL_EXPORT double mempool_create(double meta_bytes, double data_bytes, double most_bytes);

/* The index of the live region with this id, or MEMPOOL_UNKNOWN or MEMPOOL_DESTROYED. */
MEMPOOL_EXPORT int32_t mempool_open(double id);

/*
 * Ends one mempool_create or mempool_open of the calling thread, and its hold on the lock if it has that. A thread that
 * ends is taken to have closed all: that is looked after in mempool_create, mempool_open and mempool_close. When a
 * destroyed region is open nowhere any more, it gives up all its memory.
 */
MEMPOOL_EXPORT void mempool_close(uint32_t region);

/*
 * Takes the region's number out of circulation and its memory back, but for the first keep_bytes of meta.
 * The addresses stay mapped, as zero pages: a stale reader reads zeros. Meta is taken only if the lock can be had
 * within timeout_ms, because a thread inside a critical section still works there.
 */
MEMPOOL_EXPORT void mempool_destroy(uint32_t region, double keep_bytes, uint32_t timeout_ms);

/* Lets the data of a live region reach to data_bytes, if they do not: zeros, for every thread. Returns an errno. */
MEMPOOL_EXPORT int32_t mempool_grow(uint32_t region, double data_bytes);

/*
 * Makes these bytes of a part 0, by giving the memory of the whole pages among them back to the system. Returns how many
 * bytes those pages have; 0, and has done nothing, where there is no whole page or the system refuses.
 */
MEMPOOL_EXPORT double mempool_discard(uint32_t region, uint32_t part, double offset, double bytes);

/* Each part: its first byte, and how many bytes there are; meta in whole pages, of data those that there may be. */
MEMPOOL_EXPORT void *mempool_meta(uint32_t region);
MEMPOOL_EXPORT void *mempool_data(uint32_t region);
MEMPOOL_EXPORT double mempool_meta_bytes(uint32_t region);
MEMPOOL_EXPORT double mempool_data_bytes(uint32_t region);

/* Distance of an address from the first data byte, or -1 when it lies outside of the data. */
MEMPOOL_EXPORT double mempool_offset(uint32_t region, const void *address);

/* Takes the lock, waiting at most timeout_ms. */
MEMPOOL_EXPORT int32_t mempool_lock(uint32_t region, uint32_t timeout_ms);
MEMPOOL_EXPORT void mempool_unlock(uint32_t region);

/*
 * Compare-and-exchange on a 32-bit word of meta, sequentially consistent; returns what stood there. The same as
 * Atomics.compareExchange, for the runtime where a foreign call costs less than that.
 */
MEMPOOL_EXPORT int32_t mempool_exchange(uint32_t region, uint32_t word, int32_t expected, int32_t replacement);

/*
 * Asymmetric barrier: when it returns 1, every thread of the process has executed a full memory barrier since it was
 * called, and so the threads themselves may do with plain stores and loads in program order. Returns 0, and has done
 * nothing, where system or processor cannot promise that. Microseconds; the other threads are interrupted.
 */
MEMPOOL_EXPORT int32_t mempool_barrier(void);

/* memset to 0 and memmove on the data; the caller keeps the ranges inside of it. */
MEMPOOL_EXPORT void mempool_zero(uint32_t region, double offset, double bytes);
MEMPOOL_EXPORT void mempool_move(uint32_t region, double to, double from, double bytes);

#endif
