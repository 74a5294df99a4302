/** Loaded by every measured server before its own script (`--import`): answers the bench's questions, and ends with the bench. */
import { monitorEventLoopDelay, type IntervalHistogram } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { Answer, Question } from '../measure/questions.js'

const RESOLUTION_MS = 2
let loop: IntervalHistogram | undefined

process.on('disconnect', () => process.exit())
process.on('message', (question: Question) => process.send?.(answer(question)))

function answer({ id, ask }: Question): Answer {
  switch (ask) {
    case 'watch-loop': {
      loop = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
      loop.enable()
      return { id }
    }
    case 'loop-delay': {
      loop?.disable()
      // What is recorded is the time from one firing to the next, of which so much was meant.
      return { id, loopDelayMs: Math.max(0, (loop?.percentile(99) ?? NaN) / 1e6 - RESOLUTION_MS) }
    }
    case 'collect': {
      setFlagsFromString('--expose-gc')
      const collect = runInNewContext('gc') as () => void
      for (let round = 0; round < 3; round++) collect()
      return { id }
    }
    case 'memory': {
      const { heapUsed, external } = process.memoryUsage()
      return { id, heapBytes: heapUsed + external }
    }
  }
}
