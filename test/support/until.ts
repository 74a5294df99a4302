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

/** Closes everything there is, whatever fails of it; then tells what failed. */
export async function closeAll(...things: readonly ({ close(): Promise<unknown> } | undefined)[]): Promise<void> {
  const failed = (await Promise.allSettled(things.map(async (thing) => thing?.close()))).find((result) => result.status === 'rejected')
  if (failed) throw failed.reason
}
