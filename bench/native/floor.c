/* The control: malloc and free of the system's C library, called through function pointers, as a program calls any
   allocator. It does the same work as the TypeScript side, with the same sizes, order and random numbers. */

#define _DEFAULT_SOURCE
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <time.h>

#define EXPORT __attribute__((visibility("default")))

/* Volatile, so that the compiler can neither inline the calls nor remove a pair. */
static void *(*volatile allocate)(size_t) = malloc;
static void (*volatile release)(void *) = free;

/* The processor time of all threads of this process, in nanoseconds. */
EXPORT double floor_processor_time(void) {
  struct timespec time;
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return (double)time.tv_sec * 1e9 + (double)time.tv_nsec;
}

/* A set of live allocations. */
typedef struct {
  void **live;
  uint32_t count;
  uint32_t next;
  uint32_t seed;
  size_t bytes;
} set;

#define SETS 16
static set sets[SETS];

EXPORT void floor_fill(uint32_t number, uint32_t count, uint32_t bytes) {
  set *s = &sets[number];
  s->live = malloc(count * sizeof *s->live);
  s->count = count;
  s->bytes = bytes;
  s->seed = 1;
  s->next = 0;
  for (uint32_t i = 0; i < count; i++) s->live[i] = allocate(bytes);
}

EXPORT void floor_empty(uint32_t number) {
  set *s = &sets[number];
  for (uint32_t i = 0; i < s->count; i++) release(s->live[i]);
  free(s->live);
  s->live = NULL;
  s->count = 0;
}

/* Allocates and frees at once, `times` times. */
EXPORT void floor_pairs(uint32_t bytes, uint32_t times) {
  for (uint32_t i = 0; i < times; i++) release(allocate(bytes));
}

/* Replaces the oldest of a set `times` times. */
EXPORT void floor_replace_oldest(uint32_t number, uint32_t times) {
  set *s = &sets[number];
  uint32_t next = s->next;
  for (uint32_t i = 0; i < times; i++) {
    release(s->live[next]);
    s->live[next] = allocate(s->bytes);
    next = next + 1 == s->count ? 0 : next + 1;
  }
  s->next = next;
}

/* Replaces one of a set at random `times` times. */
EXPORT void floor_replace_random(uint32_t number, uint32_t times) {
  set *s = &sets[number];
  uint32_t seed = s->seed;
  for (uint32_t i = 0; i < times; i++) {
    seed = seed * 1664525u + 1013904223u;
    uint32_t at = (uint32_t)(((uint64_t)seed * s->count) >> 32);
    release(s->live[at]);
    s->live[at] = allocate(s->bytes);
  }
  s->seed = seed;
}

/* For single calls through FFI. */

EXPORT void floor_nothing(void) {}

EXPORT void *floor_malloc(uint32_t bytes) { return allocate(bytes); }

EXPORT void floor_free(void *block) { release(block); }

/* New memory for buffers that the runtime makes. It is never unmapped, because nothing limits the life of a buffer. */
EXPORT void *floor_memory(double bytes) {
  void *memory = mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  return memory == MAP_FAILED ? NULL : memory;
}
