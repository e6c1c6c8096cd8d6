/* SPDX-License-Identifier: MIT
 *
 * Every limit of the engine, with its reason.
 *
 * A loop or buffer that bytes from a peer can grow is bounded by a name from this list, and a test passes each.
 * Where a limit can be set by configuration, the value here is its default. */
#ifndef ATR_BASE_LIMITS_H
#define ATR_BASE_LIMITS_H

#include <stdint.h>

#define ATR_KIB(n) ((uint32_t)(n)*1024u)
#define ATR_MIB(n) ((uint32_t)(n)*1024u * 1024u)

/* --- frames and messages ----------------------------------------------------------------------------------- */

/* A whole frame, header included. It is the longest that a cursor waits behind a mesh in our own buffer: 26 ms
 * at 20 Mbit/s. Larger frames gain nothing, a TLS record holds 16 KiB. */
#define ATR_FRAME_BYTES_MAX ATR_KIB(64)
#define ATR_FRAME_HEADER_BYTES 3u
#define ATR_FRAME_PAYLOAD_BYTES_MAX (ATR_FRAME_BYTES_MAX - ATR_FRAME_HEADER_BYTES)

/* A document's JSON text. The largest real ones are node trees with some thousand sockets (1-2 MiB); arrays
 * travel as blobs and do not count. */
#define ATR_DOC_BYTES_MAX ATR_MIB(8)

/* A reassembled message: one document and an envelope that names up to ATR_OP_BLOBS_MAX blobs. */
#define ATR_MESSAGE_BYTES_MAX (ATR_DOC_BYTES_MAX + ATR_KIB(64))

/* A control message: a list of ATR_ROOMS_MAX rooms at about 1 KiB each, four times over. */
#define ATR_CONTROL_BYTES_MAX ATR_MIB(1)

/* A presence message: view, mode, frame and a part of the selection of one user. Only the newest counts, so it
 * must stay cheap enough to be sent 30 times a second. */
#define ATR_PRESENCE_BYTES_MAX ATR_KIB(4)
/* Its JSON: the server passes it on with a longer head, which must fit too. */
#define ATR_PRESENCE_JSON_BYTES_MAX (ATR_PRESENCE_BYTES_MAX - 64u)

/* A bulk message is one frame: a piece of a blob. So a blob's hash advances while it arrives, and no message of a
 * gigabyte is ever held. */
#define ATR_BULK_BYTES_MAX ATR_FRAME_PAYLOAD_BYTES_MAX

/* Payload bytes of state or bulk that may be unconsumed at the receiver, at most: a peer that exceeds it breaks the
 * protocol. The windows that are really used are far smaller (session/credit.c). */
#define ATR_CREDIT_BYTES_MAX ATR_MIB(64)

/* A blob: an 8K float texture is 1 GiB; offsets inside a blob fit in 32 bits with room to spare. */
#define ATR_BLOB_BYTES_MAX ATR_MIB(1024)

/* Blobs that one operation may name: the attributes of one mesh, ten times over. Their hashes are 32 KiB. */
#define ATR_OP_BLOBS_MAX 1024u

/* --- JSON ---------------------------------------------------------------------------------------------------- */

/* Nesting of arrays and objects. Ours use about 10; the printer and the merge recurse, so that this bounds the
 * stack: 64 levels of about 200 bytes. */
#define ATR_JSON_DEPTH_MAX 64

/* Largest magnitude of an integral number: above it doubles skip integers. Larger ones travel as ["$i", "..."]. */
#define ATR_JSON_INT_MAX 9007199254740992.0

/* Text of one number. cJSON copies a number to a buffer of 64 bytes before it reads it; a double needs 24. */
#define ATR_JSON_NUMBER_BYTES_MAX 60

/* Dimensions of a blob's array: frames x height x width x channels is the most that occurs, twice over. */
#define ATR_BLOB_DIMS_MAX 8

/* Keys that a replica keeps once for all its documents (proto/compact.h), and the longest of them. Blender 5.0 has some 5,000 names of
 * properties, and more come with add-ons. */
#define ATR_WORDS_MAX 16384u
#define ATR_WORD_BYTES_MAX 63u

/* --- arrays ---------------------------------------------------------------------------------------------------- */

