/* SPDX-License-Identifier: MIT
 *
 * libuv's synchronous calls (no loop, no callback), so that the same code serves every platform. What libuv lacks, a
 * lock and who owns a file, is in transport/platform.h.
 *
 * The lock is a file of its own: the others are replaced, and a lock on a replaced file guards nothing.
 */
#include "session/file.h"

#include "base/error.h"
#include "base/limits.h"
#include "base/log.h"
#include "transport/platform.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FOLDER_MODE = 0700, FILE_MODE = 0600, HOLD_STEP_MS = 20 };

/* What a user can do about it. */
static const char *remedy(int uv_error)
{
  switch (uv_error) {
  case UV_ENOSPC:
    return "make room on that disk";
  case UV_EISDIR:
    return "move that folder out of the way";
  case UV_EACCES:
  case UV_EPERM:
    return "give this user the right to it, or choose another folder";
  default:
    return "choose another folder, or look after this one";
  }
}

static int failed(char *why, size_t why_bytes, const char *path, const char *what, int uv_error)
{
  snprintf(why, why_bytes, "%s %s: %s; %s.", path, what, uv_strerror(uv_error), remedy(uv_error));
  return ATR_IO;
}

/* Synchronous uv_fs_* calls that give only a result. */
#define FS(result, call)     \
  do {                       \
    uv_fs_t req;             \
    (result) = (int)(call);  \
    uv_fs_req_cleanup(&req); \
  } while (0)

static int stat_of(const char *path, uv_stat_t *out)
{
  uv_fs_t req;
  int r = uv_fs_stat(NULL, &req, path, NULL);

  *out = req.statbuf;
  uv_fs_req_cleanup(&req);
  return r;
}

static void close_file(uv_file file)
{
  int r;

  FS(r, uv_fs_close(NULL, &req, file, NULL));
  (void)r;
}

int atr_file_path(char out[ATR_PATH_BYTES], const char *folder, const char *name, char *why, size_t why_bytes)
{
  int n = snprintf(out, ATR_PATH_BYTES, "%s/%s", folder, name);

  if (n > 0 && n < ATR_PATH_BYTES)
    return 0;
  return failed(why, why_bytes, name, "cannot be used", UV_ENAMETOOLONG);
}

/* --- folders --------------------------------------------------------------------------------------------------- */

static int make_folders(const char *folder, char *why, size_t why_bytes)
{
  char path[ATR_PATH_BYTES];
  size_t n = strlen(folder);
  int r = 0;

  if (n == 0 || n >= sizeof path)
    return failed(why, why_bytes, "The folder", "cannot be used", n ? UV_ENAMETOOLONG : UV_ENOENT);
  for (size_t i = 1; i <= n; i++) {
    if (folder[i] != '/' && folder[i] != '\\' && i != n)
      continue;
    memcpy(path, folder, i);
    path[i] = 0;
    FS(r, uv_fs_mkdir(NULL, &req, path, FOLDER_MODE, NULL));
    /* Existing parts answer in many ways (EEXIST, EROFS, EISDIR, EACCES); what counts is the last. */
  }
  if (r != 0 && r != UV_EEXIST)
    return failed(why, why_bytes, folder, "cannot be made", r);
  return 0;
}

int atr_file_folder(const char *folder, char *why, size_t why_bytes)
{
  uv_stat_t stat;
  int err = make_folders(folder, why, why_bytes), r;

  if (err)
    return err;
  r = stat_of(folder, &stat);
  if (r != 0)
    return failed(why, why_bytes, folder, "cannot be read", r);
  if ((stat.st_mode & S_IFMT) != S_IFDIR)
    return failed(why, why_bytes, folder, "is in the way", UV_ENOTDIR);
  if (!atr_platform_owned_by_me(&stat)) {
    snprintf(why, why_bytes, "%s belongs to another user: choose a folder of your own.", folder);
    return ATR_IO;
  }
  if (!atr_platform_open_to_others(&stat, true))
    return 0;
  FS(r, uv_fs_chmod(NULL, &req, folder, (int)(stat.st_mode & 0755u), NULL));
  if (r != 0)
    return failed(why, why_bytes, folder, "can be written by others, and that cannot be changed", r);
  atr_log(ATR_LOG_WARN, "%s could be written by others; it cannot any more", folder);
  return 0;
}

