// What the engine would ask an operating system for. There is none: the time is the exchange's, the zone is UTC,
// output goes nowhere. With these defined here nothing of WASI is linked, and the artifact imports nothing of it.
#include "system.h"

#include <stdio.h>
#include <string.h>
#include <sys/time.h>
#include <time.h>

static int64_t now_us;

void system_set_time(int64_t microseconds) {
    now_us = microseconds;
}

int gettimeofday(struct timeval *restrict time, void *restrict zone) {
    (void)zone;
    time->tv_sec = now_us / 1000000;
    time->tv_usec = now_us % 1000000;
    return 0;
}

int clock_gettime(clockid_t clock, struct timespec *time) {
    (void)clock;
    time->tv_sec = now_us / 1000000;
    time->tv_nsec = now_us % 1000000 * 1000;
    return 0;
}

// The engine reads the offset of the zone only.
struct tm *localtime_r(const time_t *restrict time, struct tm *restrict result) {
    (void)time;
    memset(result, 0, sizeof *result);
    return result;
}

_Noreturn void abort(void) {
    __builtin_trap();
}

// Behind `printf` and its kind, which the engine uses to dump its own state for its own authors.
size_t __stdio_write(FILE *file, const unsigned char *bytes, size_t length) {
    (void)file;
    (void)bytes;
    return length;
}

size_t __stdout_write(FILE *file, const unsigned char *bytes, size_t length) {
    (void)file;
    (void)bytes;
    return length;
}

off_t __stdio_seek(FILE *file, off_t offset, int whence) {
    (void)file;
    (void)offset;
    (void)whence;
    return -1;
}

int __stdio_close(FILE *file) {
    (void)file;
    return 0;
}

int __isatty(int descriptor) {
    (void)descriptor;
    return 0;
}
