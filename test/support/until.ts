/** Waits for a condition, with a deadline; resolves with what made it true. */
export async function until<Value>(read: () => Value | Promise<Value>, what: string, withinMs = 20_000): Promise<NonNullable<Value>> {
  const deadline = performance.now() + withinMs
  for (;;) {
    const value = await read()
    if (value) return value 
    if (performance.now() > deadline) throw new Error(`Not within ${withinMs / 1_000} s: ${what}.`)
    await pause(25)
  }
}

export const pause = (ms: number): Promise<void> => new Promise((resolve) => { setTimeout(resolve, ms) })
