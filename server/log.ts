/** What a relay writes of itself: one JSON object a line, in plain ASCII, whatever stands in it. */
import type { Log, LogLevel } from '../src/ports.js'

export interface LogOptions {
  /** Takes one line, without its line feed. */
  readonly write: (line: string, level: LogLevel) => void
  /** Whatever is less is left out. */
  readonly level: LogLevel
  readonly now?: () => number
}

export const LOG_LEVELS: readonly LogLevel[] = ['debug', 'warn', 'error']
/** A stack fits; a frame or a document of a stranger's does not. */
const TEXT_UNITS = 2_000

export function createLog({ write, level: least, now = () => Date.now() }: LogOptions): Log {
  return (level, message, details) => {
    if (LOG_LEVELS.indexOf(level) < LOG_LEVELS.indexOf(least)) return
    const time = new Date(now()).toISOString()
    write(lineOf({ time, level, message, ...(details && { details }) }) ?? lineOf({ time, level, message })!, level)
  }
}

/** Undefined where something in it is no JSON: a log that throws would make a small trouble a great one. */
function lineOf(entry: Readonly<Record<string, unknown>>): string | undefined {
  try {
    const text = JSON.stringify(entry, (_, value: unknown) => plain(value))
    // Line separators, terminal codes and bidirectional marks are a stranger's way to write lines of their own.
    return text.replace(/[^ -~]/g, (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, '0')}`)
  } catch {
    return undefined
  }
}

function plain(value: unknown): unknown {
  if (typeof value === 'string') return clean(value)
  if (!(value instanceof Error)) return value
  const { name, message, cause } = value
  return { name, message, ...('code' in value && { code: value.code }), ...(cause !== undefined && { cause }) }
}

/** T11: whatever an error may have quoted. */
const TOKEN = /\beyJ[\w-]*(\.[\w-]*)*|\bbearer[. ]\S+/gi
const clean = (text: string): string => text.slice(0, TEXT_UNITS).replace(TOKEN, '[token]')
