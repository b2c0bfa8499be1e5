/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_PTHREAD_H
#define MEMPOOL_MACOS_PTHREAD_H

/* The layout in 64-bit processes. */
typedef struct {
    long signature;
    char rest[56];
} pthread_mutex_t;

typedef unsigned long pthread_key_t;

#define PTHREAD_MUTEX_INITIALIZER { 0x32AAABA7, { 0 } }

int pthread_mutex_lock(pthread_mutex_t *mutex);
int pthread_mutex_unlock(pthread_mutex_t *mutex);
int pthread_key_create(pthread_key_t *key, void (*destructor)(void *));
int pthread_setspecific(pthread_key_t key, const void *value);

#endif
