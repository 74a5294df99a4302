/** What a bench found, against its budget (DESIGN, "Budgets"). */

/** As `--json` writes it. */
export interface Row {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly budget: string
  /** Of the value to the peer's. */
  readonly ratio?: number
  readonly pass: boolean
}
export interface Finding extends Row {
  /** What was measured in the same run beside it; empty: nothing. */
  readonly beside: string
  /** What exactly was done, for the reader of the table. */
  readonly how: string
}
export interface Bench {
  readonly name: string
  /** The names of its rows. */
  readonly rows: readonly string[]
  readonly run: (progress: (stage: string) => void) => Promise<readonly Finding[]>
}

interface Measured {
  readonly name: string
  readonly value: number
  readonly unit: string
  readonly how: string
}

export function judge({ beside = '', atMost, ...measured }: Measured & { readonly atMost: number; readonly beside?: string }): Finding {
  return { ...measured, budget: `≤ ${atMost.toLocaleString('en')} ${measured.unit}`, pass: measured.value <= atMost, beside }
}

export interface Peer {
  readonly name: string
  readonly value: number
}
/** `atMost` is a share of the peer's value. */
export function judgeBeside({ peer, atMost, beside, ...measured }: Measured & { readonly peer: Peer; readonly atMost: number; readonly beside?: string }): Finding {
  const ratio = measured.value / peer.value
  return {
    ...measured, ratio, pass: ratio <= atMost, budget: `≤ ${asShare(atMost)} of ${peer.name}`,
    beside: beside ?? `${peer.name}: ${asFigure(peer.value)} ${measured.unit}`,
  }
}

/** In JSON its value is null. */
export const unmeasured = (name: string): Finding => ({ name, value: NaN, unit: '', budget: '', pass: false, beside: '', how: '' })

/** 1/15 reads better than 0.067. */
export const asShare = (share: number): string => (share > 0.4 ? String(Number(share.toPrecision(2))) : `1/${asFigure(1 / share)}`)

/** Three figures, and no more zeros than needed. */
export function asFigure(value: number): string {
  return Number(value.toPrecision(3)).toLocaleString('en', { maximumFractionDigits: 6 })
}
