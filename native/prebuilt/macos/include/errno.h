/* The declarations of macOS that the native library uses, written by hand because the build has no SDK. */
#ifndef MEMPOOL_MACOS_ERRNO_H
#define MEMPOOL_MACOS_ERRNO_H

int *__error(void);
#define errno (*__error())

#define ENOMEM 12
#define EBUSY 16
#define EINVAL 22
#define ENFILE 23
#define EAGAIN 35

#endif
