/* SPDX-License-Identifier: MIT
 *
 * The program's version, as pyproject.toml states it. Peers tell each other theirs, so that a message about a mismatch can name both. */
#ifndef ATR_BASE_VERSION_H
#define ATR_BASE_VERSION_H

/* "1.2.3" */
const char *atr_version(void);

/* Version of the wire protocol (docs/protocol.md). */
#define ATR_PROTO_VERSION 1

#endif
