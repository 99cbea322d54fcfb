#ifdef __linux__
#define _GNU_SOURCE
#include <features.h>
#endif
#if defined(__linux__) && defined(__GLIBC__)
#include "DeviceFaults.h"
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <semaphore.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static const char *folder;
static long kill_at;
static long long room = -1;
static long refusals;
static long long clock_error;
static atomic_long changes, refused;
static atomic_llong written;

static long long number(const char *name, long long otherwise) {
    const char *text = getenv(name);
    return text ? atoll(text) : otherwise;
}

__attribute__((constructor)) static void read_plan(void) {
    folder = getenv("FULLSYNC_FAULT_FOLDER");
    kill_at = (long)number("FULLSYNC_FAULT_KILL", 0);
    room = number("FULLSYNC_FAULT_ROOM", -1);
    refusals = (long)number("FULLSYNC_FAULT_REFUSED", 0);
    clock_error = number("FULLSYNC_FAULT_CLOCK", 0);
}

/* The function of the C library that one of ours stands in front of. */
#define ORIGINAL(name) \
    static _Atomic(__typeof__(&name)) known; \
    __typeof__(&name) original = atomic_load(&known); \
    if (!original) { \
        original = (__typeof__(&name))dlsym(RTLD_NEXT, #name); \
        atomic_store(&known, original); \
    }

static int is_path_in_folder(const char *path) {
    return folder && path && strncmp(path, folder, strlen(folder)) == 0;
}

static int is_in_folder(int descriptor) {
    if (!folder) return 0;
    char link[64], path[PATH_MAX];
    snprintf(link, sizeof link, "/proc/self/fd/%d", descriptor);
    ssize_t length = readlink(link, path, sizeof path - 1);
    if (length <= 0) return 0;
    path[length] = 0;
    return is_path_in_folder(path);
}

/* Whether the process is to end in front of this change. */
static int is_the_end(void) {
    return kill_at > 0 && atomic_fetch_add(&changes, 1) + 1 == kill_at;
}

static void end(void) {
    kill(getpid(), SIGKILL);
    for (;;) pause();
}

static int is_full(size_t count) {
    if (room < 0) return 0;
    if (atomic_fetch_add(&written, (long long)count) + (long long)count <= room) return 0;
    if (atomic_fetch_add(&refused, 1) >= refusals) return 0;
    errno = ENOSPC;
    return 1;
}

ssize_t write(int descriptor, const void *bytes, size_t count) {
    ORIGINAL(write)
    if (!is_in_folder(descriptor)) return original(descriptor, bytes, count);
    if (is_the_end()) {
        original(descriptor, bytes, count / 2);
        end();
    }
    return is_full(count) ? -1 : original(descriptor, bytes, count);
}

static ssize_t write_at(
    ssize_t (*original)(int, const void *, size_t, off_t), int descriptor, const void *bytes, size_t count, off_t place
) {
    if (!is_in_folder(descriptor)) return original(descriptor, bytes, count, place);
    if (is_the_end()) {
        original(descriptor, bytes, count / 2, place);
        end();
    }
    return is_full(count) ? -1 : original(descriptor, bytes, count, place);
}

ssize_t pwrite(int descriptor, const void *bytes, size_t count, off_t place) {
    ORIGINAL(pwrite)
    return write_at(original, descriptor, bytes, count, place);
}

ssize_t pwrite64(int descriptor, const void *bytes, size_t count, off64_t place) {
    ORIGINAL(pwrite64)
    return write_at(original, descriptor, bytes, count, place);
}

int ftruncate64(int descriptor, off64_t length) {
    ORIGINAL(ftruncate64)
    if (is_in_folder(descriptor) && is_the_end()) end();
    return original(descriptor, length);
}

int fdatasync(int descriptor) {
    ORIGINAL(fdatasync)
    if (is_in_folder(descriptor) && is_the_end()) end();
    return original(descriptor);
}

int unlink(const char *path) {
    ORIGINAL(unlink)
    if (is_path_in_folder(path) && is_the_end()) end();
    return original(path);
}

int rename(const char *from, const char *to) {
    ORIGINAL(rename)
    if (is_path_in_folder(to) && is_the_end()) end();
    return original(from, to);
}

int clock_gettime(clockid_t clock, struct timespec *now) {
    ORIGINAL(clock_gettime)
    int status = original(clock, now);
    if (status == 0 && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += clock_error;
    return status;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    ORIGINAL(gettimeofday)
    int status = original(now, zone);
    if (status == 0) now->tv_sec += clock_error;
    return status;
}

time_t time(time_t *result) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (result) *result = now.tv_sec;
    return now.tv_sec;
}

/* The kernel's clock is right: what waits until a time of the wrong one waits until the same moment of that. A time that
 * is small is one of a clock that counts since the machine's start. */
static struct timespec moment(const struct timespec *until) {
    struct timespec right = *until;
    if (until->tv_sec > 100000000) right.tv_sec -= clock_error;
    return right;
}

int pthread_cond_timedwait(
    pthread_cond_t *restrict condition, pthread_mutex_t *restrict mutex, const struct timespec *restrict until
) {
    ORIGINAL(pthread_cond_timedwait)
    struct timespec right = moment(until);
    return original(condition, mutex, &right);
}

int sem_timedwait(sem_t *restrict semaphore, const struct timespec *restrict until) {
    ORIGINAL(sem_timedwait)
    struct timespec right = moment(until);
    return original(semaphore, &right);
}
#endif
