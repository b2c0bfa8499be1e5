/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_FCNTL_H
#define MEMPOOL_MACOS_FCNTL_H

#define O_RDONLY 0x0000
#define O_CLOEXEC 0x01000000

int open(const char *path, int flags, ...);

#endif
