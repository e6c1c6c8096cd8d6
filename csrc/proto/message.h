/* SPDX-License-Identifier: MIT
 *
 * The binary messages of docs/protocol.md, section 3: one struct each, a reader and a writer.
 *
 * A message is the bytes of one lane from its type byte on (proto/frame.h cuts the stream into messages). Reading
 * borrows: spans and lists point into the message and live as long as it. Writing appends a whole message, type
 * byte included, to a buffer; for a frame in place put it between atr_frame_begin and atr_frame_end.
 *
 * A reader checks everything that can be checked without knowing the room: lengths, reserved bits, counts against
 * base/limits.h, no trailing bytes. Its only error is ATR_PROTO, except where a limit has a name of its own. JSON
 * inside is not looked at: whoever stores or applies it calls atr_json_check first.
 *
 * Lists (blobs, ids, versions) may be longer than anybody wants on a stack; they stay encoded and are taken out
 * one by one with atr_list_next. */
#ifndef ATR_PROTO_MESSAGE_H
#define ATR_PROTO_MESSAGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/id.h"
#include "proto/frame.h"

enum atr_msg_type {
  ATR_MSG_JSON = 0x01,
  ATR_MSG_CREDIT = 0x02,
  ATR_MSG_PING = 0x03,
  ATR_MSG_PONG = 0x04,
  ATR_MSG_BLOB_OFFER = 0x05,
  ATR_MSG_BLOB_STATUS = 0x06,
  ATR_MSG_BLOB_GET = 0x07,
  ATR_MSG_PRESENCE = 0x10,
  ATR_MSG_PRESENCE_OF = 0x11,
  ATR_MSG_SUBMIT = 0x20,
  ATR_MSG_OP = 0x21,
  ATR_MSG_ACK = 0x22,
  ATR_MSG_REFUSED = 0x23,
  ATR_MSG_CATCHUP = 0x24,
  ATR_MSG_DOC = 0x25,
  ATR_MSG_CURSOR = 0x26,
  ATR_MSG_LIVE = 0x27,
  ATR_MSG_DIGEST = 0x28,
  ATR_MSG_VERSIONS = 0x29,
  ATR_MSG_WANT = 0x2a,
  ATR_MSG_RECREATE = 0x2b,
  ATR_MSG_BLOB_DATA = 0x30,
  ATR_MSG_BLOB_DELTA = 0x31,
};

/* The lane of a type, or -1 for an unknown type. */
int atr_msg_lane(uint8_t type);

/* --- control ------------------------------------------------------------------------------------------------- */

typedef struct atr_msg_credit {
  uint8_t lane; /* ATR_LANE_STATE or ATR_LANE_BULK */
  uint64_t consumed;
} atr_msg_credit;

int atr_msg_read_credit(atr_span msg, atr_msg_credit *out);
int atr_msg_write_credit(atr_buf *out, const atr_msg_credit *m);

/* PING and PONG: `type` says which. */
int atr_msg_read_ping(atr_span msg, uint64_t *token);
int atr_msg_write_ping(atr_buf *out, uint8_t type, uint64_t token);

/* The text of a JSON message. Writing takes text that is already printed. */
int atr_msg_read_json(atr_span msg, atr_span *json);
int atr_msg_write_json(atr_buf *out, atr_span json);

/* --- lists --------------------------------------------------------------------------------------------------- */

/* An encoded list of `count` entries of `entry_bytes` each. */
typedef struct atr_list {
  const uint8_t *p;
  uint32_t count;
  uint32_t entry_bytes;
} atr_list;

/* Takes the first entry off; NULL when none is left. The typed functions below do the same and decode it. */
const uint8_t *atr_list_next(atr_list *list);

typedef struct atr_blob_offer {
  atr_hash hash;
  uint64_t size;
  atr_hash base; /* zeros: none */
} atr_blob_offer;

enum atr_blob_status_code {
  ATR_BLOB_STATUS_WANT = 0,
  ATR_BLOB_STATUS_HAVE = 1,
  ATR_BLOB_STATUS_WANT_DELTA = 2,
  ATR_BLOB_STATUS_REFUSED = 3,
  ATR_BLOB_STATUS_UNKNOWN = 4,
  ATR_BLOB_STATUS_SOUGHT = 5,
};

typedef struct atr_blob_status {
  atr_hash hash;
  uint8_t status; /* enum atr_blob_status_code */
} atr_blob_status;

typedef struct atr_blob_get {
  atr_hash hash;
  atr_hash base; /* zeros: none */
} atr_blob_get;

typedef struct atr_doc_version { /* entry of DIGEST (without `created`) and VERSIONS */
  atr_id doc;
  uint64_t seq;
  uint64_t created;
  uint8_t digest[16]; /* XXH3-128 of the canonical tree; zeros for a tombstone */
} atr_doc_version;

