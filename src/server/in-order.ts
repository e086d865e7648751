const ignore = (): void => undefined

/** Work that waits for others, some of it at a time; what comes of it comes in the order in which it was asked for. */
export class InOrder {
  private running = 0
  private readonly waiting: (() => void)[] = []
  private last: Promise<void> = Promise.resolve()

  constructor(private readonly most: number) {}

  /** @returns what came of it, when everything that was asked for before is done as well. */
  take<T>(work: () => Promise<T>): Promise<T> {
    const own = this.begin(work)
    const inTurn = this.last.then(() => own)
    // Who failed holds up nobody.
    own.catch(ignore)
    this.last = inTurn.then(ignore, ignore)
    return inTurn
  }

  private async begin<T>(work: () => Promise<T>): Promise<T> {
    if (this.running >= this.most) await new Promise<void>((resolve) => this.waiting.push(resolve))
    else this.running += 1
    try {
      return await work()
    } finally {
      // Its place goes to the next one, or is free.
      const next = this.waiting.shift()
      if (next === undefined) this.running -= 1
      else next()
    }
  }
}
