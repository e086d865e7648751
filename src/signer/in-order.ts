/** Lets tasks end in the order in which they came, however long each of them takes; none waits to begin. */
export class InOrder {
  private last: Promise<unknown> = Promise.resolve()

  run<T>(task: () => Promise<T>): Promise<T> {
    const ready = task()
    // Heard below, when its turn comes; until then it is nobody's failure.
    ready.catch(() => undefined)
    const inTurn = this.last.then(() => ready)
    this.last = inTurn.catch(() => undefined)
    return inTurn
  }
}
