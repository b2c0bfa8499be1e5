/* Tests of names and drafts: a name leads to one live region, and an unpublished region leaves nothing behind. */
#include "test.h"

/* A byte of meta that becomes 0 when the region gives up its memory. */
#define MARK (META - 1)

static const uint16_t name[] = { 'n', 'a', 'm', 'e' };
#define NAME 4u

/* Creates a draft that the calling thread has open once. Returns its index. */
static uint32_t draft(double *id) {
    *id = mempool_create(META, DATA, DATA);
    int32_t region = mempool_open(*id);
    expect(*id > 0 && region >= 0);
    mempool_close((uint32_t)region);
    ((unsigned char *)mempool_meta((uint32_t)region))[MARK] = 7;
    return (uint32_t)region;
}

static unsigned char mark_of(uint32_t region) {
    return ((unsigned char *)mempool_meta(region))[MARK];
}

static void a_published_name_is_found_until_its_region_is_destroyed(void) {
    for (int round = 0; round < 3; round++) {
        double id;
        uint32_t region = draft(&id);
        expect(mempool_find(NAME, name) == 0);
        expect(mempool_publish(region, NAME, name) == id);
        expect(mempool_find(NAME, name) == id);
        mempool_destroy(region, META, 100);
        expect(mempool_find(NAME, name) == 0);
        mempool_close(region);
        expect(mempool_find(NAME, name) == 0);
    }
}

static void a_name_that_a_live_region_has_is_not_given_twice(void) {
    double id;
    double late;
    uint32_t region = draft(&id);
    uint32_t other = draft(&late);
    expect(mempool_publish(region, NAME, name) == id);
    expect(mempool_publish(other, NAME, name) == id);
    expect(mempool_find(NAME, name) == id);
    mempool_destroy(region, META, 100);
    expect(mempool_publish(other, NAME, name) == late);
    expect(mempool_find(NAME, name) == late);
    mempool_close(region);
    end(other);
}

static void two_different_names_are_never_the_same(void) {
    static uint16_t longest[MEMPOOL_NAME_LIMIT];
    static uint16_t differs[MEMPOOL_NAME_LIMIT];
    differs[MEMPOOL_NAME_LIMIT - 1] = 1;
    static const uint16_t high[] = { 0xD800 };
    static const uint16_t low[] = { 0xDC00 };
    static const uint16_t replacement[] = { 0xFFFD };
    static const uint16_t pair[] = { 0xD800, 0xDC00 };
    static const uint16_t upper[] = { 'N', 'a', 'm', 'e' };
    static const struct {
        uint32_t length;
        const uint16_t *units;
    } all[] = {
        { NAME, name }, { NAME - 1, name }, { 1, name }, { 1, longest }, { MEMPOOL_NAME_LIMIT, longest },
        { MEMPOOL_NAME_LIMIT - 1, longest }, { MEMPOOL_NAME_LIMIT, differs }, { 1, high }, { 1, low },
        { 1, replacement }, { 2, pair }, { NAME, upper },
    };
    enum { COUNT = sizeof all / sizeof *all };
    uint32_t regions_of[COUNT];
    double ids[COUNT];
    for (int i = 0; i < COUNT; i++) {
        regions_of[i] = draft(&ids[i]);
        expect(mempool_find(all[i].length, all[i].units) == 0);
        expect(mempool_publish(regions_of[i], all[i].length, all[i].units) == ids[i]);
    }
    for (int i = 0; i < COUNT; i++) {
        expect(mempool_find(all[i].length, all[i].units) == ids[i]);
        end(regions_of[i]);
        expect(mempool_find(all[i].length, all[i].units) == 0);
    }
}

static void no_name_leads_to_no_region(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    expect(mempool_find(0, name) == 0);
    end(region);
}

static void a_draft_ends_with_its_last_close(void) {
    double id;
    uint32_t region = draft(&id);
    expect(mark_of(region) == 7);
    mempool_close(region);
    expect(mark_of(region) == 0 && mempool_open(id) == MEMPOOL_DESTROYED);
}

