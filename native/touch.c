/* Finds out whether a memory access faults, without ending the test. */
#include "test.h"

#if defined(_WIN32)

static void *volatile faulted;

/* Runs after the library's handler. Commits the page for the time of the access, so that the access succeeds. */
static LONG CALLBACK note_fault(EXCEPTION_POINTERS *what) {
    if (what->ExceptionRecord->ExceptionCode != EXCEPTION_ACCESS_VIOLATION) {
        return EXCEPTION_CONTINUE_SEARCH;
    }
    faulted = (void *)what->ExceptionRecord->ExceptionInformation[1];
    return VirtualAlloc(faulted, 1, MEM_COMMIT, PAGE_READWRITE) != NULL ? EXCEPTION_CONTINUE_EXECUTION
                                                                        : EXCEPTION_CONTINUE_SEARCH;
}

bool faults(void (*body)(uint32_t), uint32_t region) {
    void *handler = AddVectoredExceptionHandler(0, note_fault);
    faulted = NULL;
    body(region);
    RemoveVectoredExceptionHandler(handler);
    return faulted != NULL && VirtualFree(faulted, 1, MEM_DECOMMIT);
}

#else

#include <sys/resource.h>
#include <sys/wait.h>

/* Makes the access in a child process, which the fault ends. */
bool faults(void (*body)(uint32_t), uint32_t region) {
    pid_t child = fork();
    if (child == 0) {
        struct rlimit none = { 0, 0 };
        setrlimit(RLIMIT_CORE, &none);
        fclose(stderr);
        body(region);
        _exit(0);
    }
    int status = 0;
    waitpid(child, &status, 0);
    return WIFSIGNALED(status) || WEXITSTATUS(status) != 0;
}

#endif
