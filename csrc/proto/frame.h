/* SPDX-License-Identifier: MIT
 *
 * Frames: how messages of four lanes share one connection.
 *
 * A frame is 3 bytes of header and up to ATR_FRAME_PAYLOAD_BYTES_MAX of payload:
 *   byte 0      lane (bits 0-1), 0x80 where more fragments of the same message follow on this lane, 0x40 where the one that
 *               has begun on this lane is broken off; other bits 0
 *   bytes 1-2   length of the payload, big-endian, at least 1; 0 in a frame that breaks off
 * A message is the payloads of one lane's consecutive frames up to the first without the 0x80 bit. Its first byte is
 * its type (proto/message.h). What was broken off counts for nothing: whoever owed the rest has left. Fragments of different lanes interleave freely: between two fragments of a large
 * message on the bulk lane whole messages of other lanes pass.
 *
 * Both halves are sans-I/O: the reader takes bytes as they come, in pieces of any size, and gives messages; the
 * writer appends frames to a buffer. No socket, no clock, no thread. */
#ifndef ATR_PROTO_FRAME_H
#define ATR_PROTO_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/limits.h"

enum atr_lane { ATR_LANE_CONTROL, ATR_LANE_PRESENCE, ATR_LANE_STATE, ATR_LANE_BULK, ATR_LANES };

#define ATR_FRAME_MORE 0x80u
#define ATR_FRAME_BREAK 0x40u

/* --- reading ------------------------------------------------------------------------------------------------- */

typedef struct atr_frame_reader atr_frame_reader;

/* Gets one whole message (len >= 1), valid during the call only. It lies in the input itself where it came in
 * one frame. Result: 0 to go on, ATR_FRAME_STOP to stop after this message, or an error, which
 * atr_frame_reader_feed returns. The reader must not be fed or freed from here. */
typedef int (*atr_frame_message_fn)(void *ctx, enum atr_lane lane, const uint8_t *msg, size_t len);

#define ATR_FRAME_STOP 1

/* A reader whose messages are bounded per lane by ATR_CONTROL_BYTES_MAX, ATR_PRESENCE_BYTES_MAX,
 * ATR_MESSAGE_BYTES_MAX and ATR_BULK_BYTES_MAX. NULL when memory is short. */
atr_frame_reader *atr_frame_reader_new(void);
void atr_frame_reader_free(atr_frame_reader *reader);

/* Another bound for a lane: a peer before its welcome gets a small one. */
void atr_frame_reader_limit(atr_frame_reader *reader, enum atr_lane lane, size_t message_bytes_max);

/* Takes the next bytes of the connection. 0 when all were used; ATR_FRAME_STOP when the callback stopped it (see
 * atr_frame_reader_used; feed the rest later); ATR_PROTO (reserved bit, empty payload), ATR_FRAME_SIZE,
 * ATR_MESSAGE_SIZE, ATR_NOMEM or the callback's error. After an error the connection is beyond repair and
 * the reader gives the same error again. */
int atr_frame_reader_feed(atr_frame_reader *reader, const uint8_t *bytes, size_t len, atr_frame_message_fn on_message,
                          void *ctx);

/* Bytes of the last feed that were used: all, except after ATR_FRAME_STOP or an error. */
size_t atr_frame_reader_used(const atr_frame_reader *reader);

/* Payload bytes of a lane that were ever taken, those of an unfinished message included: what a credit report counts. */
uint64_t atr_frame_reader_payload(const atr_frame_reader *reader, enum atr_lane lane);

/* Bytes held for incomplete frames and messages. */
size_t atr_frame_reader_held(const atr_frame_reader *reader);

/* --- writing ------------------------------------------------------------------------------------------------- */

/* Appends a message (len >= 1) as one frame or more. 0, or ATR_NOMEM or ATR_LIMIT with `out` unchanged. */
int atr_frame_append(atr_buf *out, enum atr_lane lane, const uint8_t *msg, size_t len);

/* Bytes that atr_frame_append adds for a message of that length. */
size_t atr_frame_size(size_t len);

/* One fragment of a message, for a sender that interleaves lanes: writes the frame of msg[*at ...], advances *at,
 * and takes at most `payload_bytes_max` bytes (at most ATR_FRAME_PAYLOAD_BYTES_MAX). True in *last at the end. */
int atr_frame_append_part(atr_buf *out, enum atr_lane lane, const uint8_t *msg, size_t len, size_t *at,
                          size_t payload_bytes_max, bool *last);

/* Building a message in place: begin reserves the header and returns where it stands; append the message to `out`;
 * end fills the header in, and moves bytes only where the message needs more than one frame. */
int atr_frame_begin(atr_buf *out, size_t *mark);
int atr_frame_end(atr_buf *out, size_t mark, enum atr_lane lane);
/* The same at the end of a chain of writes of which `err` is the first failure: where there is one all that stands behind `mark` is taken back
 * and the buffer is as it was, so that no frame without an end is ever in it. */
int atr_frame_finish(atr_buf *out, size_t mark, enum atr_lane lane, int err);

/* Breaks off the message of which fragments were sent on this lane. 0, ATR_NOMEM or ATR_LIMIT. */
int atr_frame_break(atr_buf *out, enum atr_lane lane);

/* Whether the last of these whole frames leaves a message open. */
bool atr_frame_is_within(const uint8_t *frames, size_t len);

#endif