/* --- reading --------------------------------------------------------------------------------------------------- */

static int stat_of_open(uv_file file, uv_stat_t *out)
{
  uv_fs_t req;
  int r = uv_fs_fstat(NULL, &req, file, NULL);

  *out = req.statbuf;
  uv_fs_req_cleanup(&req);
  return r;
}

static int check_private(uv_file file, const char *path, char *why, size_t why_bytes)
{
  uv_stat_t stat;
  int r = stat_of_open(file, &stat);

  if (r != 0)
    return failed(why, why_bytes, path, "cannot be read", r);
  if (!atr_platform_owned_by_me(&stat)) {
    snprintf(why, why_bytes, "%s belongs to another user: it is not used.", path);
    return ATR_IO;
  }
  if (!atr_platform_open_to_others(&stat, false))
    return 0;
  FS(r, uv_fs_fchmod(NULL, &req, file, FILE_MODE, NULL));
  if (r != 0)
    return failed(why, why_bytes, path, "can be read by others, and that cannot be changed", r);
  atr_log(ATR_LOG_WARN, "%s could be read by others; it cannot any more. If others used this machine, delete it", path);
  return 0;
}

static int read_all(uv_file file, const char *path, atr_buf *out, char *why, size_t why_bytes)
{
  for (;;) {
    uint8_t bytes[4096];
    uv_buf_t buf = uv_buf_init((char *)bytes, sizeof bytes);
    int n, err;

    FS(n, uv_fs_read(NULL, &req, file, &buf, 1, -1, NULL));
    if (n < 0)
      return failed(why, why_bytes, path, "cannot be read", n);
    if (n == 0)
      return 0;
    err = atr_buf_append(out, bytes, (size_t)n);
    if (err == ATR_LIMIT)
      return failed(why, why_bytes, path, "cannot be used", UV_EFBIG);
    if (err)
      return err;
  }
}

int atr_file_read(const char *path, enum atr_file_kind kind, atr_buf *out, char *why, size_t why_bytes)
{
  int file, err = 0;

  FS(file, uv_fs_open(NULL, &req, path, UV_FS_O_RDONLY, 0, NULL));
  if (file == UV_ENOENT)
    return ATR_NOENT;
  if (file < 0)
    return failed(why, why_bytes, path, "cannot be read", file);
  if (kind == ATR_FILE_PRIVATE)
    err = check_private(file, path, why, why_bytes);
  if (!err)
    err = read_all(file, path, out, why, why_bytes);
  close_file(file);
  return err;
}

/* --- writing --------------------------------------------------------------------------------------------------- */

static int write_all(uv_file file, atr_span bytes)
{
  int r = 0;

  while (bytes.n > 0) {
    uv_buf_t buf = uv_buf_init((char *)bytes.p, (unsigned)bytes.n);

    FS(r, uv_fs_write(NULL, &req, file, &buf, 1, -1, NULL));
    if (r <= 0)
      return r < 0 ? r : UV_EIO;
    bytes.p += r;
    bytes.n -= (size_t)r;
  }
  FS(r, uv_fs_fsync(NULL, &req, file, NULL));
  return r;
}

/* A rename is in the folder, which is a file of its own to the disk. Where folders cannot be opened (Windows) the system sees to it. */
static void sync_folder_of(const char *path)
{
  char folder[ATR_PATH_BYTES];
  const char *slash = strrchr(path, '/');
  int file, r;

  snprintf(folder, sizeof folder, "%.*s", slash ? (int)(slash - path) : 1, slash ? path : ".");
  FS(file, uv_fs_open(NULL, &req, folder[0] ? folder : "/", UV_FS_O_RDONLY, 0, NULL));
  if (file < 0)
    return;
  FS(r, uv_fs_fsync(NULL, &req, file, NULL));
  (void)r;
  close_file(file);
}

