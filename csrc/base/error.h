/* SPDX-License-Identifier: MIT
 *
 * Every error of the engine, in one list.
 *
 * A function that can fail returns int: 0 is success, a negative number is one of these, and a positive number
 * means what its comment says. Each line of the list holds the name and one sentence that a user can read. Whether
 * it is worth trying again depends on what was tried, so that is decided there (client/link.c). Names travel on the
 * wire, numbers never do, so a line may be added anywhere.
 *
 * The numbers start at -2000: libuv's own (-1 ... -200 and -3000 ... -4095) never collide with them, and an int
 * that crosses the two worlds stays unambiguous. */
#ifndef ATR_BASE_ERROR_H
#define ATR_BASE_ERROR_H

/* clang-format off */
#define ATR_ERRORS(X)                                                                                \
    /* this machine */                                                                               \
    X(NOMEM,        "There is not enough memory.")                                                   \
    X(FULL,         "The queue is full.")                                                            \
    X(LIMIT,        "A limit was reached.")                                                          \
    X(INVAL,        "An argument is not valid.")                                                     \
    X(STATE,        "This cannot be done in the present state.")                                     \
    X(IO,           "A file could not be read or written.")                                          \
    X(RANDOM,       "The system gives no random numbers.")                                           \
    X(CRYPTO,       "A cryptographic operation failed.")                                             \
    X(PORT_BUSY,    "Another program uses this port.")                                               \
    X(CANCELED,     "It was cancelled.")                                                             \
    X(ADDR_SYNTAX,  "This is not an address: type a name or an IP address, with or without a port.") \
    X(INVITE,       "This is not a valid invite.")                                                   \
    /* bytes from a peer */                                                                          \
    X(PROTO,        "The other side sent bytes that break the protocol.")                            \
    X(FRAME_SIZE,   "A frame is larger than allowed.")                                               \
    X(MESSAGE_SIZE, "A message is larger than allowed.")                                             \
    X(DOC_SIZE,     "A document is larger than allowed.")                                            \
    X(BLOB_SIZE,    "A blob is larger than allowed, or has another size than its array.")            \
    X(BLOB_HASH,    "The bytes of a blob do not match its name.")                                    \
    X(DELTA,        "An array delta does not fit its base.")                                         \
    X(PACK,         "Compressed bytes are damaged.")                                                 \
    X(JSON_SYNTAX,  "The text is not JSON.")                                                         \
    X(JSON_DEPTH,   "JSON is nested too deeply.")                                                    \
    X(JSON_DUPKEY,  "A JSON object has the same key twice.")                                         \
    X(JSON_NUL,     "JSON text holds a NUL character.")                                              \
    X(JSON_NUMBER,  "A JSON number cannot be held exactly.")                                         \
    X(JSON_UTF8,    "JSON text is not valid UTF-8.")                                                 \
    X(JSON_NULL,    "A stored JSON tree holds null.")                                                \
    X(JSON_TAG,     "A tagged JSON array has the wrong shape.")                                      \
    X(JSON_TYPE,    "A JSON member is missing or has another type than expected.")                   \
    /* documents and rooms */                                                                        \
    X(NOENT,        "It does not exist.")                                                            \
    X(GONE,         "The document was deleted.")                                                     \
    X(EXISTS,       "It exists already.")                                                            \
    X(NOBLOB,       "A blob that is named is not there.")                                            \
    X(DENIED,       "You do not have the right to do this.")                                         \
    X(STORE_BUSY,   "The server cannot keep up at the moment.")                                      \
    X(EPOCH,        "The room's history was lost and must be compared again.")                       \
    X(FORGOTTEN,    "Whether this change arrived is not known: the room has forgotten who made it.") \
    X(ROOM_FULL,    "The room is full.")                                                             \
    X(SERVER_FULL,  "The server is full.")                                                           \
    X(ROOM_NAME,    "This is not a possible name for a room.")                                       \
    X(NOROOM,       "There is no such room.")                                                        \
    X(BLENDER_VERSION, "The room was made with another version of Blender.")                         \
    /* connections */                                                                                \
    X(CLOSED,       "The connection was closed.")                                                    \
    X(UNANSWERED,   "The connection was lost before the answer came: try again.")                    \
    X(TIMEOUT,      "The other side took too long.")                                                 \
    X(VERSION,      "The other side speaks another version of the protocol.")                        \
    X(KEY_CHANGED,  "The host's key is not the one that was trusted.")                               \
    X(KEY_UNKNOWN,  "The host's key is not trusted yet.")                                            \
    X(REFUSED,      "The host refused.")                                                             \
    X(KICKED,       "The host has removed you.")                                                     \
    X(LATER,        "It was tried too often: wait a little.")                                        \
    X(PASSWORD,     "The password is not right.")                                                    \
    X(KNOCKING,     "The host has not answered yet.")                                                \
    X(RESOLVE,      "The name of the host is not known.")                                            \
    X(NAME_SERVER,  "The name server does not answer.")                                              \
    X(NAME_INSIDE,  "The name leads to this machine or into a private network.")                     \
    X(UNREACHABLE,  "There is no way to this address.")                                              \
    X(CONNREFUSED,  "Nothing answers at this address: is the host connected?")                       \
    X(SILENT,       "Nothing answers at this address: does a firewall stop it?")                     \
    X(TUNNEL_EMPTY, "The tunnel answers, but nobody is behind it: is the host connected?")           \
    X(HTTPS_ONLY,   "What answers at this address wants https:// instead of http://.")                \
    X(NOT_ATRIUM,   "What answers at this address is not Atrium.")                                   \
    X(TLS,          "The encrypted connection failed.")
/* clang-format on */

#define ATR_OK 0

enum atr_err {
  ATR_ERR_BELOW_FIRST_ = -2000,
#define X(name, text) ATR_##name,
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

#endif
