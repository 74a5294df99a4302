/** The one of `known` that was probably meant: at most two letters wrong. */
export function nearestOf(name: string, known: readonly string[]): string | undefined {
  if (name.length > 64) return undefined
  const given = name.toLowerCase()
  // Whole letters decide; of equals the one that begins alike: "ofline" is offline, not online.
  const distances = known.map((candidate) => distanceBetween(given, candidate.toLowerCase()) - sharedStart(given, candidate) / 100)
  const least = Math.min(...distances)
  // A word of two letters is two letters from every other.
  return Math.ceil(least) <= Math.min(2, name.length - 1) ? known[distances.indexOf(least)] : undefined
}

function sharedStart(a: string, b: string): number {
  let length = 0
  while (length < a.length && a[length] === b[length]) length++
  return length
}

/** Levenshtein's, one row at a time. */
function distanceBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, index) => index)
  for (let i = 1; i <= a.length; i++) {
    const next = [i]
    for (let j = 1; j <= b.length; j++) {
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1)))
    }
    row = next
  }
  return row[b.length]!
}
