/** Every bound of the protocol, with its unit and its reason. */

/** Bytes of one log entry (design: entries hold no content, only commitments and settings). */
export const ENTRY_BYTES = 4 * 1024
/** Bytes of one encoded body: all texts at their limits in four-byte characters, and headroom. */
export const BODY_BYTES = 32 * 1024
/** Bytes of one frame on a stream, and what a reader allocates at most for one. */
export const FRAME_BYTES = 1024 * 1024
/** Bytes after which a writer closes a batch frame: large enough to amortise system calls. */
export const BATCH_BYTES = 128 * 1024
/** Bytes of one gossip message. */
export const GOSSIP_BYTES = 64 * 1024
/** Bytes of a signed note: a checkpoint with a signature line for each member. */
export const NOTE_BYTES = 256 * 1024
/** Signatures on one note: a log's own, and a cosignature by each member and the coordinator. */
export const NOTE_SIGNATURES = 1024
/** Sites in a network, expelled ones included: each leaves room for its signature and its head. */
export const MEMBERS = 1000
/** Record versions asked for in one bodies request. */
export const BODIES_PER_REQUEST = 1024
/** Logs named in one heads message. */
export const HEADS = 1024
/** Network addresses told for one site. */
export const ADDRESSES = 8
/** Characters of one network address. */
export const ADDRESS_CHARS = 256
/** Entries in one log: sizes are u64 in the formats, and ours stay exact in a JavaScript number. */
export const LOG_SIZE = Number.MAX_SAFE_INTEGER
/** Nesting of CBOR values; our deepest message has six levels. */
export const CBOR_DEPTH = 16
/** Hashes in an inclusion or consistency proof (RFC 6962: below 64 for any u64 size). */
export const PROOF_HASHES = 63
/** Seconds a heartbeat may be ahead of the receiver's clock. */
export const CLOCK_SKEW_SECONDS = 5 * 60
/** Bytes of a proof or policy file: a note and its members' keys, each at their limits. */
export const EVIDENCE_BYTES = 2 * NOTE_BYTES
/** Seconds for which an auditor may be handed the opening of a consent. */
export const OPENING_SECONDS = 90 * 86_400
/** Bytes of one file in an archive of evidence, which its reader has in memory. */
export const ARCHIVE_FILE_BYTES = EVIDENCE_BYTES
/** Bytes of entries after which a writer of an archive closes a file. */
export const ARCHIVE_PART_BYTES = 256 * 1024
/** Files that one part of an archive's manifest names: its reader keeps as many lines. */
export const MANIFEST_FILES = 1000
/** Kinds of statements in one archive. */
export const STATEMENT_KINDS = 32
/** Members of whom an archive's check says one by one that their receipts are missing. */
export const MISSING_LINES = 1000
/** Bytes of one chunk of a picture, which is checked by itself. */
export const PICTURE_CHUNK_BYTES = 64 * 1024
/** Pixels of the longer edge of a picture's two files. */
export const PICTURE_EDGES = { small: 320, large: 1280 } as const
/** Bytes of a picture's two files, which whoever serves or keeps one has in memory. */
export const PICTURE_BYTES = { small: 64 * 1024, large: 512 * 1024 } as const
/** Bytes of a picture's manifest: a hash for each chunk, and headroom. */
export const PICTURE_MANIFEST_BYTES = 1024
/** Pictures in a gallery, beside the main one. */
export const GALLERY_PICTURES = 12
/** Pictures asked for in one request: some 36 MiB at the most, which a stream's time allows. */
export const PICTURES_PER_REQUEST = 64
/** Bytes of a message's text in UTF-8 (design §4.9). */
export const MESSAGE_BYTES = 16 * 1024
/** Bytes of a talk frame: a text, three ids, a site's name, a time. */
export const TALK_BYTES = MESSAGE_BYTES + 1024
/** Bytes of an answer to one. */
export const TALK_ANSWER_BYTES = 64
/** Talk frames of one stream that wait for their answers at once. */
export const TALK_WINDOW = 64
/** Records named in one presence frame. */
export const PRESENCE_RECORDS = 1024
/** Records of one home that are online at once, as far as others are told. */
export const ONLINE_RECORDS = 100_000
/** Seconds for which a member is online after the website has said so. */
export const PRESENCE_SECONDS = 300
/** Seconds that a home has to act on a report, before it goes to the coordinator's desk. */
export const REPORT_SECONDS = 72 * 3600
/** Records that one member can block. */
export const BLOCKS = 10_000
/** Bytes in which a draw says by how much one log has grown: a larger growth is told in parts. */
export const GROWTH_BYTES = 3
/** Publishes that one draw takes from one log at most. */
export const DRAWN_PER_LOG = 16
/**
 * Places that are looked at for one log in one draw: among so many even a log in which one entry in
 * four thousand is alive shows as many as are drawn.
 */
export const DRAW_TRIES = 65_536
/** Draws of which a node still knows what they name; a challenge about an older one is refused. */
export const DRAWS_KEPT = 64
/** Draws on demand within a day: what an auditor's key can make sites open. */
export const DEMANDS_PER_DAY = 24
/** Bytes of a request, and of an answer, of the audit protocol: a consent record has a body's bound. */
export const AUDIT_REQUEST_BYTES = 1024
export const AUDIT_REPLY_BYTES = BODY_BYTES + 1024
/** Bytes of what a volunteer signs: three names, two numbers, a word, a time and a nonce. */
export const STATEMENT_BYTES = 2048
/** Random bytes by which a statement answers one question only. */
export const PROBE_NONCE_BYTES = 16
/** Probes that a volunteer runs for the coordinator in an hour. */
export const PROBES_PER_HOUR = 120
