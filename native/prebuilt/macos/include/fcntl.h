/* Of macOS what the native code uses, written by hand: there is no SDK where the libraries are built. */
#ifndef MEMPOOL_MACOS_FCNTL_H
#define MEMPOOL_MACOS_FCNTL_H

#define O_RDONLY 0x0000
#define O_CLOEXEC 0x01000000

int open(const char *path, int flags, ...);

#endif
