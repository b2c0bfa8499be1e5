/*
 * The declarations that the files of the native library share and do not export.
 *
 * A file calls only functions of the files in the rows below its own. tests/native/order_test.ts checks this table.
 *
 *     file                           its job                                               calls
 *
 *     entry_windows.c                entry points for Windows: loading, fault handler      ranges, os
 *     mempool.c                      calls on an open region: lock, addresses, memory      lock, ranges, os
 *     registry.c                     which regions exist, who has them open, their end     all below
 *     names.c                        which live region has which name                      ranges
 *     holds.c                        which thread has which region open                    threads
 *     ranges.c                       the address ranges of regions, and their reuse        os
 *     lock_robust.c, lock_owner.c    the lock of a region, with and without robust mutex   threads, os
 *     threads.c                      ids of threads, and which threads still run           os
 *     os_posix.c, os_windows.c       the system: memory, clock, waiting, barrier           nothing
 *
 * Every platform compiles all files. A file that is not meant for the platform is empty there.
 */
#ifndef MEMPOOL_INTERNAL_H
#define MEMPOOL_INTERNAL_H

/* This must precede the system's headers. Robust mutexes, among others, are beyond ISO C. */
#if defined(__linux__)
#define _GNU_SOURCE
#endif

#include "mempool.h"

#if defined(_WIN32)
#define WIN32_LEAN_AND_MEAN
#include <windows.h>
#else
#include <pthread.h>
#endif
#include <stdbool.h>
#include <stddef.h>

/*
 * The sizes of the tables. An id is sequence * limit + index, so it leads to its entry without a search. Tests also
 * build the library with tables that are small enough to fill.
 */
#ifndef REGION_LIMIT
#define REGION_LIMIT 16384u
#endif
#ifndef THREAD_LIMIT
#define THREAD_LIMIT 4096u
#endif
#ifndef HOLD_LIMIT
#define HOLD_LIMIT 262144u
#endif

/* Tests define NO_ROBUST_MUTEX to run, on Linux, the code of systems without robust mutexes. */
#if (defined(__linux__) || defined(__FreeBSD__)) && !defined(NO_ROBUST_MUTEX)
#define HAVE_ROBUST_MUTEX 1
#endif

/*
 * Marks a variable that several files of the library share. Without it, the compiler would read the variable's address
 * from a table, as if another library could define it. GCC for Windows has no such attribute, and only compiles tests.
 */
#if defined(_WIN32) && !defined(__clang__)
#define SHARED
#else
#define SHARED __attribute__((visibility("hidden")))
#endif

static inline size_t round_up(size_t bytes, size_t unit) {
    return (bytes + unit - 1) / unit * unit;
}

/* ---- os_posix.c, os_windows.c: memory ---- */

size_t os_page_size(void);

/*
 * Reserves a new range of addresses. Returns NULL if that fails, and stores an errno or 0 in `error`. An access to a
 * page that was not opened may fault; an opened page is zero.
 */
unsigned char *os_reserve(size_t bytes, int *error);

/* Releases a range that no other thread has seen. Returns an errno. */
int os_release(unsigned char *range, size_t bytes);

/*
 * Makes whole pages readable and writable. Pages that were not open before are zero. A new range and a renewed one must
 * be opened first. Returns an errno.
 */
int os_open(unsigned char *from, unsigned char *to);

/* Removes all access from whole pages. Returns an errno. */
int os_guard(unsigned char *from, unsigned char *to);

/*
 * Returns how many bytes of these whole pages are in memory. A page about which the system says nothing counts.
 */
size_t os_resident(unsigned char *where, size_t bytes);

/* Zeroes whole pages that are open by giving their memory back. Returns an errno. */
int os_discard(unsigned char *where, size_t bytes);

/*
 * Makes a range zero again, including guards inside it. A thread that reads pages that were open does not fault in the
 * meantime. Returns an errno.
 */
int os_renew(unsigned char *range, size_t bytes);

/* Gives memory back as far as the system permits. The addresses stay valid, and pages that were open read as zeros. */
void os_give_back(unsigned char *where, size_t bytes);

