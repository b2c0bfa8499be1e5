#include "internal.h"

#include "faults.h"

#include <errno.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/types.h>
#include <time.h>

typedef struct {
    atomic_uint calls;
    atomic_uint first; /* number of the first call that fails */
    atomic_uint end;   /* number of the first call after those that fail */
    atomic_int error;
} plan;

static plan plans[CALL_KINDS];

/* CLOCK_REALTIME and CLOCK_MONOTONIC. */
#define CLOCKS 2

static struct {
    atomic_uint first;
    atomic_llong ms;
} shifts[CLOCKS];

void mempool_shift_clock(uint32_t clock, uint32_t first, double ms) {
    shifts[clock].ms = (long long)ms;
    shifts[clock].first = first;
}

/* Moves a time of this clock by its shift if that is in effect, forwards (1) or backwards (-1). */
static void shift(clockid_t clock, struct timespec *when, int direction) {
    if (clock >= 0 && clock < CLOCKS && plans[CALL_CLOCK].calls >= shifts[clock].first) {
        long long ms = (long long)when->tv_sec * 1000 + when->tv_nsec / 1000000 + shifts[clock].ms * direction;
        when->tv_sec = (time_t)(ms / 1000);
        when->tv_nsec = (long)(ms % 1000) * 1000000 + when->tv_nsec % 1000000;
    }
}

void mempool_fault(uint32_t kind, uint32_t first, uint32_t count, int32_t error) {
    plan *changed = &plans[kind];
    changed->end = 0;
    changed->calls = 0;
    changed->error = error;
    changed->first = first;
    changed->end = first + count;
}

uint32_t mempool_calls(uint32_t kind) {
    return plans[kind].calls;
}

/* Counts a call. Returns the errno with which it must fail, or 0. */
static int due(call_kind kind) {
    plan *now = &plans[kind];
    unsigned number = atomic_fetch_add(&now->calls, 1) + 1;
    return number >= now->first && number < now->end ? now->error : 0;
}

/* Does the same for a call that reports its error in errno. Returns whether it must fail. */
static bool refused(call_kind kind) {
    int error = due(kind);
    if (error != 0) {
        errno = error;
    }
    return error != 0;
}

void *__real_mmap(void *, size_t, int, int, int, off_t);
void *__wrap_mmap(void *where, size_t bytes, int protection, int flags, int file, off_t offset);
void *__wrap_mmap(void *where, size_t bytes, int protection, int flags, int file, off_t offset) {
    return refused(CALL_MMAP) ? MAP_FAILED : __real_mmap(where, bytes, protection, flags, file, offset);
}

int __real_mprotect(void *, size_t, int);
int __wrap_mprotect(void *where, size_t bytes, int protection);
int __wrap_mprotect(void *where, size_t bytes, int protection) {
    return refused(CALL_MPROTECT) ? -1 : __real_mprotect(where, bytes, protection);
}

int __real_munmap(void *, size_t);
int __wrap_munmap(void *where, size_t bytes);
int __wrap_munmap(void *where, size_t bytes) {
    return refused(CALL_MUNMAP) ? -1 : __real_munmap(where, bytes);
}

int __real_madvise(void *, size_t, int);
int __wrap_madvise(void *where, size_t bytes, int advice);
int __wrap_madvise(void *where, size_t bytes, int advice) {
    return refused(CALL_MADVISE) ? -1 : __real_madvise(where, bytes, advice);
}

int __real_mincore(void *, size_t, unsigned char *);
int __wrap_mincore(void *where, size_t bytes, unsigned char *pages);
int __wrap_mincore(void *where, size_t bytes, unsigned char *pages) {
    return refused(CALL_MINCORE) ? -1 : __real_mincore(where, bytes, pages);
}