bool atr_list_next_id(atr_list *list, atr_id *out);
bool atr_list_next_hash(atr_list *list, atr_hash *out);
bool atr_list_next_offer(atr_list *list, atr_blob_offer *out);
bool atr_list_next_status(atr_list *list, atr_blob_status *out);
bool atr_list_next_get(atr_list *list, atr_blob_get *out);
bool atr_list_next_digest(atr_list *list, atr_doc_version *out); /* created is 0 */
bool atr_list_next_version(atr_list *list, atr_doc_version *out);

int atr_msg_read_blob_offer(atr_span msg, uint32_t *room, atr_list *offers);
int atr_msg_read_blob_status(atr_span msg, uint32_t *room, atr_list *statuses);
int atr_msg_read_blob_get(atr_span msg, uint32_t *room, atr_list *gets);
int atr_msg_write_blob_offer(atr_buf *out, uint32_t room, const atr_blob_offer *offers, size_t n);
int atr_msg_write_blob_status(atr_buf *out, uint32_t room, const atr_blob_status *statuses, size_t n);
int atr_msg_write_blob_get(atr_buf *out, uint32_t room, const atr_blob_get *gets, size_t n);

/* --- presence ------------------------------------------------------------------------------------------------ */

typedef struct atr_msg_presence {
  uint32_t room;
  uint32_t member; /* PRESENCE_OF only */
  atr_span json;
} atr_msg_presence;

int atr_msg_read_presence(atr_span msg, atr_msg_presence *out);    /* to server */
int atr_msg_read_presence_of(atr_span msg, atr_msg_presence *out); /* to client */
int atr_msg_write_presence(atr_buf *out, const atr_msg_presence *m);
int atr_msg_write_presence_of(atr_buf *out, const atr_msg_presence *m);

/* --- operations ---------------------------------------------------------------------------------------------- */

enum atr_op_kind { ATR_OP_CREATE = 1, ATR_OP_EDIT = 2, ATR_OP_DELETE = 3 };

#define ATR_OP_PREVIEW 0x01u

/* Bytes of an op before its hashes: kind, flags, document, action, n. */
#define ATR_OP_HEADER_BYTES 28u

/* The part of an operation that the server relays untouched. */
typedef struct atr_op {
  uint8_t kind;  /* enum atr_op_kind */
  uint8_t flags; /* ATR_OP_PREVIEW */
  atr_id doc;
  uint64_t action;
  atr_list blobs; /* hashes: atr_list_next_hash */
  atr_span json;  /* empty for a delete */
  atr_span raw;   /* read only: all of the above as it was encoded, to be relayed */
} atr_op;

/* Reads an op that fills `bytes`. ATR_DOC_SIZE where the JSON is longer than ATR_DOC_BYTES_MAX; a delete has no
 * JSON, anything else has some; a preview is an edit. */
int atr_op_read(atr_span bytes, atr_op *out);
/* `hashes` are n_hashes blobs; op->blobs and op->raw are not looked at. */
int atr_op_write(atr_buf *out, const atr_op *op, const atr_hash *hashes, size_t n_hashes);

typedef struct atr_msg_submit {
  uint32_t room;
  uint64_t counter; /* 0 exactly for a preview */
  atr_op op;
} atr_msg_submit;

typedef struct atr_msg_op {
  uint32_t room;
  uint64_t seq;
  uint32_t member;
  uint64_t counter; /* 0: a preview, or a document that was brought back into a new epoch */
  atr_op op;
} atr_msg_op;

int atr_msg_read_submit(atr_span msg, atr_msg_submit *out);
int atr_msg_read_op(atr_span msg, atr_msg_op *out);
/* The type byte and the envelope; the op follows (atr_op_write, or the sender's bytes as they came). */
int atr_msg_write_submit_head(atr_buf *out, uint32_t room, uint64_t counter);
int atr_msg_write_op_head(atr_buf *out, uint32_t room, uint64_t seq, uint32_t member, uint64_t counter);

#define ATR_MSG_SUBMIT_HEAD_BYTES 13u
#define ATR_MSG_OP_HEAD_BYTES 25u

typedef struct atr_msg_ack {
  uint32_t room;
  uint64_t counter; /* 0: a preview */
  uint64_t seq;     /* 0: settled earlier */
} atr_msg_ack;

typedef struct atr_msg_refused {
  uint32_t room;
  uint64_t counter;
  int err;       /* as atr_err_from_name has it: ATR_PROTO for a name that we do not know */
  atr_span text; /* UTF-8, at most ATR_REASON_BYTES_MAX */
} atr_msg_refused;

int atr_msg_read_ack(atr_span msg, atr_msg_ack *out);
int atr_msg_write_ack(atr_buf *out, const atr_msg_ack *m);
int atr_msg_read_refused(atr_span msg, atr_msg_refused *out);
int atr_msg_write_refused(atr_buf *out, const atr_msg_refused *m); /* cuts a longer text */

