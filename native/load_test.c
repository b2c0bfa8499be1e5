/*
 * Loads and unloads the shipped library as a runtime does.
 *
 *     load <path> [<name>]    with a name, also expects that the system finds the loaded library by that name
 */
#define _GNU_SOURCE

#include "mempool.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

#if defined(_WIN32)

#include <windows.h>

static void *load(const char *path) {
    return (void *)LoadLibraryA(path);
}

static void *loaded(const char *path) {
    return (void *)GetModuleHandleA(path);
}

static void *find(void *library, const char *name) {
    return (void *)(uintptr_t)GetProcAddress((HMODULE)library, name);
}

static void unload(void *library) {
    FreeLibrary((HMODULE)library);
}

static const char *reason(void) {
    return NULL;
}

#else

#include <dlfcn.h>

static void *load(const char *path) {
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void *loaded(const char *path) {
    return dlopen(path, RTLD_NOW | RTLD_NOLOAD);
}

static void *find(void *library, const char *name) {
    return dlsym(library, name);
}

static void unload(void *library) {
    dlclose(library);
}

static const char *reason(void) {
    return dlerror();
}

#endif

static void *must(void *found, const char *what) {
    if (found == NULL) {
        const char *why = reason();
        fprintf(stderr, "load: %s: %s\n", what, why != NULL ? why : "no reason given");
        exit(1);
    }
    return found;
}

static double call(void *library, const char *name) {
    void *symbol = must(find(library, name), name);
    return (*(double (**)(void))&symbol)();
}

/* A runtime may use one thread for two workers, one after the other. Each worker loads and unloads the library. */
static void *serve_two_workers(void *path) {
    double ids[2];
    for (int i = 0; i < 2; i++) {
        void *library = must(load(path), path);
        ids[i] = call(library, "mempool_thread");
        unload(library);
    }
    must(loaded(path), "the library was unloaded");
    if (ids[0] <= 0 || ids[0] != ids[1]) {
        fprintf(stderr, "load: one thread has two ids, %.0f and %.0f\n", ids[0], ids[1]);
        exit(1);
    }
    return NULL;
}

static void find_by_name(const char *path, const char *name) {
    double process = call(must(load(path), path), "mempool_process");
    if (call(must(loaded(name), "not found by its name"), "mempool_process") != process) {
        fprintf(stderr, "load: the name belongs to another copy of the library\n");
        exit(1);
    }
    puts("load: found by its name");
}

int main(int count, char **arguments) {
    pthread_t thread;
    if (count < 2 || pthread_create(&thread, NULL, serve_two_workers, arguments[1]) != 0) {
        return 2;
    }
    pthread_join(thread, NULL);
    puts("load: the library stays loaded");
    if (count > 2) {
        find_by_name(arguments[1], arguments[2]);
    }
    return 0;
}
