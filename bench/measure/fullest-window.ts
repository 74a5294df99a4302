/** The most of these times that lie within any `windowMs`. */
export function fullestWindow(times: readonly number[], windowMs: number): number {
  const sorted = [...times].sort((a, b) => a - b)
  let first = 0
  return sorted.reduce((most, time, index) => {
    while (sorted[first]! <= time - windowMs) first++
    return Math.max(most, index - first + 1)
  }, 0)
}
