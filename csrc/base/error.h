/* SPDX-License-Identifier: MIT
 *
 * Every error of the engine, in one list.
 *
 * A function that can fail returns int: 0 is success, a negative number is one of these, and a positive number
 * means what its comment says. Each line of the list holds the name, one sentence that a user can read, whether
 * the same request may succeed later (RETRIABLE) or never will (FINAL), and whose doing it is (OURS: this
 * process or its machine; PEER: the bytes or the decision of the other side). Names travel on the wire, numbers
 * never do, so a line may be added anywhere.
 *
 * The numbers start at -2000: libuv's own (-1 ... -200 and -3000 ... -4095) never collide with them, and an int
 * that crosses the two worlds stays unambiguous. */
#ifndef ATR_BASE_ERROR_H
#define ATR_BASE_ERROR_H

#include <stdbool.h>

/* clang-format off */
#define ATR_ERRORS(X)                                                                                        \
    /* this machine */                                                                                       \
    X(NOMEM,        "There is not enough memory.",                                        RETRIABLE, OURS)   \
    X(FULL,         "The queue is full.",                                                 RETRIABLE, OURS)   \
    X(LIMIT,        "A limit was reached.",                                               FINAL,     OURS)   \
    X(INVAL,        "An argument is not valid.",                                          FINAL,     OURS)   \
    X(STATE,        "This cannot be done in the present state.",                          FINAL,     OURS)   \
    X(IO,           "A file could not be read or written.",                               RETRIABLE, OURS)   \
    X(RANDOM,       "The system gives no random numbers.",                                FINAL,     OURS)   \
    X(CRYPTO,       "A cryptographic operation failed.",                                  FINAL,     OURS)   \
    X(PORT_BUSY,    "Another program uses this port.",                                    RETRIABLE, OURS)   \
    X(CANCELED,     "It was cancelled.",                                                  RETRIABLE, OURS)   \
    X(ADDR_SYNTAX,  "This is not an address: type a name or an IP address, with or without a port.",         \
                                                                                          FINAL,     OURS)   \
    X(INVITE,       "This is not a valid invite.",                                        FINAL,     OURS)   \
    /* bytes from a peer */                                                                                  \
    X(PROTO,        "The other side sent bytes that break the protocol.",                 FINAL,     PEER)   \
    X(FRAME_SIZE,   "A frame is larger than allowed.",                                    FINAL,     PEER)   \
    X(MESSAGE_SIZE, "A message is larger than allowed.",                                  FINAL,     PEER)   \
    X(DOC_SIZE,     "A document is larger than allowed.",                                 FINAL,     PEER)   \
    X(BLOB_SIZE,    "A blob is larger than allowed, or has another size than its array.",  FINAL,     PEER)   \
    X(BLOB_HASH,    "The bytes of a blob do not match its name.",                         FINAL,     PEER)   \
    X(DELTA,        "An array delta does not fit its base.",                              FINAL,     PEER)   \
    X(PACK,         "Compressed bytes are damaged.",                                      FINAL,     PEER)   \
    X(JSON_SYNTAX,  "The text is not JSON.",                                              FINAL,     PEER)   \
    X(JSON_DEPTH,   "JSON is nested too deeply.",                                         FINAL,     PEER)   \
    X(JSON_DUPKEY,  "A JSON object has the same key twice.",                              FINAL,     PEER)   \
    X(JSON_NUL,     "JSON text holds a NUL character.",                                   FINAL,     PEER)   \
    X(JSON_NUMBER,  "A JSON number cannot be held exactly.",                              FINAL,     PEER)   \
    X(JSON_UTF8,    "JSON text is not valid UTF-8.",                                      FINAL,     PEER)   \
    X(JSON_NULL,    "A stored JSON tree holds null.",                                     FINAL,     PEER)   \
    X(JSON_TAG,     "A tagged JSON array has the wrong shape.",                           FINAL,     PEER)   \
    X(JSON_TYPE,    "A JSON member is missing or has another type than expected.",        FINAL,     PEER)   \
    /* documents and rooms */                                                                                \
    X(NOENT,        "It does not exist.",                                                 FINAL,     PEER)   \
    X(GONE,         "The document was deleted.",                                          FINAL,     PEER)   \
    X(EXISTS,       "It exists already.",                                                 FINAL,     PEER)   \
    X(NOBLOB,       "A blob that is named is not there.",                                 RETRIABLE, PEER)   \
    X(DENIED,       "You do not have the right to do this.",                              FINAL,     PEER)   \
    X(STORE_BUSY,   "The server cannot keep up at the moment.",                           RETRIABLE, PEER)   \
    X(EPOCH,        "The room's history was lost and must be compared again.",            RETRIABLE, PEER)   \
    X(FORGOTTEN,    "Whether this change arrived is not known: the room has forgotten who made it.",         \
                                                                                          FINAL,     PEER)   \
    X(ROOM_FULL,    "The room is full.",                                                  RETRIABLE, PEER)   \
    X(SERVER_FULL,  "The server is full.",                                                RETRIABLE, PEER)   \
    X(ROOM_NAME,    "This is not a possible name for a room.",                            FINAL,     PEER)   \
    X(NOROOM,       "There is no such room.",                                             FINAL,     PEER)   \
    X(BLENDER_VERSION, "The room was made with another version of Blender.",              FINAL,     PEER)   \
    /* connections */                                                                                        \
    X(CLOSED,       "The connection was closed.",                                         RETRIABLE, PEER)   \
    X(TIMEOUT,      "The other side took too long.",                                      RETRIABLE, PEER)   \
    X(VERSION,      "The other side speaks another version of the protocol.",             FINAL,     PEER)   \
    X(KEY_CHANGED,  "The host's key is not the one that was trusted.",                    FINAL,     PEER)   \
    X(KEY_UNKNOWN,  "The host's key is not trusted yet.",                                 FINAL,     PEER)   \
    X(REFUSED,      "The host refused.",                                                  FINAL,     PEER)   \
    X(KICKED,       "The host has removed you.",                                          FINAL,     PEER)   \
    X(LATER,        "It was tried too often: wait a little.",                             RETRIABLE, PEER)   \
    X(PASSWORD,     "The password is not right.",                                         FINAL,     PEER)   \
    X(KNOCKING,     "The host has not answered yet.",                                     RETRIABLE, PEER)   \
    X(RESOLVE,      "The name of the host is not known.",                                 RETRIABLE, OURS)   \
    X(NAME_SERVER,  "The name server does not answer.",                                   RETRIABLE, OURS)   \
    X(UNREACHABLE,  "There is no way to this address.",                                   RETRIABLE, OURS)   \
    X(CONNREFUSED,  "Nothing answers at this address: is the host connected?",            RETRIABLE, PEER)   \
    X(SILENT,       "Nothing answers at this address: does a firewall stop it?",          RETRIABLE, PEER)   \
    X(TUNNEL_EMPTY, "The tunnel answers, but nobody is behind it: is the host connected?",RETRIABLE, PEER)   \
    X(NOT_ATRIUM,   "What answers at this address is not Atrium.",                        FINAL,     PEER)   \
    X(TLS,          "The encrypted connection failed.",                                   FINAL,     PEER)
/* clang-format on */

#define ATR_OK 0

enum atr_err {
  ATR_ERR_BELOW_FIRST_ = -2000,
#define X(name, text, when, whose) ATR_##name,
  ATR_ERRORS(X)
#undef X
      ATR_ERR_ABOVE_LAST_
};

/* "NOMEM" for ATR_NOMEM: the name that travels. Unknown numbers give "UNKNOWN"; 0 gives "OK". */
const char *atr_err_name(int err);

/* The number of a name as it came from the wire; ATR_PROTO for a name that this version does not know. */
int atr_err_from_name(const char *name);

/* One sentence in plain English. Never NULL. */
const char *atr_err_text(int err);

/* True where the same request may succeed later. */
bool atr_err_retriable(int err);

/* True where this process or machine is the cause, false where the other side is. */
bool atr_err_ours(int err);

#endif
