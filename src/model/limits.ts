/** Every bound on what one user's data may be (DESIGN §5). Bounds of the wire stand in `protocol/limits.ts`. */
export const LIMITS = {
  idBytes: 256,
  customStatusGraphemes: 128,
  nameGraphemes: 64,
  avatarUrlUnits: 400,
  /** UTF-16 units of a text before anything else is done with it. */
  textUnits: 1_024,
  registerValueBytes: 600,
  quietHoursBytes: 1_024,
  registers: 40,
  registersBytes: 16_384,
  registerNameUnits: 64,
  devices: 32,
  activityRows: 200,
  activityDataBytes: 512,
  activityTypeBytes: 64,
  holdReasonBytes: 64,
  /** 90 days. */
  tombstoneMs: 7_776_000_000,
  /** 30 days: a device counts for `total` while it was seen this recently (SY3). */
  deviceCountsMs: 2_592_000_000,
  quietHoursRules: 14,
} as const
