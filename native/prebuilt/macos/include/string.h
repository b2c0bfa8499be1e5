/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_STRING_H
#define MEMPOOL_MACOS_STRING_H

#include <stddef.h>

void *memset(void *where, int byte, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);

#endif
