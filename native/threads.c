/*
 * The ids of threads, and which threads still run.
 *
 * Each thread has a record. How the record tells that its thread has ended, for any reason, depends on the system:
 *
 *     robust mutexes    the thread locks the record's mutex and never unlocks it; the system reports the owner's death
 *     Windows           the record has a handle of the thread
 *     otherwise         the destructor of a pthread key, which runs when the thread ends, clears the record
 *
 * A runtime may run several isolates in one thread, one after another. Each has an id of its own: mempool_restart gives
 * the thread another id, and the earlier one is that of a thread that has ended. Locks that the thread holds need no
 * care: it may acquire them again.
 *
 * A thread that counts as dead holds no lock any more. With robust mutexes, a thread locks its record before it can
 * lock any region, and the system releases a dead thread's mutexes from the last to the first. The locks of
 * lock_owner.c are free at the moment in which mempool_alive returns 0.
 *
 * The system's list of the mutexes that a thread holds leads to its record, so the library must stay loaded until the
 * thread ends, although Deno unloads it at the end of a worker. It is therefore linked with -z nodelete. macOS does not
 * unload a library with thread-local variables. On Windows the library pins itself; see entry_windows.c.
 */
#include "internal.h"

#include <errno.h>

/* Ids are whole numbers below this one. */
#define ID_LIMIT 9007199254740992.0

typedef struct {
    double id;            /* atomic, because it is read without the table's lock; 0 if the thread has ended */
    double first;         /* the first id of the thread; only that thread reads it */
#ifdef HAVE_ROBUST_MUTEX
    pthread_mutex_t life; /* locked by the thread until it ends */
#elif defined(_WIN32)
    HANDLE handle;        /* NULL if the thread has ended */
#endif
} thread_record;

static thread_record records[THREAD_LIMIT];
static uint32_t record_count;    /* records that were ever used */
static double next_sequence = 1; /* of the next id */
static os_mutex table = OS_MUTEX_INITIALIZER;

/* ---- the calling thread ---- */

#if defined(_WIN32)

/* Thread-local variables would need a runtime library on Windows. */
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

/* ---- a record ---- */

static double id_of(const thread_record *record) {
    double id;
    __atomic_load(&record->id, &id, __ATOMIC_ACQUIRE);
    return id;
}

static void set_id(thread_record *record, double id) {
    __atomic_store(&record->id, &id, __ATOMIC_RELEASE);
}

/* The functions from here to the exported ones run with `table` held. */

#ifdef HAVE_ROBUST_MUTEX

/*
 * No other thread tries the mutex in the meantime, so a mutex that is locked is locked by the record's thread. If the
 * system reports any other error, the thread counts as running.
 */
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
    return os_init_robust(&record->life);
}

/* Makes the record tell when the calling thread ends. Returns an errno. */
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

static thread_record *record_of(double id) {
    return &records[(uint64_t)id % THREAD_LIMIT];
}

/* Finds a record whose thread has ended, or makes a new one. Returns an errno. */
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

/* Gives the calling thread, whose record this is, a new id. */
static void set_next_id(thread_record *record) {
    set_own_id(next_sequence++ * THREAD_LIMIT + (double)(record - records));
    set_id(record, own_id());
}

/* Gives the calling thread a record and an id. Returns an errno. */
static int enter_thread(void) {
    thread_record *record;
    int error = free_record(&record);
    if (error == 0) {
        error = tie(record);
    }
    if (error == 0) {
        set_next_id(record);
        record->first = own_id();
    }
    return error;
}

/* ---- exported functions ---- */

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
    thread_record *record = record_of(thread);
    if (id_of(record) != thread) {
        return 0;
    }
    os_mutex_lock(&table);
    bool alive = id_of(record) == thread && runs(record);
    os_mutex_unlock(&table);
    return alive;
}

void mempool_restart(void) {
    if (own_id() == 0) {
        return;
    }
    os_mutex_lock(&table);
    set_next_id(record_of(own_id()));
    os_mutex_unlock(&table);
}

int32_t mempool_earlier(double thread) {
    double now = own_id();
    if (!(thread >= THREAD_LIMIT && thread < now)) {
        return 0;
    }
    /* No other thread has got an id from this record since the thread has it. */
    return record_of(thread) == record_of(now) && thread >= record_of(now)->first;
}