/* Bytes of one array element: a 4x4 matrix of doubles. */
#define ATR_DELTA_ELEM_BYTES_MAX 128u

/* A delta larger than this part of the whole blob does not pay: the receiver hashes the whole either way. */
#define ATR_DELTA_PERCENT_MAX 70u

/* Below this compressing costs more than the bytes saved: they fit in one packet anyway. */
#define ATR_PACK_BYTES_MIN 256u

/* --- rooms --------------------------------------------------------------------------------------------------- */

/* The ring of operations that a room keeps for members near the tail: 40,000 operations of 800 bytes. */
#define ATR_RING_BYTES ATR_MIB(32)

/* Blobs that are held only because operations of a room's ring name them, or may have replaced them: when it is more, the oldest operations go.
 * 64 changes of an array of 4 MiB; a ring of small operations that name large arrays would hold a hundred thousand. */
#define ATR_RING_BLOB_BYTES ATR_MIB(256)

/* Operations on a document that wait to be merged into its text, in bytes beside those of the text itself: then they are. A small document is
 * parsed and printed once for a hundred moves, and merged within a tenth of a millisecond. */
#define ATR_CHAIN_BYTES ATR_KIB(8)

/* Blobs that a replica's document named before, beside twice those that it names: as many again may still be the bases of deltas. Beyond it the
 * tree is looked at, which costs no more than what a change of so many bytes does anyway. */
#define ATR_REFS_PAST_BYTES ATR_KIB(64)

/* Documents whose trees a replica keeps ready for the next edit: 30 KB each for a plain object. As many as somebody drags at once; the others are
 * compact. */
#define ATR_WARM_DOCS 1024u

/* Ticks after which a document that nothing happens to is made compact, and how many of them in one tick. */
#define ATR_WARM_TICKS 20u
#define ATR_COOL_PER_TICK 128

/* Operations that a client has sent and not seen acknowledged. At 80,000 a second and 100 ms it just binds. */
#define ATR_PENDING_MAX 8192u

/* Members of one room, and rooms of one server: a machine of 1 GiB carries them. */
#define ATR_MEMBERS_MAX 256u
#define ATR_ROOMS_MAX 256u

/* Connections of one server. Beyond it, for a moment each: those without a key, and those whose last words are on their way. */
#define ATR_CONNECTIONS_MAX 1024u

/* Living documents of one room: a scene of 100,000 objects with a mesh each, and as many again. */
#define ATR_DOCS_MAX 400000u

/* Tombstones of one room, and of a client in it; the oldest go first. Some 300 bytes each. */
#define ATR_TOMBSTONES_MAX 100000u

/* Participants whose last counter a room remembers; one is added whenever somebody starts Blender and joins. Those
 * that said goodbye go first (they wait for no answer), then those that were cut longest ago. */
#define ATR_PARTICIPANTS_MAX 16384u

/* Operations of one room that wait for a store slower than its members: a second of a disk's worst. Members get no more
 * credit for state from half of it on, so only one that does not care ever meets the end: it is refused. */
#define ATR_STAGED_BYTES_MAX ATR_MIB(64)

/* Blobs that a member has offered and not finished sending, and blobs that it has sent and not yet named. */
#define ATR_OFFERS_MAX 64u
#define ATR_HOLDS_MAX 1024u

/* Bytes of the latter; what is beyond it is spare, the oldest first. As much as an operation may name (ATR_BLOBS_PUT_BYTES). */
#define ATR_HOLDS_BYTES_MAX ((uint64_t)4 * 1024 * ATR_MIB(1))

/* Blobs of one connection that have begun to arrive: a correct peer sends one after the other. */
#define ATR_ARRIVING_BYTES_MAX ((uint64_t)2 * ATR_BLOB_BYTES_MAX)

/* Blobs of one room, which stand in the memory of its server: more than a workstation's graphics card holds, or a small server. */
#define ATR_ROOM_BLOB_BYTES_MAX ((uint64_t)16 * 1024 * ATR_MIB(1))

/* A blob that may come as a delta. It is put together and hashed at once, which for a larger one would hold up all others; that comes whole,
 * and is hashed piece by piece. Positions of 2.8 million points. */
#define ATR_DELTA_BLOB_BYTES_MAX ATR_MIB(32)

/* Blobs that a member has asked for and not yet got, those among them that nobody has yet. */
#define ATR_GETS_MAX 16384u