int atr_file_replace(const char *path, atr_span bytes, char *why, size_t why_bytes)
{
  char temporary[ATR_PATH_BYTES + 32];
  int file, r, ignored;

  snprintf(temporary, sizeof temporary, "%s.%d.new", path, (int)uv_os_getpid());
  FS(ignored, uv_fs_unlink(NULL, &req, temporary, NULL)); /* left over by a crashed process of the same number */
  FS(file, uv_fs_open(NULL, &req, temporary, UV_FS_O_WRONLY | UV_FS_O_CREAT | UV_FS_O_EXCL, FILE_MODE, NULL));
  if (file < 0)
    return failed(why, why_bytes, temporary, "cannot be written", file);
  r = write_all(file, bytes);
  close_file(file);
  if (r == 0)
    FS(r, uv_fs_rename(NULL, &req, temporary, path, NULL));
  if (r == 0) {
    sync_folder_of(path);
    return 0;
  }
  FS(ignored, uv_fs_unlink(NULL, &req, temporary, NULL));
  (void)ignored;
  return failed(why, why_bytes, path, "cannot be written", r);
}

/* --- locking --------------------------------------------------------------------------------------------------- */

static int open_lock(uv_file *lock, char path[ATR_PATH_BYTES], const char *folder, const char *name, char *why,
                     size_t why_bytes)
{
  int err = atr_file_path(path, folder, name, why, why_bytes);

  *lock = -1;
  if (err)
    return err;
  FS(*lock, uv_fs_open(NULL, &req, path, UV_FS_O_RDWR | UV_FS_O_CREAT, FILE_MODE, NULL));
  return *lock < 0 ? failed(why, why_bytes, path, "cannot be opened", *lock) : 0;
}

int atr_file_lock(uv_file *lock, const char *folder, char *why, size_t why_bytes)
{
  char path[ATR_PATH_BYTES];
  int err = open_lock(lock, path, folder, "lock", why, why_bytes), r;

  if (err)
    return err;
  r = atr_platform_file_lock(*lock, true);
  if (r == 0)
    return 0;
  close_file(*lock);
  *lock = -1;
  return failed(why, why_bytes, path, "cannot be locked", r);
}

void atr_file_unlock(uv_file lock)
{
  if (lock >= 0)
    close_file(lock);
}

static uint32_t read_mark(uv_file file)
{
  char text[16] = "";
  uv_buf_t buf = uv_buf_init(text, sizeof text - 1);
  uint64_t mark;
  int n;

  FS(n, uv_fs_read(NULL, &req, file, &buf, 1, 0, NULL));
  return n > 0 && atr_file_number(text, UINT32_MAX, &mark) ? (uint32_t)mark : 0;
}

/* A mark that cannot be written is missed in a sentence only. */
static void write_mark(uv_file file, uint32_t mark)
{
  char text[16];
  int n = snprintf(text, sizeof text, "%" PRIu32, mark), r;
  uv_buf_t buf = uv_buf_init(text, (unsigned)n);

  FS(r, uv_fs_ftruncate(NULL, &req, file, 0, NULL));
  FS(r, uv_fs_write(NULL, &req, file, &buf, 1, 0, NULL));
  (void)r;
}

int atr_file_hold(uv_file *hold, const char *folder, uint32_t mark, uint32_t *whose, char *why, size_t why_bytes)
{
  char path[ATR_PATH_BYTES];
  int err = open_lock(hold, path, folder, "in-use", why, why_bytes), r;

  *whose = 0;
  if (err)
    return err;
  for (uint32_t waited_ms = 0;; waited_ms += HOLD_STEP_MS) {
    r = atr_platform_file_lock(*hold, false);
    if (r != UV_EAGAIN || waited_ms >= ATR_FOLDER_WAIT_MS)
      break;
    uv_sleep(HOLD_STEP_MS);
  }
  if (r == 0) {
    write_mark(*hold, mark);
    return 0;
  }
  *whose = read_mark(*hold);
  close_file(*hold);
  *hold = -1;
  return r == UV_EAGAIN ? ATR_EXISTS : failed(why, why_bytes, path, "cannot be locked", r);
}

bool atr_file_number(const char *text, uint64_t max, uint64_t *out)
{
  char *end;

  errno = 0;
  *out = strtoull(text, &end, 10);
  return errno == 0 && text[0] >= '0' && text[0] <= '9' && *end == 0 && *out <= max;
}
