/* Fails the calls that write files below one folder, as a dying or full disk would.

   Preloaded into a process and told by fault_arm() which call to fail. Calls on files elsewhere,
   pipes among them, are passed on and not counted. */

#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind { WRITES = 1, SYNCS = 2, CUTS = 4, RENAMES = 8 };

static char root[PATH_MAX];
static int armed, kinds, error, forever;
static long at, seen, fired;

/* error 0: the call at `first` writes half of what it was given; with `from_then_on` every later
   call finds no space. */
void fault_arm(const char *folder, int which, long first, int number, int from_then_on)
{
    snprintf(root, sizeof root, "%s", folder);
    kinds = which;
    at = first;
    error = number;
    forever = from_then_on;
    seen = fired = 0;
    armed = 1;
}

void fault_disarm(void) { armed = 0; }
long fault_seen(void) { return seen; }
long fault_fired(void) { return fired; }

static int below_root(const char *path) { return strncmp(path, root, strlen(root)) == 0; }

static int is_ours(int handle)
{
    char name[64], path[PATH_MAX];
    if (!armed)
        return 0;
    snprintf(name, sizeof name, "/proc/self/fd/%d", handle);
    ssize_t length = readlink(name, path, sizeof path - 1);
    if (length < 0)
        return 0;
    path[length] = 0;
    return below_root(path);
}

/* Counts one call; returns 0 to let it pass, else the error number, or -1 for a short write. */
static int struck(int kind, size_t size)
{
    if (!(kinds & kind) || (error == 0 && (kind != WRITES || size < 2) && !fired))
        return 0;
    long now = __atomic_add_fetch(&seen, 1, __ATOMIC_SEQ_CST);
    if (now != at && !(forever && now > at))
        return 0;
    __atomic_add_fetch(&fired, 1, __ATOMIC_SEQ_CST);
    if (error == 0)
        return now == at ? -1 : ENOSPC;
    return error;
}

#define REAL(name)                                                   \
    static __typeof__(name) *real;                                   \
    if (!real)                                                       \
        real = (__typeof__(name) *)dlsym(RTLD_NEXT, #name)

#define FAIL(number) do { errno = (number); return -1; } while (0)

ssize_t write(int handle, const void *data, size_t size)
{
    REAL(write);
    int verdict = is_ours(handle) ? struck(WRITES, size) : 0;
    if (verdict > 0)
        FAIL(verdict);
    return real(handle, data, verdict ? size / 2 : size);
}

ssize_t pwrite(int handle, const void *data, size_t size, off_t offset)
{
    REAL(pwrite);
    int verdict = is_ours(handle) ? struck(WRITES, size) : 0;
    if (verdict > 0)
        FAIL(verdict);
    return real(handle, data, verdict ? size / 2 : size, offset);
}

ssize_t pwrite64(int handle, const void *data, size_t size, off64_t offset)
{
    REAL(pwrite64);
    int verdict = is_ours(handle) ? struck(WRITES, size) : 0;
    if (verdict > 0)
        FAIL(verdict);
    return real(handle, data, verdict ? size / 2 : size, offset);
}

ssize_t writev(int handle, const struct iovec *parts, int count)
{
    REAL(writev);
    int verdict = is_ours(handle) && count > 0 ? struck(WRITES, parts[0].iov_len) : 0;
    if (verdict > 0)
        FAIL(verdict);
    struct iovec half = {count > 0 ? parts[0].iov_base : NULL, count > 0 ? parts[0].iov_len / 2 : 0};
    return verdict ? real(handle, &half, 1) : real(handle, parts, count);
}

#define FAILING(name, kind)                                          \
    int verdict = is_ours(handle) ? struck(kind, 0) : 0;             \
    if (verdict)                                                     \
        FAIL(verdict)

int fsync(int handle)
{
    REAL(fsync);
    FAILING(fsync, SYNCS);
    return real(handle);
}

int fdatasync(int handle)
{
    REAL(fdatasync);
    FAILING(fdatasync, SYNCS);
    return real(handle);
}

int ftruncate(int handle, off_t length)
{
    REAL(ftruncate);
    FAILING(ftruncate, CUTS);
    return real(handle, length);
}

int ftruncate64(int handle, off64_t length)
{
    REAL(ftruncate64);
    FAILING(ftruncate64, CUTS);
    return real(handle, length);
}

static int rename_fails(const char *to) { return armed && below_root(to) ? struck(RENAMES, 0) : 0; }

int rename(const char *from, const char *to)
{
    REAL(rename);
    int verdict = rename_fails(to);
    if (verdict)
        FAIL(verdict);
    return real(from, to);
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    REAL(renameat);
    int verdict = rename_fails(to);
    if (verdict)
        FAIL(verdict);
    return real(from_folder, from, to_folder, to);
}
