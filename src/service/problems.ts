/** What is wrong at present, for `getSyncStatus`; each is told once, however often it happens. */
import type { PresenceErrorLike, PresenceProblem } from '../presence-service.js'

export interface Problems {
  /** Null: what was wrong is over. True where that is news. */
  note(about: 'storage' | 'relay', problem: PresenceErrorLike | null): boolean
  list(): readonly PresenceProblem[]
}

export function createProblems(now: () => number): Problems {
  const problems = new Map<string, PresenceProblem>()
  return { note, list: () => [...problems.values()] }

  function note(about: string, problem: PresenceErrorLike | null): boolean {
    if (!problem) return problems.delete(about)
    const known = problems.get(about)
    problems.set(about, { code: problem.code, message: problem.message, since: known?.since ?? now() })
    return known?.message !== problem.message
  }
}
