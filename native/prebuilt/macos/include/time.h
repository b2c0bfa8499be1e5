/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_TIME_H
#define MEMPOOL_MACOS_TIME_H

struct timespec {
    long tv_sec;
    long tv_nsec;
};

typedef enum {
    CLOCK_REALTIME = 0,
    CLOCK_MONOTONIC = 6,
} clockid_t;

int clock_gettime(clockid_t clock, struct timespec *now);
int nanosleep(const struct timespec *time, struct timespec *left);

#endif
