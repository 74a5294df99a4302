/** Who takes part, the same for us and for our peers: what there is to know of each. */
import type { StatusChoice } from '../../src/presence-service.js'

export const userIdOf = (index: number): string => `user-${String(index).padStart(5, '0')}`
export const indexOf = (userId: string): number => Number(userId.slice('user-'.length))
export const nameOf = (index: number): string => `Ada Lovelace ${index}`
/** What there is to know of each beside the id and the status. */
export type Detail = 'nothing more' | 'name and custom status'
export const CUSTOM_STATUS = { text: 'In a meeting', emoji: '📅' }
export const CHANNEL = 'general'

/** What one person chooses, one after another: each is a change that others see, starting from `auto`. */
export const choiceOf = (change: number): StatusChoice => CHOICES[change % CHOICES.length]!
const CHOICES: readonly StatusChoice[] = ['dnd', 'auto', 'away', 'auto']
