/*
 * The system calls of Windows.
 *
 * On Windows, reserved memory costs nothing. Committed memory counts against the limit of all processes even before it
 * is touched. A region is therefore committed when it is created, and its memory is decommitted when it is given back.
 * An access to decommitted memory faults; entry_windows.c handles the faults of stale buffers.
 */
#include "internal.h"

#if defined(_WIN32)

#include <errno.h>

_Static_assert(sizeof(void *) == 8, "a thread's id fits into a pointer");

/* A function of advapi32 that its header declares for C++ only. */
BOOLEAN NTAPI SystemFunction036(PVOID buffer, ULONG bytes);
#define random_bytes SystemFunction036

static DWORD own_id_slot = TLS_OUT_OF_INDEXES;

/* ---- memory ---- */

size_t os_page_size(void) {
    SYSTEM_INFO info;
    GetSystemInfo(&info);
    return info.dwPageSize;
}

unsigned char *os_reserve(size_t bytes, int *error) {
    unsigned char *range = VirtualAlloc(NULL, bytes, MEM_RESERVE, PAGE_READWRITE);
    *error = range == NULL ? ENOMEM : 0;
    return range;
}

int os_release(unsigned char *range, size_t bytes) {
    (void)bytes;
    return VirtualFree(range, 0, MEM_RELEASE) ? 0 : EINVAL;
}

int os_open(unsigned char *from, unsigned char *to) {
    return VirtualAlloc(from, (size_t)(to - from), MEM_COMMIT, PAGE_READWRITE) != NULL ? 0 : ENOMEM;
}

static int decommit(unsigned char *where, size_t bytes) {
    return VirtualFree(where, bytes, MEM_DECOMMIT) ? 0 : EINVAL;
}

int os_guard(unsigned char *from, unsigned char *to) {
    return decommit(from, (size_t)(to - from));
}

/* QueryWorkingSetEx would need another library for a number that only `trim` returns. */
size_t os_resident(unsigned char *where, size_t bytes) {
    (void)where;
    return bytes;
}

/* If a thread touches a page between the two calls, the fault handler in entry_windows.c commits that page. */
int os_discard(unsigned char *where, size_t bytes) {
    int error = decommit(where, bytes);
    return error != 0 ? error : os_open(where, where + bytes);
}

int os_renew(unsigned char *range, size_t bytes) {
    return decommit(range, bytes);
}

void os_give_back(unsigned char *where, size_t bytes) {
    decommit(where, bytes);
}

/* ---- time ---- */

bool os_clock(int64_t *ms) {
    *ms = (int64_t)GetTickCount64();
    return true;
}

void os_wait(uint64_t *word, uint64_t seen, uint32_t ms) {
    WaitOnAddress(word, &seen, sizeof seen, ms);
}

void os_wake(uint64_t *word) {
    WakeByAddressSingle(word);
}

/* ---- threads ---- */

bool os_start(void) {
    own_id_slot = TlsAlloc();
    return own_id_slot != TLS_OUT_OF_INDEXES;
}

double os_own_id(void) {
    return (double)(uintptr_t)TlsGetValue(own_id_slot);
}

void os_set_own_id(double id) {
    TlsSetValue(own_id_slot, (void *)(uintptr_t)id);
}

HANDLE os_this_thread(void) {
    HANDLE process = GetCurrentProcess();
    HANDLE thread = NULL;
    return DuplicateHandle(process, GetCurrentThread(), process, &thread, SYNCHRONIZE, FALSE, 0) ? thread : NULL;
}

bool os_thread_runs(HANDLE thread) {
    return WaitForSingleObject(thread, 0) != WAIT_OBJECT_0;
}

/* ---- the asymmetric barrier ---- */

/* FlushProcessWriteBuffers does what membarrier does on Linux. Only on x86-64, for the same reason as in os_posix.c. */
int32_t mempool_barrier(void) {
#if defined(__x86_64__)
    FlushProcessWriteBuffers();
    return 1;
#else
    return 0;
#endif
}

/* ---- random numbers ---- */

uint64_t os_nonce(void) {
    uint64_t nonce;
    if (!random_bytes(&nonce, sizeof nonce)) {
        LARGE_INTEGER count;
        QueryPerformanceCounter(&count);
        FILETIME now;
        GetSystemTimeAsFileTime(&now);
        nonce = ((uint64_t)count.QuadPart << 12) ^ ((uint64_t)now.dwLowDateTime << 20)
            ^ ((uint64_t)GetCurrentProcessId() << 32);
    }
    return nonce;
}

#endif
