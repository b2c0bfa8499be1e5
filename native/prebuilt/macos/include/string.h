/* Of macOS what the native code uses, written by hand: there is no SDK where the libraries are built. */
#ifndef MEMPOOL_MACOS_STRING_H
#define MEMPOOL_MACOS_STRING_H

#include <stddef.h>

void *memset(void *where, int byte, size_t bytes);
void *memmove(void *to, const void *from, size_t bytes);

#endif
