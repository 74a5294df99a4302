/** TM1: durations on the wire, times at rest. Nobody subtracts one machine's clock from another's. */

/** How long ago by the teller's clock: whole milliseconds, never negative. Null: never. */
export const agoOf = (time: number | null, now: number): number | null => (time === null ? null : Math.max(0, Math.round(now - time)))

/** When it was by the receiver's clock; whoever passes it on restates it with `agoOf`. */
export const stampOf = (agoMs: number | null, now: number): number | null => (agoMs === null ? null : now - Math.max(0, agoMs))