/* Documents whose digests one message compares: a merge and a canonical print each on the server. */
#define ATR_DIGESTS_MAX 256u

/* Names that people give, in bytes of UTF-8. Blender's own stop at 63 or 255. */
#define ATR_USER_NAME_BYTES_MAX 255u
#define ATR_ROOM_NAME_BYTES_MAX 255u

/* Text of an error or reason that crosses the wire. */
#define ATR_REASON_BYTES_MAX 1024u

/* Unreferenced blobs that a room, or a client, keeps because they may be wanted again soon (undo, a second join). */
#define ATR_BLOBS_BYTES ATR_MIB(256)

/* What is counted for each of them beside its bytes: its entry, its place in a hash table, the head of its bytes. */
#define ATR_BLOB_ENTRY_BYTES 256u

/* Blobs that the application has put and not yet named: all those of one operation, which names them at its end. Four of the
 * largest; a mesh of ten million points with all its attributes has a tenth. What is more is spare. */
#define ATR_BLOBS_PUT_BYTES ((uint64_t)4 * 1024 * ATR_MIB(1))

/* A document that is read in slices takes seconds, a large one minutes. What is not named after that was given up half read. */
#define ATR_BLOBS_PUT_MS 600000u

/* The schema of documents (docs/schema.md). */
#define ATR_SCHEMA 1

/* --- queues between threads -------------------------------------------------------------------------------------- */

/* Slots of each ring between the main and the net thread: 8 bytes each, so 512 KiB a ring; 65,536 messages are
 * 0.8 s at the highest rate that was measured. */
#define ATR_QUEUE_SLOTS 65536u

/* Events that are answers to the application's own commands and found the queue full. */
#define ATR_EVENT_BACKLOG_MAX 4096u

/* Documents that one room delivers before others get their turn: some milliseconds. */
#define ATR_DELIVER_MAX 1024

/* Documents whose digests an idle client compares per tick: 100,000 in two minutes. */
#define ATR_DIGESTS_PER_TICK 64

/* How long a blob that nobody names any more may still be asked for. */
#define ATR_SHELF_SWEEP_MS 5000u

/* The client engine looks at what is due this often: flushes and goodbyes that wait, latency, idle work. */
#define ATR_CLIENT_TICK_MS 100u

/* What was submitted before a `leave` or `disconnect` has this long to go out. */
#define ATR_LEAVE_MS 3000u

/* close() waits at most this long for the goodbye to be on its way. */
#define ATR_CLIENT_CLOSE_MS 100u

/* The application is told the number of own operations on their way at most this often. */
#define ATR_PENDING_TELL_MS 100u

/* A blob that a document waits for and of which nothing has come for this long no longer keeps a join from being complete. */
#define ATR_BLOB_STALL_MS 30000u

/* Items taken per wake-up before other work of the loop gets its turn: some 2 ms. */
#define ATR_QUEUE_DRAIN_MAX 4096u

/* Bytes of operations that a tap (client/tap.c) keeps for an application that does not take its events: as much as the server may
 * send without being told that it was consumed. */
#define ATR_TAP_BYTES_MAX ATR_MIB(64)

/* --- connections ------------------------------------------------------------------------------------------------- */

/* From accept or connect to the proof of the peer's key. */
#define ATR_HANDSHAKE_TIMEOUT_MS 10000u

/* A host that is asked to let us in, or how a password is proved, has this long to say anything: that it has asked its user counts, who then has
 * ATR_KNOCK_TIMEOUT_MS. A server answers all of it at once, the guess that comes too soon with the time to wait; so it may be as slow as in its handshake. */
#define ATR_ANSWER_TIMEOUT_MS 10000u

/* People answer a knock. */
#define ATR_KNOCK_TIMEOUT_MS 300000u

/* A control message of a peer that is not let in yet: a hello with a name of 255 bytes, four times over. Anybody can make a
 * key, and 1,024 strangers with half a document of 8 MiB each would fill the machine. */
#define ATR_STRANGER_BYTES_MAX ATR_KIB(4)

/* Somebody who has proved a key has this long to say hello: the user may be reading the host's check code. */
#define ATR_HELLO_TIMEOUT_MS 120000u

