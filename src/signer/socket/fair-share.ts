/** Requests of one connection that may be under way before it is not read any further. */
const MOST_OF_ONE = 256
/** Of all together, as long as each has one. */
const MOST_OF_ALL = 64
/** After that the work under way has its turn again. */
const TURN_MS = 5

/**
 * How much of a signer one connection may have. Whoever is alone may send ahead; where several are owed answers they share, or one that
 * sends without end on many connections would be thousands of requests before everybody else's.
 */
export class FairShare {
  private owed = 0
  private readonly line: (() => void)[] = []

  /** Call when a connection is owed its first answer. */
  join(): void {
    this.owed += 1
  }

  /** Call when it was given its last one. */
  leave(): void {
    this.owed -= 1
  }

  /** Requests that one connection may have under way. */
  get most(): number {
    return this.owed <= 1 ? MOST_OF_ONE : Math.max(1, Math.floor(MOST_OF_ALL / this.owed))
  }

  /** Others wait for their turn already. */
  get isLine(): boolean {
    return this.line.length > 0
  }

  /** Each in the order it came, as many as fit into a turn of the event loop. */
  inLine(takeTurn: () => void): void {
    this.line.push(takeTurn)
    if (this.line.length === 1) setImmediate(this.takeTurns)
  }

  private readonly takeTurns = (): void => {
    const until = performance.now() + TURN_MS
    // Whoever joins meanwhile comes behind the others; the first stays in line while it has its turn, so that nobody begins another one.
    for (let left = this.line.length; left > 0; left -= 1) {
      this.line[0]?.()
      this.line.shift()
      if (performance.now() >= until) break
    }
    if (this.line.length > 0) setImmediate(this.takeTurns)
  }
}