static void *draft_and_end(void *argument) {
    draft(argument);
    return NULL;
}

static void a_draft_ends_with_the_thread_that_made_it(void) {
    double id;
    run_thread(draft_and_end, &id);
    double another;
    end(create(META, DATA, &another)); /* mempool_create closes regions for threads that have ended */
    expect(mempool_open(id) == MEMPOOL_DESTROYED);
}

static void *publish_and_end(void *argument) {
    double *id = argument;
    expect(mempool_publish(draft(id), NAME, name) == *id);
    return NULL;
}

static void a_published_region_outlives_its_thread(void) {
    double id;
    run_thread(publish_and_end, &id);
    double another;
    end(create(META, DATA, &another));
    expect(mempool_find(NAME, name) == id);
    int32_t region = mempool_open(id);
    expect(region >= 0);
    end((uint32_t)region);
}

static void *make_restart_and_find(void *argument) {
    (void)argument;
    double first;
    double second;
    double named;
    uint32_t one = create(META, DATA, &first);
    uint32_t other = create(META, DATA, &second);
    uint32_t known = draft(&named);
    expect(mempool_publish(known, NAME, name) == named);
    expect(mempool_left_behind() == 0);
    mempool_restart();
    double own;
    uint32_t third = create(META, DATA, &own);
    double found = mempool_left_behind();
    expect(found == first || found == second);
    mempool_destroy(found == first ? one : other, META, 100);
    double next = mempool_left_behind();
    expect(next == (found == first ? second : first));
    mempool_restart();
    expect(mempool_left_behind() != 0);
    mempool_destroy(one, META, 100);
    mempool_destroy(other, META, 100);
    expect(mempool_left_behind() == own);
    mempool_destroy(third, META, 100);
    mempool_destroy(known, META, 100);
    expect(mempool_left_behind() == 0);
    return NULL;
}

static void regions_without_a_name_are_left_behind_by_a_restart(void) {
    double id;
    uint32_t region = create(META, DATA, &id);
    run_thread(make_restart_and_find, NULL); /* what other threads make is not left behind */
    end(region);
}

typedef struct {
    atomic_int ready;
    atomic_int go;
    atomic_int made;
    double found[CROWD];
} contest;

/* Opens the region of this name, or makes it, as src/attachment.ts does. */
static void *open_by_name(void *argument) {
    contest *self = argument;
    int place = self->ready++;
    await_flag(&self->go);
    double id = mempool_find(NAME, name);
    if (id == 0) {
        double own;
        uint32_t region = draft(&own);
        id = mempool_publish(region, NAME, name);
        self->made += id == own;
        mempool_close(region);
    }
    self->found[place] = id;
    return NULL;
}

static void threads_that_open_one_name_at_once_get_one_region(void) {
    for (unsigned round = 0; round < 20 * effort; round++) {
        static contest shared;
        memset(&shared, 0, sizeof shared);
        pthread_t threads[CROWD];
        for (int i = 0; i < CROWD; i++) {
            threads[i] = start(open_by_name, &shared);
        }
        shared.go = 1;
        for (int i = 0; i < CROWD; i++) {
            pthread_join(threads[i], NULL);
        }
        double id = mempool_find(NAME, name);
        expect(id > 0 && shared.made == 1);
        for (int i = 0; i < CROWD; i++) {
            expect(shared.found[i] == id);
        }
        int32_t region = mempool_open(id);
        expect(region >= 0);
        end((uint32_t)region);
        expect(mempool_find(NAME, name) == 0);
    }
}

void test_names(void) {
    a_published_name_is_found_until_its_region_is_destroyed();
    a_name_that_a_live_region_has_is_not_given_twice();
    two_different_names_are_never_the_same();
    no_name_leads_to_no_region();
    a_draft_ends_with_its_last_close();
    a_draft_ends_with_the_thread_that_made_it();
    a_published_region_outlives_its_thread();
    regions_without_a_name_are_left_behind_by_a_restart();
    threads_that_open_one_name_at_once_get_one_region();
}
