/*
 * What the files of the native side share and do not export. From the ground up: os_posix.c or os_windows.c; threads.c;
 * lock.c or owner_lock.c; holds.c; mempool.c. Each platform compiles all of them; what is not for it is empty there.
 */
#ifndef MEMPOOL_INTERNAL_H
#define MEMPOOL_INTERNAL_H

/* Before any of the system's headers: robust mutexes and what else is beyond ISO C. */
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

/* Ids are sequence * limit + index, so an id finds its entry without a search. Tests build with tables they can fill. */
#ifndef REGION_LIMIT
#define REGION_LIMIT 16384u
#endif
#ifndef THREAD_LIMIT
#define THREAD_LIMIT 4096u
#endif
#ifndef HOLD_LIMIT
#define HOLD_LIMIT 262144u
#endif

/* Tests define NO_ROBUST_MUTEX to try on Linux what other systems do without. */
#if (defined(__linux__) || defined(__FreeBSD__)) && !defined(NO_ROBUST_MUTEX)
#define HAVE_ROBUST_MUTEX 1
#endif

/* ---- os_posix.c, os_windows.c: memory ---- */

size_t os_page_size(void);

/* A range of addresses of its own, or NULL with an errno in `error`. What is not opened may fault, what is, is zero. */
unsigned char *os_reserve(size_t bytes, int *error);

/* Gives up a range that nobody has seen. Returns an errno. */
int os_release(unsigned char *range, size_t bytes);

/* Makes whole pages readable and writable; a new range and a renewed one have to be opened first. Returns an errno. */
int os_open(unsigned char *from, unsigned char *to);

/* Takes access from whole pages. Returns an errno. */
int os_guard(unsigned char *from, unsigned char *to);

/* Makes whole pages that were guarded readable and writable, and zero. Returns an errno. */
int os_unguard(unsigned char *from, unsigned char *to);

/* Makes whole pages that are open zero by giving their memory back. Returns an errno. */
int os_discard(unsigned char *where, size_t bytes);

/* Makes a whole range zero again, guards included. Whoever reads in what was open meets no hole. Returns an errno. */
int os_renew(unsigned char *range, size_t bytes);

/* Gives memory back as well as the system lets us. The addresses stay, and read as zeros where they were open. */
void os_give_back(unsigned char *where, size_t bytes);

/* ---- os_posix.c, os_windows.c: the rest ---- */

/* A clock that nobody sets; false where it does not run. */
bool os_clock(int64_t *ms);

/* Of 64 random bits if there are any, of time and process otherwise. */
uint64_t os_nonce(void);

/* Sleeps for so long at most, while the word is as it was seen; it may return at any time. */
void os_wait(uint64_t *word, uint64_t seen, uint32_t ms);

/* Wakes one who waits at the word. */
void os_wake(uint64_t *word);

/* A mutex for the library's own tables, whose owner neither ends nor is thrown out. */
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

#if defined(_WIN32)

/* What is kept for the calling thread: 0 at first. */
double os_own_id(void);
void os_set_own_id(double id);

/* The calling thread, for others to ask about; NULL if it cannot be had. */
HANDLE os_this_thread(void);

/* Whether it still runs. */
bool os_thread_runs(HANDLE thread);

#endif

/* ---- lock.c, owner_lock.c ---- */

#ifdef HAVE_ROBUST_MUTEX
typedef pthread_mutex_t region_lock;
#else
typedef struct {
    uint64_t owner; /* id of the thread that has it, or 0 */
} region_lock;
#endif

/* Tries before a waiter goes to sleep. A critical section is shorter than a sleep and a wake-up. */
#define SPIN_LIMIT 64

/* One sleep of a waiter, milliseconds; then it looks at the clock, and whether the owner still runs. */
#define WAIT_SLICE_MS 50

static inline void pause_for(int rounds) {
    for (int i = 0; i < rounds; i++) {
#if defined(__x86_64__) || defined(__i386__)
        __builtin_ia32_pause();
#elif defined(__aarch64__)
        __asm__ __volatile__("yield");
#endif
    }
}

/* Makes a lock that tells when its owner has died. Returns an errno. */
int lock_make(region_lock *lock);

/* Takes it, waiting at most timeout_ms; returns what mempool_lock does. */
int32_t lock_take(region_lock *lock, uint32_t timeout_ms);

/* Gives it up, if the calling thread has it. */
void lock_release(region_lock *lock);

/* The same, for a thread that may have been thrown out of its critical section; and what a dead owner left. */
void lock_leave(region_lock *lock);

/* Ends it. Nobody has it. */
void lock_unmake(region_lock *lock);

/* ---- holds.c, with the registry's lock held ---- */

/* Notes one more hold of the thread on the region. */
void hold_begin(uint32_t region, double thread);

/* Strikes one out. */
void hold_end(uint32_t region, double thread);

/* Strikes out all holds of threads that have ended; how many those were. */
uint32_t holds_of_the_dead(uint32_t region);

/* ---- mempool.c ---- */

#if defined(_WIN32)

/* Whether the address lies in what is, or was, open of a region: where nobody may meet a fault. Takes no lock. */
bool region_covers(const unsigned char *address);

#endif

#endif
