/** All benches, in the order of DESIGN, "Budgets". Those of the browser's half belong into bench/browser/, one line each here. */
import type { Bench } from './finding.js'
import { fanOut } from './relay/fan-out.js'
import { memory } from './relay/memory.js'

export const BENCHES: readonly Bench[] = [fanOut, memory]