/* Keys that wait for a host's answer. A panel shows a handful; a stranger with many keys must not fill it. */
#define ATR_KNOCKS_MAX 32u

/* Rows in a server's list of guests. */
#define ATR_GUESTS_MAX 10000u

/* Keys that one invite lets in for good while a server runs: a tenth of them. Whoever has a link can make keys as he likes, and each takes a row from those
 * who come later. */
#define ATR_INVITE_KEYS_MAX 1000u

/* That list, 3.6 MB at most, the invites and the passwords are written no more often than this where nobody waits for it, and again after a while where
 * they could not be. */
#define ATR_KEEP_MS 1000u
#define ATR_KEEP_AGAIN_MS 30000u

/* Of those among them whom the host has refused for good, so many are told to him: more than anybody looks through, and with names of 255 bytes, each of
 * which JSON may write as six, less than half of a control message. */
#define ATR_KEPT_OUT_TOLD_MAX 200u

/* Rooms that one key was let into one by one; the oldest goes for the next. */
#define ATR_GUEST_ROOMS_MAX 64u

/* Argon2id for passwords: a tenth of a second and 64 MiB, libsodium's "interactive". What a client does at most for a host that
 * it does not know yet. */
#define ATR_ARGON_PASSES 2u
#define ATR_ARGON_KIB (64u * 1024u)
#define ATR_ARGON_PASSES_MAX 8u
#define ATR_ARGON_KIB_MAX (256u * 1024u)

/* Guesses of a password: so many at once, then one in so many milliseconds. A person mistypes thrice; 10,000 guesses take
 * a day and more, against a password of six random letters 40 years. */
#define ATR_GUESSES_AT_ONCE 10
#define ATR_GUESS_MS 10000

/* Whoever goes on guessing waits twice as long for each further one, up to this: 10,000 guesses take eighteen days. It is also the longest that
 * a newcomer waits where nobody else gets in between, and all is as it was after ten times as long without a guess. */
#define ATR_GUESS_MS_MAX 160000

/* Buckets for guesses at rooms. A name belongs to one whether there is such a room or not, so that what happens to a guess does not tell; more of them only
 * make it rarer that two rooms share one. */
#define ATR_GUESS_SLOTS 1024u

/* Passwords that are being derived for those who set them, at 64 MiB each. */
#define ATR_PASSWORDS_AT_ONCE 4u

/* Invites of one server that are valid at a time, and how long one is where nothing else is said: a week. */
#define ATR_INVITES_MAX 256u
#define ATR_INVITE_HOURS 168

/* A room whose creator left before it was filled: long enough to come back after a cut. */
#define ATR_ROOM_UNREADY_MS 120000u

/* So long a server waits for the one before it to let go of its folder: that one says goodbye and gives its port back at the router. */
#define ATR_FOLDER_WAIT_MS 3000u

/* The server looks at its deadlines this often; none of them needs to be more exact. */
#define ATR_SERVER_TICK_MS 500u

/* A ping after this long without traffic; the connection counts as dead after four lost ones. */
#define ATR_KEEPALIVE_MS 5000u
#define ATR_DEAD_MS 20000u

/* Bytes that lie unsent in the kernel (TCP_NOTSENT_LOWAT): at 20 Mbit/s they take 6 ms. */
#define ATR_NOTSENT_BYTES ATR_KIB(16)

/* Bytes of a segment of TCP, both ways, where the peer is on another machine: what fits an IPv6 packet of the least size that every link
 * must carry (1,280). Many VPNs and tunnels carry less than Ethernet's 1,500 and some routers drop what is larger without a
 * word, which TCP alone never finds out. The headers' share grows by half a percent. */
#define ATR_SEGMENT_BYTES 1220

/* Bytes that wait in our own send buffer before a lane must stop adding: one frame and what TLS adds. */
#define ATR_SEND_BUFFER_BYTES ATR_KIB(128)

/* What a stream over another one (TLS, WebSocket) holds back while the lower one is busy. Its owner writes only while that is empty, and a session's largest
 * batch is half of it, with all that TLS adds. */
#define ATR_STREAM_OUT_BYTES_MAX ATR_MIB(64)

/* A session's own messages that wait: one ping under way, a pong for each of the peer's, and a report per lane and flush; 5,461 pongs. A peer that
 * pings without reading fills it, and has earned its end. */
