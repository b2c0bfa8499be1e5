/* The control: malloc and free of the system's C library, called through function pointers, as a program calls any
   allocator. It does the same work as the TypeScript side, with the same sizes, order and random numbers. */

#define _DEFAULT_SOURCE
#include <dlfcn.h>
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

#define SETS 64
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

/* Bursts: many frees in a row, then many allocations. bench/_bursts_sides.ts does the same with the pool. */

/* What a burst frees, and in which order. */
enum { HALF, IN_ORDER, REVERSE, SHUFFLED };

typedef struct {
  void *(*allocate)(size_t);
  void (*release)(void *);
} allocator;

/* The system's malloc, and mimalloc if it is installed. */
static allocator allocators[2];

EXPORT int32_t floor_has_mimalloc(void) {
  void *library = dlopen("libmimalloc.so.2", RTLD_NOW | RTLD_LOCAL);
  if (library == NULL) return 0;
  *(void **)&allocators[1].allocate = dlsym(library, "mi_malloc");
  *(void **)&allocators[1].release = dlsym(library, "mi_free");
  return allocators[1].allocate != NULL && allocators[1].release != NULL;
}

/* Frees a random half of a set and allocates as many again. Returns the number of blocks that it replaced. */
static uint32_t replace_half(set *s, void *(*volatile take)(size_t), void (*volatile give)(void *)) {
  uint32_t seed = s->seed, replaced = 0;
  for (uint32_t i = 0; i < s->count; i++) {
    seed = seed * 1664525u + 1013904223u;
    if (seed >> 31) {
      give(s->live[i]);
      s->live[i] = NULL;
      replaced++;
    }
  }
  for (uint32_t i = 0; i < s->count; i++) {
    if (s->live[i] == NULL) s->live[i] = take(s->bytes);
  }
  s->seed = seed;
  return replaced;
}

/* Fills a set for bursts, with one of the two allocators. */
EXPORT void floor_burst_fill(uint32_t number, uint32_t count, uint32_t bytes, uint32_t which) {
  set *s = &sets[number];
  allocators[0].allocate = malloc;
  allocators[0].release = free;
  s->live = malloc(count * sizeof *s->live);
  s->count = count;
  s->bytes = bytes;
  s->seed = 1;
  for (uint32_t i = 0; i < count; i++) s->live[i] = allocators[which].allocate(bytes);
}

/* Makes bursts of one kind until at least `pairs` blocks were freed and allocated again. Returns how many were. */
EXPORT uint32_t floor_burst(uint32_t number, uint32_t kind, uint32_t which, uint32_t pairs, const int32_t *order) {
  set *s = &sets[number];
  void *(*volatile take)(size_t) = allocators[which].allocate;
  void (*volatile give)(void *) = allocators[which].release;
  uint32_t done = 0;
  while (done < pairs) {
    if (kind == HALF) {
      done += replace_half(s, take, give);
      continue;
    }
    uint32_t last = s->count - 1;
    if (kind == IN_ORDER) {
      for (uint32_t i = 0; i <= last; i++) give(s->live[i]);
    } else if (kind == REVERSE) {
      for (uint32_t i = 0; i <= last; i++) give(s->live[last - i]);
    } else {
      for (uint32_t i = 0; i <= last; i++) give(s->live[order[i]]);
    }
    for (uint32_t i = 0; i <= last; i++) s->live[i] = take(s->bytes);
    done += s->count;
  }
  return done;
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
