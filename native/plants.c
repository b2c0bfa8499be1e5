/* Deliberate faults. Each one must be reported by the tool that `make soak` runs it under. */
#include "test.h"

#include <limits.h>

static int unguarded;

static void *count_unguarded(void *argument) {
    for (int i = 0; i < 100000; i++) {
        unguarded++;
    }
    return argument;
}

static void race(void) {
    pthread_t other = start(count_unguarded, NULL);
    count_unguarded(NULL);
    pthread_join(other, NULL);
}

static void heap_overflow(void) {
    volatile size_t length = 16;
    volatile char *bytes = malloc(length);
    bytes[length] = 1;
    free((void *)bytes);
}

static void invalid_read(void) {
    volatile size_t length = 16;
    volatile char *bytes = calloc(length, 1);
    unguarded = bytes[length];
    free((void *)bytes);
}

static void not_initialised(void) {
    volatile size_t length = 16;
    volatile char *bytes = malloc(length);
    if (bytes[3] == 'x') {
        puts("x");
    }
    free((void *)bytes);
}

static void leak(void) {
    volatile char *bytes = malloc(16);
    bytes[0] = 1;
    bytes = NULL;
}

static void signed_overflow(void) {
    volatile int most = INT_MAX;
    unguarded = most + 1;
}

static void expectation(void) {
    expect(failed == -1);
}

static const struct {
    const char *name;
    void (*plant)(void);
} plants[] = {
    { "race", race },
    { "heap-overflow", heap_overflow },
    { "invalid-read", invalid_read },
    { "not-initialised", not_initialised },
    { "leak", leak },
    { "signed-overflow", signed_overflow },
    { "expectation", expectation },
};

void plant(const char *name) {
    for (size_t i = 0; i < sizeof plants / sizeof *plants; i++) {
        if (strcmp(plants[i].name, name) == 0) {
            plants[i].plant();
            return;
        }
    }
    fprintf(stderr, "no such fault: %s\n", name);
    exit(2);
}