#define ATR_URGENT_BYTES_MAX ATR_KIB(64)

/* Messages that wait in a session's control and presence queues. Control: a list of rooms or members is up to 1 MiB
 * and must fit beside what waits already. Presence: the newest state of ATR_MEMBERS_MAX members at 1 KiB each. */
#define ATR_CONTROL_QUEUE_BYTES ATR_MIB(4)
#define ATR_PRESENCE_QUEUE_BYTES ATR_KIB(256)

/* Window of state and bulk together (session/credit.c): where it starts, and the least, which is 130 ms at 1 Mbit/s. */
#define ATR_WINDOW_FIRST_BYTES ATR_KIB(128)
#define ATR_WINDOW_MIN_BYTES ATR_KIB(16)

/* The least window to a peer that is near (less than a millisecond): there a delay is mostly a process that waits for its
 * turn, and a small window would make that worse. In the room: 2 ms at 1 Gbit/s, 21 ms at 100 Mbit/s. On this machine
 * there is no line at all: 1 MiB is a few milliseconds of checking and hashing. */
#define ATR_WINDOW_NEAR_BYTES ATR_KIB(256)
#define ATR_WINDOW_LOCAL_BYTES ATR_MIB(1)

/* Consumed bytes that are worth a report: half the least window, so that a sender never waits for the other half. */
#define ATR_CREDIT_REPORT_BYTES ATR_KIB(8)

/* A deliberate end: what waits on the control lane has this long to go out, and the peer to close its side. */
#define ATR_CLOSE_MS 2000u

/* Connections whose peer has not proved a key yet: so many that have not said a whole ClientHello, and so many that have. The oldest goes for the
 * next, so at a thousand a second, from as many networks or all through one tunnel, each has a second for either step. One costs up to 64 KiB where
 * it has begun to greet and 57 KiB where it has greeted: 121 MiB in all, and 1 KiB where it says nothing. */
#define ATR_HALF_OPEN_MAX 1024u

/* A ClientHello, and so what a newcomer may send that is told that the server is full. Ours has 250 bytes. */
#define ATR_CLIENT_HELLO_BYTES_MAX ATR_KIB(16)

/* Files of a server that are no connections: sockets for each interface, the router, tunnels, keys and lists. */
#define ATR_FILES_SPARE 64u

/* Connections that the kernel keeps for us until the loop takes them. */
#define ATR_LISTEN_BACKLOG 128

/* One address or name, from the click to the first connection. A SYN is repeated after 1, 3 and 7 seconds. */
#define ATR_CONNECT_TIMEOUT_MS 10000u

/* AES-GCM allows 2^24.5 records under one key; a new one long before (RFC 8446, 5.5). */
#define ATR_TLS_REKEY_RECORDS 8388608u

/* Messages of TLS itself after the handshake (new keys, tickets) that a peer may send beyond one for each record of data: each costs us more than it costs him.
 * OpenSSL bounds empty records and warnings likewise, but not these. */
#define ATR_TLS_EXTRAS_MAX 32u

/* Known hosts: lines of the file, and the length of one. */
#define ATR_PINS_MAX 10000u
#define ATR_PIN_LINE_BYTES 1024u

/* What one connection may deliver in a turn of the loop before all others, and what must be sent on, get theirs: libuv
 * alone would read 32 times, 4 MiB, which take 10 ms to check and hash. */
#define ATR_TURN_BYTES ATR_KIB(512)

/* One read from a socket: several TLS records, so that a busy connection needs few system calls. */
#define ATR_READ_BYTES ATR_KIB(128)

/* Head of an HTTP request or response: tunnels add some lines of their own. */
#define ATR_HTTP_HEAD_BYTES_MAX ATR_KIB(8)

/* Most entries of one message of a u16 list, and of a u32 list (longer ones go in parts, flags first and last). */
#define ATR_LIST_SHORT_MAX 1024u
#define ATR_LIST_LONG_MAX 65536u

/* Answers to a WebSocket's pings that wait for a peer that does not read; further pings get none, which RFC 6455 allows. */
#define ATR_WS_PONGS_BYTES_MAX ATR_KIB(1)

/* A peer's certificate: ours have some 300 bytes, and what stands in it beside the key is not read. */
#define ATR_CERTIFICATE_BYTES_MAX ATR_KIB(4)

