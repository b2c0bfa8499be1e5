/*
 * Windows.
 *
 * What is reserved counts for nothing there, what is committed counts against the limit of all processes, touched or
 * not. So a region is committed when it is made, and what is given back is decommitted. A stale buffer that is used
 * after that would fault: a handler of ours, asked before any other, commits the page and lets the thread go on, with
 * zeros.
 */
#include "internal.h"

#if defined(_WIN32)

#include <errno.h>

_Static_assert(sizeof(void *) == 8, "a thread's id fits into a pointer");

/* From advapi32; its header has it for C++ only. */
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

int os_unguard(unsigned char *from, unsigned char *to) {
    return os_open(from, to);
}

/* Who touches a page between the two calls gets it from our handler, see below. */
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

/* ---- stale buffers ---- */

static bool commit_stale(unsigned char *address) {
    MEMORY_BASIC_INFORMATION page;
    if (!region_covers(address) || VirtualQuery(address, &page, sizeof page) == 0) {
        return false;
    }
    /* Committed by now: another thread was faster, unless it is not for us to say what may be done there. */
    if (page.State == MEM_COMMIT) {
        return page.Protect == PAGE_READWRITE;
    }
    return page.State == MEM_RESERVE && VirtualAlloc(address, 1, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

/* What an access violation is about: 0 a read, 1 a write, 8 an instruction. */
#define WRITE 1

static LONG CALLBACK on_fault(EXCEPTION_POINTERS *what) {
    const EXCEPTION_RECORD *record = what->ExceptionRecord;
    bool ours = record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record->NumberParameters >= 2
        && record->ExceptionInformation[0] <= WRITE && commit_stale((unsigned char *)record->ExceptionInformation[1]);
    return ours ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
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

/* The system does by this what membarrier does on Linux; only on x86-64 for the same reason as there. */
int32_t mempool_barrier(void) {
#if defined(__x86_64__)
    FlushProcessWriteBuffers();
    return 1;
#else
    return 0;
#endif
}

/* ---- telling processes apart ---- */

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

/* ---- loading ---- */

/* Held for good: Deno gives up its library at the end of a worker, and others go on using the registry. */
static bool stay(void) {
    HMODULE self;
    DWORD how = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    return GetModuleHandleExW(how, (LPCWSTR)(void *)&own_id_slot, &self) != 0;
}

/* Where a runtime library would begin: there is none. */
BOOL WINAPI DllMainCRTStartup(HINSTANCE library, DWORD reason, void *reserved);
BOOL WINAPI DllMainCRTStartup(HINSTANCE library, DWORD reason, void *reserved) {
    (void)library;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) {
        return TRUE;
    }
    own_id_slot = TlsAlloc();
    return own_id_slot != TLS_OUT_OF_INDEXES && AddVectoredExceptionHandler(1, on_fault) != NULL && stay();
}

#endif
