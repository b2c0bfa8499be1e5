/* The library as it is shipped: opening and closing it as a runtime does. Its path is the argument. */
#define _GNU_SOURCE

#include "mempool.h"

#include <dlfcn.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>

static void *must(void *found, const char *what) {
    if (found == NULL) {
        const char *why = dlerror();
        fprintf(stderr, "load: %s: %s\n", what, why != NULL ? why : "no reason given");
        exit(1);
    }
    return found;
}

static double call(void *library, const char *name) {
    void *symbol = must(dlsym(library, name), name);
    return (*(double (**)(void))&symbol)();
}

/* What a thread does that a runtime uses for one worker after the other. */
static void *serve_two_workers(void *path) {
    double ids[2];
    for (int i = 0; i < 2; i++) {
        void *library = must(dlopen(path, RTLD_NOW | RTLD_LOCAL), path);
        ids[i] = call(library, "mempool_thread");
        dlclose(library);
    }
    must(dlopen(path, RTLD_NOW | RTLD_NOLOAD), "it was unloaded");
    if (ids[0] <= 0 || ids[0] != ids[1]) {
        fprintf(stderr, "load: one thread has the ids %.0f and %.0f\n", ids[0], ids[1]);
        exit(1);
    }
    return NULL;
}

int main(int count, char **arguments) {
    pthread_t thread;
    if (count != 2 || pthread_create(&thread, NULL, serve_two_workers, arguments[1]) != 0) {
        return 2;
    }
    pthread_join(thread, NULL);
    puts("load: the library stays");
    return 0;
}