/* A password: longer than any that is typed, short enough to be derived at once. */
#define ATR_PASSWORD_BYTES_MAX 1024u

/* Keys that --allow names; a command line has no room for many more. */
#define ATR_ALLOW_MAX 1000u

/* One WebSocket frame. Ours hold what one write holds; nothing of a frame is kept, so this only stops nonsense early. */
#define ATR_WS_FRAME_BYTES_MAX ATR_MIB(16)

/* RFC 8305: pause between the starts of two racing attempts, and the most addresses that race. */
#define ATR_RACE_DELAY_MS 250u
#define ATR_ADDRESSES_MAX 16u

/* A name may lead to many numbers. The first of each family always races; of all addresses together so many more do, and those come last: a name with
 * a dozen dead numbers must not keep the next address out. */
#define ATR_RACE_FURTHER_MAX 16u
#define ATR_CANDIDATES_MAX (2u * ATR_ADDRESSES_MAX + ATR_RACE_FURTHER_MAX)

/* A name that is looked up for so long is looked up for IPv4 alone, too. Name servers of providers answer within 100 ms. */
#define ATR_LOOKUP_PATIENCE_MS 500u

/* What is typed or pasted into the Host box; a DNS name has at most 253 bytes. */
#define ATR_HOST_BYTES_MAX 1024u

/* A text in which an address is looked for: the screen of a tunnel's program has 2,000 characters. */
#define ATR_PASTED_BYTES_MAX 4096u

/* Addresses of tunnels in an invite that are tried: those that a host's programs may have found, what it has typed, and one more. */
#define ATR_INVITE_WEB_MAX 6u

/* Places in a pasted text at which an invite may begin and is tried: so many that say so (join#), as a message that speaks of invites has some; and so
 * many long words, of which a thread of e-mails has hundreds. */
#define ATR_INVITE_STARTS_MAX 64u

/* Reconnecting: first pause, and the longest (with jitter). */
#define ATR_BACKOFF_FIRST_MS 250u
#define ATR_BACKOFF_LAST_MS 15000u

/* A connection that has lasted so long was a good one: the pauses begin anew when it breaks. One that ends right behind its welcome, each time, is
 * met by pauses that grow. */
#define ATR_BACKOFF_FORGOTTEN_MS 5000u

/* After so many, some 2 s, the user is told why nobody was reached: a server that starts anew is back before that. */
#define ATR_ATTEMPTS_UNEXPLAINED 3u

/* The port that is tried when none is given. */
#define ATR_PORT_DEFAULT 12800u

/* --- finding hosts on the same network ----------------------------------------------------------------------------- */

/* UDP. One number for all servers of a machine, which share it, as who looks cannot know on which ports they listen. */
#define ATR_DISCOVERY_PORT 12800u

/* A name that answers carry: a DNS label, and so the name of a machine, has at most 63 bytes. */
#define ATR_HOST_NAME_BYTES_MAX 63u

/* While somebody looks, a question goes out this often; who is silent for three of them is gone. */
#define ATR_DISCOVERY_QUERY_MS 3000u
/* The second question comes sooner: a packet to all is easily lost on Wi-Fi, and somebody waits. */
#define ATR_DISCOVERY_SECOND_MS 1000u
#define ATR_DISCOVERY_EXPIRE_MS 10000u

/* What a server answers in one second: a hundred people who look at once, over two ways each. 112 bytes an answer are 22 KB. */
#define ATR_DISCOVERY_ANSWERS_MAX 200

/* What one who looks takes between two questions; more is a flood. */
#define ATR_DISCOVERY_HEARD_MAX 512

/* Addresses at which hosts were heard, several for some hosts. A panel shows a handful. */
#define ATR_NEIGHBORS_MAX 64u

/* Hosts whose rooms one sees who looks for hosts: as many as a panel shows without a search. */
#define ATR_GLANCE_HOSTS_MAX 8u

/* On a local network a host answers within a moment; one that does not holds up the next. Then it is left alone for so long: rooms change in
 * minutes, and whoever wants to know more connects. */
#define ATR_GLANCE_MS 3000u
#define ATR_GLANCE_AGAIN_MS 30000u

/* The responder looks this often for networks that came or went. */
#define ATR_DISCOVERY_NETWORKS_MS 5000u

