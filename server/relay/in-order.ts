/** Questions whose answers are used in the order in which they were asked, whatever comes back first. A few are asked at a time. */

export interface InOrder {
  /** Where nothing waits and the answer is there at once, it is used before this returns. A promise must not reject. */
  add<T>(ask: () => T | Promise<T>, use: (answer: T) => void): void
  waiting(): number
  /** What has not been used by now never will be. */
  stop(): void
}

interface Question {
  readonly ask: () => unknown
  readonly use: (answer: unknown) => void
  answered: { readonly answer: unknown } | null
}

export function createInOrder(atOnce: number): InOrder {
  const questions: Question[] = []
  /** Of the first that was not asked yet. */
  let next = 0
  let open = 0
  return {
    add(ask, use) {
      questions.push({ ask, use: use as Question['use'], answered: null })
      goOn()
    },
    waiting: () => questions.length,
    stop() {
      questions.length = 0
      next = 0
    },
  }

  function goOn(): void {
    for (;;) {
      while (open < atOnce && next < questions.length) begin(questions[next++]!)
      const [first] = questions
      if (!first?.answered) return
      questions.shift()
      next--
      first.use(first.answered.answer)
    }
  }

  function begin(question: Question): void {
    const answer = question.ask()
    if (!(answer instanceof Promise)) {
      question.answered = { answer }
      return
    }
    open++
    void answer.then((late: unknown) => {
      open--
      question.answered = { answer: late }
      goOn()
    })
  }
}
