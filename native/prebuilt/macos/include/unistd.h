/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_UNISTD_H
#define MEMPOOL_MACOS_UNISTD_H

#include <stddef.h>

typedef long ssize_t;
typedef int pid_t;

#define _SC_PAGESIZE 29

int close(int file);
pid_t getpid(void);
ssize_t read(int file, void *into, size_t bytes);
long sysconf(int name);

#endif