/* --- catching up --------------------------------------------------------------------------------------------- */

typedef struct atr_msg_catchup {
  uint32_t room;
  uint64_t settled;
  uint64_t target;
} atr_msg_catchup;

typedef struct atr_msg_cursor {
  uint32_t room;
  uint64_t seq;
  uint8_t flags; /* ATR_CURSOR_WHOLE */
} atr_msg_cursor;

#define ATR_CURSOR_WHOLE 0x01u

#define ATR_DOC_TOMBSTONE 0x01u
#define ATR_DOC_HEALING 0x02u
#define ATR_DOC_PREVIEW 0x04u

/* DOC and RECREATE: the same fields under two types. */
typedef struct atr_msg_doc {
  uint32_t room;
  uint64_t seq;
  uint64_t created;
  uint8_t flags; /* ATR_DOC_* */
  atr_id doc;
  atr_span json; /* empty exactly for a tombstone */
} atr_msg_doc;

#define ATR_PART_FIRST 0x01u
#define ATR_PART_LAST 0x02u
#define ATR_PART_SETTLES 0x04u /* LIVE only: all that the member brought back is in */

/* LIVE: ids. WANT: ids, seq is 0. VERSIONS: versions, seq is 0. */
typedef struct atr_msg_part {
  uint32_t room;
  uint64_t seq;
  uint8_t flags; /* ATR_PART_* */
  atr_list entries;
} atr_msg_part;

int atr_msg_read_catchup(atr_span msg, atr_msg_catchup *out);
int atr_msg_write_catchup(atr_buf *out, const atr_msg_catchup *m);
int atr_msg_read_cursor(atr_span msg, atr_msg_cursor *out);
int atr_msg_write_cursor(atr_buf *out, const atr_msg_cursor *m);
int atr_msg_read_doc(atr_span msg, atr_msg_doc *out);      /* DOC */
int atr_msg_read_recreate(atr_span msg, atr_msg_doc *out); /* RECREATE: only the tombstone flag */
/* The message up to where the JSON begins: append that (print it there) afterwards. m->json is not looked at. */
int atr_msg_write_doc_head(atr_buf *out, uint8_t type, const atr_msg_doc *m);

int atr_msg_read_live(atr_span msg, atr_msg_part *out);
int atr_msg_read_want(atr_span msg, atr_msg_part *out);
int atr_msg_read_versions(atr_span msg, atr_msg_part *out);
int atr_msg_write_live(atr_buf *out, uint32_t room, uint64_t seq, uint8_t flags, const atr_id *ids, size_t n);
int atr_msg_write_want(atr_buf *out, uint32_t room, uint8_t flags, const atr_id *ids, size_t n);
int atr_msg_write_versions(atr_buf *out, uint32_t room, uint8_t flags, const atr_doc_version *versions, size_t n);

int atr_msg_read_digest(atr_span msg, uint32_t *room, atr_list *digests);
int atr_msg_write_digest(atr_buf *out, uint32_t room, const atr_doc_version *digests, size_t n);

/* --- blobs --------------------------------------------------------------------------------------------------- */

#define ATR_BLOB_DATA_ZSTD 0x01u
#define ATR_BLOB_DATA_LAST 0x02u

typedef struct atr_msg_blob_data {
  uint32_t room;
  atr_hash hash;
  uint64_t size;   /* of the whole blob */
  uint64_t offset; /* of these bytes, unpacked */
  uint8_t flags;   /* ATR_BLOB_DATA_* */
  atr_span bytes;
} atr_msg_blob_data;

typedef struct atr_msg_blob_delta {
  uint32_t room;
  atr_hash hash;
  atr_hash base;
  uint64_t size;   /* of the blob that results */
  uint64_t total;  /* of the delta */
  uint64_t offset; /* of these bytes in the delta */
  atr_span bytes;
} atr_msg_blob_delta;

#define ATR_MSG_BLOB_DATA_HEAD_BYTES 54u
#define ATR_MSG_BLOB_DELTA_HEAD_BYTES 93u

/* Reading checks the sizes against ATR_BLOB_BYTES_MAX (ATR_BLOB_SIZE) and that the piece lies inside of them. The
 * unpacked length of a zstd piece is the receiver's to check: at most ATR_BLOB_CHUNK_BYTES. */
int atr_msg_read_blob_data(atr_span msg, atr_msg_blob_data *out);
int atr_msg_read_blob_delta(atr_span msg, atr_msg_blob_delta *out);
/* Everything but the bytes, which follow. */
int atr_msg_write_blob_data_head(atr_buf *out, const atr_msg_blob_data *m);
int atr_msg_write_blob_delta_head(atr_buf *out, const atr_msg_blob_delta *m);

#endif
