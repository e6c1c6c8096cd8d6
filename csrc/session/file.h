/* SPDX-License-Identifier: MIT
 *
 * Small private files of ATRIUM_HOME: read whole, replaced whole, changed under a lock between processes.
 *
 * Every failure leaves a sentence in `why` that names the file and what is wrong with it: these are the errors that a
 * user can mend (a full disk, a folder of another user) if only he is told. All calls block; none is for a loop that
 * others wait for.
 */
#ifndef ATR_SESSION_FILE_H
#define ATR_SESSION_FILE_H

#include "base/buf.h"

#include <uv.h>

#define ATR_PATH_BYTES 4096

/* "folder/name". 0 or ATR_IO where that is too long. */
int atr_file_path(char out[ATR_PATH_BYTES], const char *folder, const char *name, char *why, size_t why_bytes);

/* Makes the folder (0700) and what lies above it. A folder that is there must belong to this user, and no one else
 * may write to it: that is repaired. 0 or ATR_IO. */
int atr_file_folder(const char *folder, char *why, size_t why_bytes);

/* Appends the whole file to `out`, up to out->max. PRIVATE: it must belong to this user, and nobody else may read it:
 * that is repaired, with a warning in the log. 0, ATR_NOENT (no sentence), ATR_IO or ATR_NOMEM. */
enum atr_file_kind { ATR_FILE_PLAIN, ATR_FILE_PRIVATE };
int atr_file_read(const char *path, enum atr_file_kind kind, atr_buf *out, char *why, size_t why_bytes);

/* Writes a new file (0600) beside it and puts it in place in one step: a crash leaves the old or the new one. 0 or
 * ATR_IO. */
int atr_file_replace(const char *path, atr_span bytes, char *why, size_t why_bytes);

/* A number without sign that is all of the text, as these files hold them. */
bool atr_file_number(const char *text, uint64_t max, uint64_t *out);

/* Waits until this process alone works on the files of `folder`. 0 or ATR_IO. A crash unlocks too. */
int atr_file_lock(uv_file *lock, const char *folder, char *why, size_t why_bytes);
void atr_file_unlock(uv_file lock);

/* The folder is this process's own from now on, for one that keeps in memory what it has read there. `mark` is a number by which others can tell
 * who has it. Waits ATR_FOLDER_WAIT_MS for one that is just ending. 0, ATR_EXISTS (another has it; its mark in `whose`, 0 where it has none; no
 * sentence) or ATR_IO. */
int atr_file_hold(uv_file *hold, const char *folder, uint32_t mark, uint32_t *whose, char *why, size_t why_bytes);

#endif
