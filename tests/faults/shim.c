/* Preloaded into a program, records what it asks the file system to do below SHIM_ROOT, in the
 * order it happened, so that powercut.py can work out what a power cut would have left.
 *
 * SHIM_LOG   file to append to: per call a header, the path below the root, and the bytes
 * SHIM_FAIL  "eio N": syncs of the file `db` fail after N; "enospc N": writes to it fail after N
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))

struct header {
    char call[4];
    uint32_t path_length;
    uint64_t offset, length;
};

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char root[4096];
static int log_fd = -1;
static enum { NOTHING, EIO_ON_SYNC, ENOSPC_ON_WRITE } fail;
static long calls_before_failure;
static uint64_t syncs;

__attribute__((constructor)) static void start(void) {
    const char *dir = getenv("SHIM_ROOT"), *log = getenv("SHIM_LOG"), *what = getenv("SHIM_FAIL");
    if (!dir || !realpath(dir, root)) return;
    if (log) log_fd = open(log, O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600);
    if (what && sscanf(what, "eio %ld", &calls_before_failure) == 1) fail = EIO_ON_SYNC;
    if (what && sscanf(what, "enospc %ld", &calls_before_failure) == 1) fail = ENOSPC_ON_WRITE;
}

/* The part of an absolute path below the root, or null. */
static const char *below_root(const char *path) {
    size_t n = strlen(root);
    if (!n || strncmp(path, root, n) || (path[n] && path[n] != '/')) return NULL;
    return path[n] ? path + n + 1 : path + n;
}

static const char *path_of(int fd, char *buffer, size_t size) {
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t n = readlink(link, buffer, size - 1);
    if (n < 0) return NULL;
    buffer[n] = 0;
    return below_root(buffer);
}

/* The same for a path that may be relative or lead through links; the last part need not exist. */
static const char *path_named(const char *name, char *buffer) {
    char dir[4096];
    snprintf(dir, sizeof dir, "%s", name);
    char *slash = strrchr(dir, '/');
    const char *last = slash ? slash + 1 : dir;
    char file[4096];
    strcpy(file, last);
    if (slash) *slash = 0;
    if (!realpath(slash ? (*dir ? dir : "/") : ".", buffer)) return NULL;
    if (*file && strcmp(file, ".") && strlen(buffer) + strlen(file) + 2 <= PATH_MAX) {
        strcat(buffer, "/");
        strcat(buffer, file);
    }
    return below_root(buffer);
}

static void record(const char *call, const char *path, uint64_t offset, const void *bytes,
                   uint64_t length) {
    if (log_fd < 0 || !path) return;
    struct header h = {"", strlen(path), offset, bytes ? length : 0};
    memcpy(h.call, call, strlen(call));
    struct iovec parts[] = {{&h, sizeof h}, {(void *)path, h.path_length}, {(void *)bytes, h.length}};
    int error = errno;
    pthread_mutex_lock(&lock);
    if (writev(log_fd, parts, 3) != (ssize_t)(sizeof h + h.path_length + h.length)) abort();
    pthread_mutex_unlock(&lock);
    errno = error;
}

static int fails(int kind, const char *path) {
    return fail == (unsigned)kind && path && !strcmp(path, "db") &&
           __sync_sub_and_fetch(&calls_before_failure, 1) < 0;
}

ssize_t pwrite64(int fd, const void *bytes, size_t n, off64_t offset) {
    char buffer[4096];
    const char *path = path_of(fd, buffer, sizeof buffer);
    if (fails(ENOSPC_ON_WRITE, path)) return errno = ENOSPC, -1;
    ssize_t done = REAL(pwrite64)(fd, bytes, n, offset);
    if (done > 0) record("WRT", path, offset, bytes, done);
    return done;
}

ssize_t write(int fd, const void *bytes, size_t n) {
    char buffer[4096];
    /* Recorded before it can be read: what is said after a cut was not said. */
    if (fd == 1) record("ACK", "", 0, bytes, n);
    ssize_t done = REAL(write)(fd, bytes, n);
    if (fd > 2 && done > 0) {
        const char *path = path_of(fd, buffer, sizeof buffer);
        if (path) record("WRT", path, lseek64(fd, 0, SEEK_CUR) - done, bytes, done);
    }
    return done;
}

int ftruncate64(int fd, off64_t length) {
    char buffer[4096];
    int result = REAL(ftruncate64)(fd, length);
    if (!result) record("CUT", path_of(fd, buffer, sizeof buffer), length, NULL, 0);
    return result;
}

static int sync_with(int (*real)(int), const char *begin, int fd) {
    char buffer[4096];
    const char *path = path_of(fd, buffer, sizeof buffer);
    if (fails(EIO_ON_SYNC, path)) return errno = EIO, -1;
    uint64_t number = __sync_add_and_fetch(&syncs, 1);
    record(begin, path, number, NULL, 0);
    int result = real(fd);
    if (!result) record("END", path, number, NULL, 0);
    return result;
}

int fsync(int fd) { return sync_with(REAL(fsync), "FSY", fd); }
int fdatasync(int fd) { return sync_with(REAL(fdatasync), "FDS", fd); }

int open64(const char *name, int flags, ...) {
    va_list rest;
    va_start(rest, flags);
    mode_t mode = va_arg(rest, mode_t);
    va_end(rest);
    char buffer[8192];
    const char *path = flags & (O_CREAT | O_TRUNC) ? path_named(name, buffer) : NULL;
    int is_new = path && access(name, F_OK);
    int fd = REAL(open64)(name, flags, mode);
    if (fd >= 0 && is_new) record("NEW", path, 0, NULL, 0);
    if (fd >= 0 && !is_new && flags & O_TRUNC) record("CUT", path, 0, NULL, 0);
    return fd;
}

int rename(const char *from, const char *to) {
    char a[8192], b[8192];
    const char *old = path_named(from, a), *new = path_named(to, b);
    int result = REAL(rename)(from, to);
    if (!result && new) record("REN", old, 0, new, strlen(new));
    return result;
}

int unlink(const char *name) {
    char buffer[8192];
    const char *path = path_named(name, buffer);
    int result = REAL(unlink)(name);
    if (!result) record("DEL", path, 0, NULL, 0);
    return result;
}

int mkdir(const char *name, mode_t mode) {
    char buffer[8192];
    const char *path = path_named(name, buffer);
    int result = REAL(mkdir)(name, mode);
    if (!result) record("DIR", path, 0, NULL, 0);
    return result;
}
