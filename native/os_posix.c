/* The system calls of Linux, macOS and other POSIX systems. */
#include "internal.h"

#if !defined(_WIN32)

#include <errno.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>
#if defined(__linux__) && defined(__x86_64__)
#include <linux/membarrier.h>
#include <sys/syscall.h>
#define HAVE_BARRIER 1
#endif

#ifndef MAP_NORESERVE
#define MAP_NORESERVE 0
#endif

#ifndef MAP_ANONYMOUS
#define MAP_ANONYMOUS MAP_ANON
#endif

/* ---- memory ---- */

#define OPEN (PROT_READ | PROT_WRITE)

size_t os_page_size(void) {
    return (size_t)sysconf(_SC_PAGESIZE);
}

/*
 * Maps zero pages at `where`, or at a new address if that is NULL. Pages that were mapped there are replaced in one
 * step, so a thread that reads them does not fault.
 */
static unsigned char *map_zero_pages(unsigned char *where, size_t bytes, int protection) {
    int flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | (where == NULL ? 0 : MAP_FIXED);
    void *got = mmap(where, bytes, protection, flags, -1, 0);
    return got == MAP_FAILED ? NULL : got;
}

/* A limit on a process's data (RLIMIT_DATA), and a system that commits strictly, count only pages that are writable. */
unsigned char *os_reserve(size_t bytes, int *error) {
    unsigned char *range = map_zero_pages(NULL, bytes, PROT_NONE);
    *error = range == NULL ? errno : 0;
    return range;
}

int os_release(unsigned char *range, size_t bytes) {
    return munmap(range, bytes) == 0 ? 0 : errno;
}

/* The system commits a page when it is first touched. */
int os_open(unsigned char *from, unsigned char *to) {
    return mprotect(from, (size_t)(to - from), OPEN) == 0 ? 0 : errno;
}

int os_guard(unsigned char *from, unsigned char *to) {
    return mprotect(from, (size_t)(to - from), PROT_NONE) == 0 ? 0 : errno;
}

/* The number of pages about which one call asks the system. */
#define RESIDENCY_PAGES 1024u

#if defined(__linux__)
typedef unsigned char residency;
#else
typedef char residency;
#endif

size_t os_resident(unsigned char *where, size_t bytes) {
    size_t page = os_page_size();
    size_t resident = 0;
    for (size_t done = 0; done < bytes;) {
        residency pages[RESIDENCY_PAGES];
        size_t left = (bytes - done) / page;
        size_t count = left < RESIDENCY_PAGES ? left : RESIDENCY_PAGES;
        bool known = mincore(where + done, count * page, pages) == 0;
        for (size_t i = 0; i < count; i++) {
            resident += !known || (pages[i] & 1) != 0;
        }
        done += count * page;
    }
    return resident * page;
}

/* Only Linux guarantees zeros after madvise. On other systems new pages replace the old ones. */
int os_discard(unsigned char *where, size_t bytes) {
#if defined(__linux__)
    return madvise(where, bytes, MADV_DONTNEED) == 0 ? 0 : errno;
#else
    return os_renew(where, bytes);
#endif
}

int os_renew(unsigned char *range, size_t bytes) {
    return map_zero_pages(range, bytes, OPEN) != NULL ? 0 : errno;
}

/* If the system maps no new pages, madvise empties the old ones. macOS does not guarantee that they are zero then. */
void os_give_back(unsigned char *where, size_t bytes) {
    if (map_zero_pages(where, bytes, OPEN) == NULL) {
        madvise(where, bytes, MADV_DONTNEED);
    }
}

/* ---- time ---- */

bool os_clock(int64_t *ms) {
    struct timespec now;
    if (clock_gettime(CLOCK_MONOTONIC, &now) != 0) {
        return false;
    }
    *ms = (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
    return true;
}

#ifndef HAVE_ROBUST_MUTEX

/* None of these systems lets every program wait for a word to change, so the thread sleeps briefly and checks again. */
void os_wait(uint64_t *word, uint64_t seen, uint32_t ms) {
    struct timespec nap = { .tv_sec = 0, .tv_nsec = 100000 };
    if (ms > 0 && __atomic_load_n(word, __ATOMIC_RELAXED) == seen) {
        nanosleep(&nap, NULL);
    }
}

void os_wake(uint64_t *word) {
    (void)word;
}

#endif

/* ---- mutexes ---- */

#ifdef HAVE_ROBUST_MUTEX

int os_init_robust(pthread_mutex_t *mutex) {
    pthread_mutexattr_t attributes;
    int error = pthread_mutexattr_init(&attributes);
    if (error != 0) {
        return error;
    }
    pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ERRORCHECK);
    pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED);
    pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST);
    error = pthread_mutex_init(mutex, &attributes);
    pthread_mutexattr_destroy(&attributes);
    return error;
}

#endif

/* ---- random numbers ---- */

uint64_t os_nonce(void) {
    uint64_t nonce = 0;
    int file = open("/dev/urandom", O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, &nonce, sizeof nonce) != (ssize_t)sizeof nonce) {
        struct timespec now = { 0, 0 };
        clock_gettime(CLOCK_REALTIME, &now);
        nonce = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec + ((uint64_t)getpid() << 32);
    }
    if (file >= 0) {
        close(file);
    }
    return nonce;
}

/* ---- the asymmetric barrier ---- */

/*
 * Only on x86-64. The argument in src/cache/block_cache.ts requires that a thread's stores become visible in program
 * order, which other processors do not guarantee.
 */
int32_t mempool_barrier(void) {
#ifdef HAVE_BARRIER
    if (syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0) {
        return 1;
    }
    /* A process has to register before its first barrier. */
    return syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0) == 0
        && syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0) == 0;
#else
    return 0;
#endif
}

#endif