/* ---- os_posix.c, os_windows.c: everything else ---- */

/* Reads a monotonic clock. Returns false if the system has none. */
bool os_clock(int64_t *ms);

/* Returns 64 random bits, or bits of the time and the process id if the system provides no random ones. */
uint64_t os_nonce(void);

/* Sleeps for at most `ms` while the word has the value `seen`. It may return early. */
void os_wait(uint64_t *word, uint64_t seen, uint32_t ms);

/* Wakes one thread that waits for the word to change. */
void os_wake(uint64_t *word);

/* A mutex for the library's own tables. No thread ends, and no exception is thrown, while it is held. */
#if defined(_WIN32)
typedef SRWLOCK os_mutex;
#define OS_MUTEX_INITIALIZER SRWLOCK_INIT
#define os_mutex_lock AcquireSRWLockExclusive
#define os_mutex_unlock ReleaseSRWLockExclusive
#else
typedef pthread_mutex_t os_mutex;
#define OS_MUTEX_INITIALIZER PTHREAD_MUTEX_INITIALIZER
#define os_mutex_lock pthread_mutex_lock
#define os_mutex_unlock pthread_mutex_unlock
#endif

#ifdef HAVE_ROBUST_MUTEX

/* Initialises a mutex that reports when its owner has died. Returns an errno. */
int os_init_robust(pthread_mutex_t *mutex);

#endif

#if defined(_WIN32)

/* Prepares the functions below, once for the process. */
bool os_start(void);

/* Get and set a number of the calling thread. It is 0 at first. */
double os_own_id(void);
void os_set_own_id(double id);

/* Returns a handle of the calling thread that other threads can use, or NULL. */
HANDLE os_this_thread(void);

/* Returns whether that thread still runs. */
bool os_thread_runs(HANDLE thread);

#endif

/* ---- lock_robust.c, lock_owner.c ---- */

#ifdef HAVE_ROBUST_MUTEX
typedef pthread_mutex_t region_lock;
#else
typedef struct {
    uint64_t owner; /* id of the thread that holds the lock, or 0 */
} region_lock;
#endif

/* The number of attempts before a waiter sleeps. A critical section is shorter than a sleep and a wakeup. */
#define SPIN_LIMIT 64

/* The longest sleep of a waiter, in milliseconds. After it, the waiter checks the clock and whether the owner runs. */
#define WAIT_SLICE_MS 20

/* A waiter that slept for longer than this, in milliseconds, did so because the process was stopped. */
#define WAIT_LATE_MS 40

/*
 * How much longer a waiter waits. Only the time in which the process runs counts, because while the process is stopped,
 * the owner of the lock is stopped too. A sleep that was too long therefore counts as WAIT_LATE_MS. The first such sleep
 * also leaves the owner a whole sleep of time; later ones do not, or a wait on a slow machine might never end.
 */
typedef struct {
    int64_t now;  /* the last reading of a monotonic clock */
    int64_t left; /* milliseconds */
    bool stopped; /* a sleep was too long */
} wait_time;

/* Returns false if there is no clock. Without one, the wait would never end. */
static inline bool wait_begins(wait_time *wait, uint32_t timeout_ms) {
    *wait = (wait_time){ .now = 0, .left = timeout_ms, .stopped = false };
    return os_clock(&wait->now);
}

static inline int64_t wait_slice(const wait_time *wait) {
    return wait->left < WAIT_SLICE_MS ? wait->left : WAIT_SLICE_MS;
}

/* Counts the time since the last call. Returns whether the wait goes on. */
static inline bool wait_goes_on(wait_time *wait) {
    int64_t before = wait->now;
    if (!os_clock(&wait->now)) {
        return false;
    }
    int64_t slept = wait->now - before;
    wait->left -= slept < WAIT_LATE_MS ? slept : WAIT_LATE_MS;
    if (slept > WAIT_LATE_MS && !wait->stopped) {
        wait->stopped = true;
        wait->left = wait->left > WAIT_SLICE_MS ? wait->left : WAIT_SLICE_MS;
    }
    return wait->left > 0;
}

