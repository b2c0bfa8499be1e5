/*
 * The tests of the native library, without JavaScript. Each test is a function named after the guarantee that it
 * checks. `make test` runs all of them.
 *
 *     test [effort [seed]]    runs all tests, with `effort` times the usual number of rounds
 *     test plant <fault>      commits a fault that a tool must report; see plants.c
 *
 * A build with NO_THREAD_ENDS leaves out the tests that depend on the end of a thread. qemu-user needs such a build,
 * because it does not implement robust mutexes.
 */
#include "test.h"

#include <sched.h>
#include <time.h>

atomic_int failed;
unsigned effort = 1;
uint64_t seed;

uint32_t create_to_grow(double meta, double data, double most, double *id) {
    *id = mempool_create(meta, data, most);
    expect(*id > 0);
    int32_t region = mempool_open(*id);
    expect(region >= 0);
    expect(mempool_publish((uint32_t)region, 0, NULL) == *id);
    mempool_close((uint32_t)region); /* the region stays open, because mempool_create opened it once */
    return (uint32_t)region;
}

uint32_t create(double meta, double data, double *id) {
    return create_to_grow(meta, data, data, id);
}

void end(uint32_t region) {
    mempool_destroy(region, MEMPOOL_LOCK_BYTES, 100);
    mempool_close(region);
}

pthread_t start(void *(*body)(void *), void *argument) {
    pthread_t thread;
    int error = pthread_create(&thread, NULL, body, argument);
    if (error != 0) {
        fprintf(stderr, "pthread_create: %s\n", strerror(error));
        exit(1);
    }
    return thread;
}

void run_thread(void *(*body)(void *), void *argument) {
    pthread_join(start(body, argument), NULL);
}

void await_flag(atomic_int *flag) {
    while (*flag == 0) {
        sched_yield();
    }
}

size_t lines_of(const char *path) {
    FILE *file = fopen(path, "r");
    size_t lines = 0;
    if (file == NULL) {
        return 0;
    }
    for (int byte = fgetc(file); byte != EOF; byte = fgetc(file)) {
        lines += byte == '\n';
    }
    fclose(file);
    return lines;
}

static int report(void) {
    if (failed > 0) {
        fprintf(stderr, "%d expectations failed\n", failed);
        return 1;
    }
    puts("native: all expectations passed");
    return 0;
}

int main(int count, char **arguments) {
    if (count == 3 && strcmp(arguments[1], "plant") == 0) {
        plant(arguments[2]);
        return report();
    }
    effort = count > 1 ? (unsigned)strtoul(arguments[1], NULL, 10) : 1;
    seed = count > 2 ? strtoull(arguments[2], NULL, 10) : (uint64_t)time(NULL) * 1000003u + 1;
    test_faults();
    test_regions();
    test_lock();
#ifndef NO_THREAD_ENDS
    test_threads();
    test_holds();
    test_names();
    test_stress();
#endif
    return report();
}
