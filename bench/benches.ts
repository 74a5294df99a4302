/** All benches, in the order of DESIGN, "Budgets". Those of the browser's half belong into bench/browser/, one line each here. */
import type { Bench } from './finding.js'
import { fanOut } from './relay/fan-out.js'
import { idleChannel } from './relay/idle-channel.js'
import { joinChannel } from './relay/join-channel.js'
import { load } from './relay/load.js'
import { memory } from './relay/memory.js'
import { restart } from './relay/restart.js'
import { stored } from './relay/stored.js'
import { longLife } from './replica/long-life.js'

export const BENCHES: readonly Bench[] = [fanOut, idleChannel, joinChannel, memory, restart, load, stored, longLife]
