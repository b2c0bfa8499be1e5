/*
 * The entry points that Windows calls: when it loads the library, and when a thread accesses memory that is not there.
 *
 * The memory of a destroyed pool is decommitted, so an access to a stale buffer faults. The fault handler below runs
 * before all others, commits a zero page and lets the thread continue.
 */
#include "internal.h"

#if defined(_WIN32)

/* ---- stale buffers ---- */

static bool commit_stale(unsigned char *address) {
    MEMORY_BASIC_INFORMATION page;
    if (!region_covers(address) || VirtualQuery(address, &page, sizeof page) == 0) {
        return false;
    }
    /*
     * Another thread may have committed the page already. With any other protection the fault is not for this handler.
     */
    if (page.State == MEM_COMMIT) {
        return page.Protect == PAGE_READWRITE;
    }
    return page.State == MEM_RESERVE && VirtualAlloc(address, 1, MEM_COMMIT, PAGE_READWRITE) != NULL;
}

/* The kind of access that caused the violation: 0 is a read, 1 is a write, 8 is an execution. */
#define WRITE 1

static LONG CALLBACK on_fault(EXCEPTION_POINTERS *fault) {
    const EXCEPTION_RECORD *record = fault->ExceptionRecord;
    bool ours = record->ExceptionCode == EXCEPTION_ACCESS_VIOLATION && record->NumberParameters >= 2
        && record->ExceptionInformation[0] <= WRITE && commit_stale((unsigned char *)record->ExceptionInformation[1]);
    return ours ? EXCEPTION_CONTINUE_EXECUTION : EXCEPTION_CONTINUE_SEARCH;
}

/* ---- loading ---- */

/* Keeps the library loaded. Deno unloads it at the end of a worker while other threads still use the registry. */
static bool stay_loaded(void) {
    static HMODULE self;
    DWORD how = GET_MODULE_HANDLE_EX_FLAG_PIN | GET_MODULE_HANDLE_EX_FLAG_FROM_ADDRESS;
    return GetModuleHandleExW(how, (LPCWSTR)(void *)&self, &self) != 0;
}

/* The entry point of the DLL. It has this name because no runtime library provides one. */
BOOL WINAPI DllMainCRTStartup(HINSTANCE library, DWORD reason, void *reserved);
BOOL WINAPI DllMainCRTStartup(HINSTANCE library, DWORD reason, void *reserved) {
    (void)library;
    (void)reserved;
    if (reason != DLL_PROCESS_ATTACH) {
        return TRUE;
    }
    return os_start() && AddVectoredExceptionHandler(1, on_fault) != NULL && stay_loaded();
}

#endif