static inline void pause_for(int rounds) {
    for (int i = 0; i < rounds; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("yield");
#endif
    }
}

/* Initialises a lock that reports when its owner has died. Returns an errno. */
int lock_init(region_lock *lock);

/*
 * Acquires the lock, and waits for it at most timeout_ms, in which the process runs. Returns what mempool_lock returns.
 */
int32_t lock_acquire(region_lock *lock, uint32_t timeout_ms);

/* Releases the lock if the calling thread holds it. */
void lock_release(region_lock *lock);

/*
 * Releases the lock if the calling thread holds it, even if an exception ended the thread's critical section. Releases
 * the lock of a dead owner too.
 */
void lock_leave(region_lock *lock);

/* Ends the use of a lock that no thread holds. */
void lock_destroy(region_lock *lock);

/* ---- ranges.c, with the registry's lock held ---- */

/* The functions of ranges.c set UNUSED and RETIRED, the registry sets the other two. */
typedef enum {
    UNUSED,    /* the entry has no range, or gave its range up for good */
    LIVE,      /* threads may open the region */
    DESTROYED, /* the region waits until the last thread that has it open closes it or ends */
    RETIRED,   /* no thread has the region open; stale buffers may use the range until it is reused */
} region_state;

typedef struct {
    region_state state;
    bool draft;           /* not published yet; only valid if LIVE */
    uint32_t open_count;  /* only valid if LIVE or DESTROYED */
    double id;            /* of the last region that used this entry */
    double maker;         /* the id of the thread that has made that region */
    uint64_t retired_at;  /* how many ranges had been opened by then; only valid if RETIRED */
    unsigned char *base;  /* the first byte of meta; valid unless UNUSED, as are the fields below */
    unsigned char *data;
    size_t meta_reserved; /* without the guard page */
    size_t data_reserved;
    size_t meta_bytes;    /* readable and writable, in whole pages */
    size_t data_bytes;    /* the length that the data may grow to */
    size_t data_open;     /* readable and writable, in whole pages; never shrinks, because of stale buffers */
} region_entry;

extern SHARED region_entry regions[REGION_LIMIT];
extern SHARED uint32_t region_count; /* entries that were ever used */

static inline region_lock *lock_of(const region_entry *entry) {
    return (region_lock *)(void *)entry->base;
}

static inline uint32_t index_of(const region_entry *entry) {
    return (uint32_t)(entry - regions);
}

/*
 * Finds an entry whose range has room for these sizes and consists of zero pages. The entry is still UNUSED or RETIRED.
 * Returns an errno.
 */
int range_find(size_t meta_bytes, size_t most_bytes, region_entry **found);

/* Opens the parts of a range that range_find has found, and puts guards around them. Returns an errno. */
int range_open(region_entry *entry, size_t meta_bytes, size_t data_bytes, size_t most_bytes);

/* Gives up a range that range_find has found, for a region that no caller has seen. */
void range_release(region_entry *entry);

/* Gives the range's memory back and lets the range rest. */
void range_retire(region_entry *entry);

/* Opens whole pages up to `data_open` if they are not open yet. Returns an errno. */
int range_extend(region_entry *entry, size_t data_open);

#if defined(_WIN32)

/*
 * Returns whether the address lies in a part of a region that is, or was, open: an access to it must not fault. It
 * takes no lock.
 */
bool region_covers(const unsigned char *address);

#endif

/* ---- names.c, with the registry's lock held ---- */

/* Gives the region a name. A length of 0 stands for no name. */
void name_set(const region_entry *entry, const uint16_t *units, uint32_t length);

/* Returns whether the region has a name. */
bool name_given(const region_entry *entry);

/* Returns the live region that has this name, or NULL. */
region_entry *name_find(const uint16_t *units, uint32_t length);

/* ---- holds.c, with the registry's lock held ---- */

/* Records that the thread has opened the region once more. */
void hold_add(uint32_t region, double thread);

/* Records that the thread has closed the region once. */
void hold_remove(uint32_t region, double thread);

/* Removes all holds of threads that have ended. Returns how many there were. */
uint32_t holds_remove_ended(uint32_t region);

#endif