/* --- the router, and tunnel programs -------------------------------------------------------------------------------- */

/* An answer of a router's web server or a tunnel program's. A router's description of itself has 3 to 30 KiB. */
#define ATR_HTTP_ANSWER_BYTES_MAX ATR_KIB(128)

/* A router has so long to answer in one way, PCP or NAT-PMP, before the next is tried: it is in the same home. */
#define ATR_PORTMAP_TRY_MS 1750u

/* UPnP: a search (devices wait up to a second before they answer), one call (old routers take two seconds), and everything together. */
#define ATR_PORTMAP_SEARCH_MS 2000u
#define ATR_PORTMAP_CALL_MS 3000u
#define ATR_PORTMAP_UPNP_MS 12000u

/* Packets that are read in one search, and devices of the router that are looked at: its media server, its printer ... */
#define ATR_PORTMAP_HEARD_MAX 256u
#define ATR_PORTMAP_DEVICES_MAX 4

/* Outer ports that are tried where others have them already. */
#define ATR_PORTMAP_PORTS_MAX 8u

/* What is asked for: what a server that was killed has left behind is gone after ten minutes. */
#define ATR_PORTMAP_LIFETIME_S 600u

/* It is asked for again at half of its life, but no later than this, as a router that was restarted has forgotten it; and no earlier, for
 * the sake of a router that grants seconds only. */
#define ATR_PORTMAP_CHECK_MS 60000u
#define ATR_PORTMAP_CHECK_MIN_MS 1000u

/* Where it was not to be had: the first pause, and the longest. */
#define ATR_PORTMAP_RETRY_FIRST_MS 5000u
#define ATR_PORTMAP_RETRY_LAST_MS 300000u

/* So often it is looked whether there is another router, or this machine has another address. */
#define ATR_PORTMAP_LOOK_MS 5000u

/* Routers repeat the word that they were restarted. */
#define ATR_PORTMAP_ANNOUNCED_MS 2000u

/* At the end the router has so long to confirm that the port is no longer passed on. */
#define ATR_PORTMAP_END_MS 1000u

/* --- who can reach a host ------------------------------------------------------------------------------------------- */

/* Networks, VPNs and tunnels of one machine that are told apart: a panel shows a handful. */
#define ATR_VERDICTS_MAX 24u

/* Proofs that are kept: one for each address and tunnel. */
#define ATR_PROOFS_MAX 32u

/* Public addresses of tunnels that lead to this server: people start one. */
#define ATR_ENDPOINTS_MAX 4u

/* How long a tunnel's program may take for one answer: it is on this machine. */
#define ATR_AGENT_TIMEOUT_MS 2000u

/* How often they are asked, and this machine's own interfaces are looked at, while a host is there who wants to know. */
#define ATR_AGENT_POLL_MS 10000u
#define ATR_REACH_LOOK_MS 3000u

/* A participant's engine looks this often whether the address of its connection is still this machine's. */
#define ATR_ROAMING_LOOK_MS 1000u

/* How long --check waits for what the router says; everything else is known at once. */
#define ATR_CHECKUP_MS 15000u

/* And for the first word of what listens on this machine's own port: a server of ours shows its key within milliseconds. */
#define ATR_CHECKUP_ANSWER_MS 3000u

/* A firewall's rules, as far as they are read. */
#define ATR_FIREWALL_FILE_BYTES ATR_KIB(256)

/* Addresses of this machine that are looked at. Each container or virtual machine of a developer's may bring one, and none of them may cost a VPN its
 * line: the system lists them in an order of its own. */
#define ATR_INTERFACES_MAX 256u

/* --- logging ----------------------------------------------------------------------------------------------------- */

/* One log line; longer ones are cut. */
#define ATR_LOG_LINE_BYTES 1024u

/* What strangers can cause as often as they like fills no disk: so many lines at once, then one a minute and the number of those that were
 * left out. A day of it is some 200 KB, and an evening's mistakes are all there. */
#define ATR_LOG_STRANGERS_AT_ONCE 200u
#define ATR_LOG_STRANGERS_EVERY_MS 60000u

/* Lines that are kept for a Python program that does not look: 1 MiB at most. */
#define ATR_LOG_KEPT_MAX 1000u

#endif
