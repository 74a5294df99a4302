/** Every bound and time of the wire, in one place (DESIGN §4 Liveness, §6, FAULTS). */
export const WIRE = {
  version: 1,
  subprotocol: 'porchlight.v1',
  tokenPrefix: 'bearer.',
  tokenBytes: 8_192,
  /** A frame before and after sign-in. */
  frameBytes: 65_536,
  scratchDocumentBytes: 65_536,
  awarenessEntries: 64,
  awarenessStateBytes: 2_048,
  digestUnits: 64,
  /** Entries of the feed share a frame up to this; a greater one stands alone. */
  feedFrameBytes: 16_384,
  /** Changes are gathered for so long (LV3: 100 at most). */
  feedTickMs: 50,
  /** Others are told of a person's changes at most twice in this time; a leave does not wait. */
  twoChangesMs: 1_000,
  /** A socket with more than this to take is told the latest once it has taken it. */
  slowSocketBytes: 262_144,
  /** More visible members than this, and a channel is told by counts and pages. */
  channelFeedLimit: 500,
  /** How often the counts of such a channel are told. */
  countsIntervalMs: 1_000,
  /** Members in one page. */
  pageRows: 500,
  /** Watch operations in one frame. */
  watchOperations: 1_000,
  watchedUsers: 500,
  channels: 100,
  /** Unknown until then, after a relay has started (LV7). */
  startGraceMs: 10_000,
  leavingGraceMs: 4_000,
  lostGraceMs: 8_000,
  /** A phone last heard *hidden*: its system cuts sockets. */
  hiddenPhoneGraceMs: 60_000,
  pingIntervalMs: 9_000,
  silentAfterMs: 18_000,
  keepaliveIntervalMs: 8_000,
  /** A visible page that heard nothing for this long reconnects. */
  clientSilentAfterMs: 18_000,
  /** Without an answer to *hello* the relay is a plain y-websocket server (SY4). */
  plainAfterMs: 3_000,
  /** On a plain server a device renews its state this often. */
  plainRenewalMs: 12_000,
  /** The relay answers Step1 with content once Step2 was merged, or after this. */
  exchangeTimeoutMs: 5_000,
  /** An answer of a relay, a token, or `sync()` (SY5). */
  answerTimeoutMs: 10_000,
  recordIntervalMs: 300_000,
} as const
