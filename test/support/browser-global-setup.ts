/** A real relay for tests in a browser; they find it by `inject('relayUrl')`. */
import type { TestProject } from 'vitest/node'
import { startSettledRelay, type SettledRelay } from './settled-relay.js'

declare module 'vitest' {
  export interface ProvidedContext {
    relayUrl: string
  }
}

let relay: SettledRelay

export async function setup(project: TestProject): Promise<void> {
  relay = await startSettledRelay()
  project.provide('relayUrl', relay.url)
}

export async function teardown(): Promise<void> {
  await relay.close()
}
