/*
 * Which threads still run. A record each, and in it a robust mutex that the thread keeps locked for as long as it
 * lives: the system itself tells of its end, however it came. Where there are no robust mutexes, Windows keeps a handle
 * of the thread for us, and elsewhere the thread's last act says so.
 *
 * A thread locks its record before it can lock any region, and systems go through a dead thread's mutexes from the
 * last one to the first: once a thread counts as dead, all its locks have been given up. (The lock of owner_lock.c asks
 * here, and so is given up at that very moment.)
 *
 * A thread's list of mutexes leads here for as long as it lives, so the library must never be unloaded, though Deno
 * tries to at the end of a worker: it is linked with -z nodelete. (macOS unloads no library with thread-local variables; on
 * Windows it holds itself.)
 */
#include "internal.h"

#include <errno.h>

/* Ids are whole numbers below this. */
#define ID_LIMIT 9007199254740992.0

typedef struct {
    double id;            /* of its thread; 0 once that is known to have ended. Atomic: it is read without the table's lock */
#ifdef HAVE_ROBUST_MUTEX
    pthread_mutex_t life; /* locked by the thread until its end */
#elif defined(_WIN32)
    HANDLE handle;        /* NULL once the thread is known to have ended */
#endif
} thread_record;

static thread_record records[THREAD_LIMIT];
static uint32_t record_count; /* records ever used */
static double next_sequence = 1;
static os_mutex table = OS_MUTEX_INITIALIZER;

/* ---- the calling thread ---- */

#if defined(_WIN32)

/* Thread-local variables take a runtime library there. */
static double own_id(void) {
    return os_own_id();
}

static void set_own_id(double id) {
    os_set_own_id(id);
}

#else

static _Thread_local double own;

static double own_id(void) {
    return own;
}

static void set_own_id(double id) {
    own = id;
}

#endif

/* ---- one record ---- */

static double id_of(const thread_record *record) {
    double id;
    __atomic_load(&record->id, &id, __ATOMIC_ACQUIRE);
    return id;
}

static void set_id(thread_record *record, double id) {
    __atomic_store(&record->id, &id, __ATOMIC_RELEASE);
}

/* All from here to the public operations with `table` held. */

#ifdef HAVE_ROBUST_MUTEX

/* Nobody else tries the mutex meanwhile, so if it is taken, its thread has it. In doubt a thread runs. */
static bool runs(thread_record *record) {
    int error = pthread_mutex_trylock(&record->life);
    if (error != 0 && error != EOWNERDEAD) {
        return true;
    }
    if (error == EOWNERDEAD) {
        pthread_mutex_consistent(&record->life);
    }
    set_id(record, 0);
    pthread_mutex_unlock(&record->life);
    return false;
}

static int make_record(thread_record *record) {
    return lock_make(&record->life);
}

/* Ties the record to the calling thread. */
static int tie(thread_record *record) {
    return pthread_mutex_trylock(&record->life);
}

#elif defined(_WIN32)

static bool runs(thread_record *record) {
    if (record->handle != NULL && os_thread_runs(record->handle)) {
        return true;
    }
    set_id(record, 0);
    if (record->handle != NULL) {
        CloseHandle(record->handle);
        record->handle = NULL;
    }
    return false;
}

static int make_record(thread_record *record) {
    (void)record;
    return 0;
}

static int tie(thread_record *record) {
    record->handle = os_this_thread();
    return record->handle != NULL ? 0 : EAGAIN;
}

#else

static pthread_key_t key;
static bool have_key;

static void end_of_thread(void *record) {
    set_id(record, 0);
}

static bool runs(thread_record *record) {
    return id_of(record) != 0;
}

static int make_record(thread_record *record) {
    (void)record;
    int error = have_key ? 0 : pthread_key_create(&key, end_of_thread);
    have_key = error == 0;
    return error;
}

static int tie(thread_record *record) {
    return pthread_setspecific(key, record);
}

#endif

/* ---- the table ---- */

static int free_record(thread_record **found) {
    for (uint32_t i = 0; i < record_count; i++) {
        if (!runs(&records[i])) {
            *found = &records[i];
            return 0;
        }
    }
    if (record_count == THREAD_LIMIT) {
        return EAGAIN;
    }
    *found = &records[record_count];
    int error = make_record(*found);
    record_count += error == 0;
    return error;
}

static int enter_thread(void) {
    thread_record *record;
    int error = free_record(&record);
    if (error == 0) {
        error = tie(record);
    }
    if (error == 0) {
        set_own_id(next_sequence++ * THREAD_LIMIT + (double)(record - records));
        set_id(record, own_id());
    }
    return error;
}

/* ---- public operations ---- */

double mempool_thread(void) {
    double id = own_id();
    if (id != 0) {
        return id;
    }
    os_mutex_lock(&table);
    int error = enter_thread();
    os_mutex_unlock(&table);
    return error == 0 ? own_id() : -error;
}

int32_t mempool_alive(double thread) {
    if (!(thread >= THREAD_LIMIT && thread < ID_LIMIT)) {
        return 0;
    }
    if (thread == own_id()) {
        return 1;
    }
    thread_record *record = &records[(uint64_t)thread % THREAD_LIMIT];
    if (id_of(record) != thread) {
        return 0;
    }
    os_mutex_lock(&table);
    bool alive = id_of(record) == thread && runs(record);
    os_mutex_unlock(&table);
    return alive;
}
