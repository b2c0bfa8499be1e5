/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_MMAN_H
#define MEMPOOL_MACOS_MMAN_H

#include <stddef.h>

#define PROT_NONE 0x00
#define PROT_READ 0x01
#define PROT_WRITE 0x02

#define MAP_PRIVATE 0x0002
#define MAP_FIXED 0x0010
#define MAP_NORESERVE 0x0040
#define MAP_ANON 0x1000
#define MAP_FAILED ((void *)-1)

#define MADV_DONTNEED 4

void *mmap(void *where, size_t bytes, int protection, int flags, int file, long long offset);
int munmap(void *where, size_t bytes);
int mprotect(void *where, size_t bytes, int protection);
int madvise(void *where, size_t bytes, int advice);
int mincore(const void *where, size_t bytes, char *pages);

#endif
