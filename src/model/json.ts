import type { JsonValue } from '../presence-service.js'

/** The result of reading something a stranger wrote. */
export type Parsed<T> = { readonly ok: true; readonly value: T } | { readonly ok: false; readonly reason: string }
export const parsed = <T>(value: T): Parsed<T> => ({ ok: true, value })
export const unreadable = (reason: string): Parsed<never> => ({ ok: false, reason })

export type JsonObject = { readonly [key: string]: JsonValue }

const POISONOUS_KEYS = new Set(['__proto__', 'constructor', 'prototype'])
/** A name that some careless lookup would take for the language's own (T23). */
export const isPoisonous = (name: string): boolean => POISONOUS_KEYS.has(name)
const MAXIMUM_DEPTH = 8

export const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    && (Object.getPrototypeOf(value) === Object.prototype || Object.getPrototypeOf(value) === null)

/** Plain JSON only: finite numbers, plain objects without poisonous keys, no deeper than eight levels. */
export function isJson(value: unknown, depth = 0): value is JsonValue {
  if (value === null || typeof value === 'string' || typeof value === 'boolean') return true
  if (typeof value === 'number') return Number.isFinite(value)
  if (depth >= MAXIMUM_DEPTH) return false
  if (Array.isArray(value)) return value.every((item) => isJson(item, depth + 1))
  return isObject(value)
    && Object.keys(value).every((key) => !isPoisonous(key) && isJson(value[key], depth + 1))
}

/** The same text for the same value, whatever order its keys were written in. */
export function canonicalJson(value: JsonValue): string {
  return JSON.stringify(value, (_key, part: JsonValue) => isObject(part)
    ? Object.fromEntries(Object.entries(part).sort(([a], [b]) => (a < b ? -1 : 1)))
    : part)
}

export function parseJson(text: string): Parsed<JsonValue> {
  try {
    const value: unknown = JSON.parse(text)
    return isJson(value) ? parsed(value) : unreadable('not plain JSON')
  } catch {
    return unreadable('not JSON')
  }
}

const encoder = new TextEncoder()
export const sizeInBytes = (text: string): number => encoder.encode(text).length