int __real_pthread_mutexattr_init(pthread_mutexattr_t *);
int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attributes);
int __wrap_pthread_mutexattr_init(pthread_mutexattr_t *attributes) {
    int error = due(CALL_MUTEXATTR_INIT);
    return error != 0 ? error : __real_pthread_mutexattr_init(attributes);
}

int __real_pthread_mutex_init(pthread_mutex_t *, const pthread_mutexattr_t *);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes);
int __wrap_pthread_mutex_init(pthread_mutex_t *mutex, const pthread_mutexattr_t *attributes) {
    int error = due(CALL_MUTEX_INIT);
    return error != 0 ? error : __real_pthread_mutex_init(mutex, attributes);
}

int __real_pthread_mutex_trylock(pthread_mutex_t *);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex);
int __wrap_pthread_mutex_trylock(pthread_mutex_t *mutex) {
    int error = due(CALL_MUTEX_TRYLOCK);
    return error != 0 ? error : __real_pthread_mutex_trylock(mutex);
}

int __real_pthread_mutex_timedlock(pthread_mutex_t *, const struct timespec *);
int __wrap_pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until);
int __wrap_pthread_mutex_timedlock(pthread_mutex_t *mutex, const struct timespec *until) {
    int error = due(CALL_MUTEX_TIMEDLOCK);
    return error != 0 ? error : __real_pthread_mutex_timedlock(mutex, until);
}

/* Weak, because musl does not have it. */
int __real_pthread_mutex_clocklock(pthread_mutex_t *, clockid_t, const struct timespec *) __attribute__((weak));
int __wrap_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until);
int __wrap_pthread_mutex_clocklock(pthread_mutex_t *mutex, clockid_t clock, const struct timespec *until) {
    struct timespec real = *until;
    shift(clock, &real, -1);
    int error = __real_pthread_mutex_clocklock == NULL ? EINVAL : due(CALL_MUTEX_CLOCKLOCK);
    return error != 0 ? error : __real_pthread_mutex_clocklock(mutex, clock, &real);
}

int __real_open(const char *, int, ...);
int __wrap_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...) {
    return refused(CALL_OPEN) ? -1 : __real_open(path, flags);
}

ssize_t __real_read(int, void *, size_t);
ssize_t __wrap_read(int file, void *into, size_t bytes);
ssize_t __wrap_read(int file, void *into, size_t bytes) {
    return refused(CALL_READ) ? -1 : __real_read(file, into, bytes);
}

/* membarrier is the only call that the library makes by number. */
long __real_syscall(long, ...);
long __wrap_syscall(long number, ...);
long __wrap_syscall(long number, ...) {
    if (refused(CALL_MEMBARRIER)) {
        return -1;
    }
    va_list rest;
    va_start(rest, number);
    int command = va_arg(rest, int);
    va_end(rest);
    return __real_syscall(number, command, 0, 0);
}

int __real_clock_gettime(clockid_t, struct timespec *);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now);
int __wrap_clock_gettime(clockid_t clock, struct timespec *now) {
    if (refused(CALL_CLOCK)) {
        return -1;
    }
    int result = __real_clock_gettime(clock, now);
    shift(clock, now, 1);
    return result;
}

int __real_pthread_key_create(pthread_key_t *, void (*)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int __wrap_pthread_key_create(pthread_key_t *key, void (*destructor)(void *)) {
    int error = due(CALL_KEY_CREATE);
    return error != 0 ? error : __real_pthread_key_create(key, destructor);
}

int __real_pthread_setspecific(pthread_key_t, const void *);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value);
int __wrap_pthread_setspecific(pthread_key_t key, const void *value) {
    int error = due(CALL_SETSPECIFIC);
    return error != 0 ? error : __real_pthread_setspecific(key, value);
}

int __real_nanosleep(const struct timespec *, struct timespec *);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left);
int __wrap_nanosleep(const struct timespec *time, struct timespec *left) {
    return refused(CALL_NANOSLEEP) ? -1 : __real_nanosleep(time, left);
}
