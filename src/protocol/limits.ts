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
  /** A relay that drains may ask its clients to stay away for at most this long. */
  longestRestMs: 60_000,
} as const

/** What a relay holds its clients to; no client needs to know. */
export const RELAY = {
  /** Open sockets of one person: some twenty tabs. */
  connectionsPerUser: 20,
  /** Behind one address there may be an office. */
  connectionsPerAddress: 1_000,
  connections: 50_000,
  /** Sockets that have not signed in, or are being closed for that. */
  strangersPerAddress: 50,
  strangers: 1_000,
  /** From the request to a socket that is signed in. */
  signInMs: 5_000,
  /** Of anything that comes before that. */
  signInBytes: 8_192,
  /** A browser sends some fifteen headers, and every proxy a few more. */
  requestHeaders: 100,
  /** From a message's first byte to its last. */
  messageMs: 10_000,
  /** Of one message; TCP and WebSocket may cut it up. */
  messagePieces: 1_024,
  /** A peer that does not answer a close frame is not waited for longer. */
  closingMs: 2_000,
  /** So many bytes that wait for a peer to take them, for so long, are too many. */
  stuckBytes: 1_048_576,
  stuckMs: 5_000,
  /** Watch operations of one connection that wait for a hook; and how many hooks run for it at once. */
  waitingOperations: 2_000,
  hooksAtOnce: 50,
  /** People whom somebody asked for lately: asking again costs them nothing. */
  strangersRemembered: 1_000,
  /** After so long unused, every bucket is full again, and what is known of its user can be forgotten. */
  budgetKeptMs: 600_000,
  budgetsKept: 100_000,
} as const

/** So many at once, and so many a second. */
export interface Rate {
  readonly perSecond: number
  readonly burst: number
}

/**
 * How often one connection may do what. Our own client never meets these: it starts with a hello, its liveness, an exchange of documents, and
 * a watch for each dot on its page. All connections of one user together have `USER_SHARE` of each.
 */
export const RATES = {
  /** Frames of any kind. */
  messages: { perSecond: 50, burst: 1_000 },
  /** Others are told of what these change. */
  awareness: { perSecond: 20, burst: 40 },
  edits: { perSecond: 20, burst: 200 },
  watches: { perSecond: 100, burst: 2_000 },
  pages: { perSecond: 20, burst: 200 },
  devices: { perSecond: 2, burst: 10 },
  /** Each costs the check of a signature. */
  tokens: { perSecond: 0.1, burst: 5 },
  /** Each is answered with what all siblings say of themselves. */
  queries: { perSecond: 1, burst: 10 },
  /** Over HTTP. */
  requests: { perSecond: 5, burst: 4 },
} as const
export type RateName = keyof typeof RATES

export const USER_SHARE = { perSecond: 3, burst: 10 } as const

/** What was too much is dropped; who goes on like that is sent away. */
export const DROPPED_RATE: Rate = { perSecond: 5, burst: 200 }
/** T7: people with whom one shares no channel, asked for by all connections of a user together. */
export const STRANGERS_RATE: Rate = { perSecond: 1, burst: 500 }
/** New connections from one address. */
export const ARRIVALS_RATE: Rate = { perSecond: 200, burst: 1_000 }
/** How often one is told that something was dropped. */
export const COMPLAINTS_RATE: Rate = { perSecond: 1, burst: 5 }
