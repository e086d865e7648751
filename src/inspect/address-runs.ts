import { Unreadable } from './unreadable.js'

const MOST_RUNS = 16_384

interface Run {
  readonly from: number
  to: number
}

/** Which addresses data were given for. Of two data at one address, one loader keeps the first and another the last. */
export class AddressRuns {
  /** In order, and apart from each other. */
  private readonly runs: Run[] = []
  private current: Run = { from: -1, to: -1 }
  /** Where the run behind the current one begins. */
  private limit = -1

  /** @throws Unreadable where data were given before, or for too many places. */
  take(from: number, to: number): void {
    // Nearly always the data go on where they were.
    if (from === this.current.to && to <= this.limit) this.current.to = to
    else if (from < to) this.place(from, to)
  }

  private place(from: number, to: number): void {
    const index = this.firstFrom(from)
    const [before, after] = [this.runs[index - 1], this.runs[index]]
    if ((before !== undefined && before.to > from) || (after !== undefined && after.from < to))
      throw new Unreadable(`it says twice what stands at ${from}`)
    if (before?.to === from) this.current = before
    else {
      if (this.runs.length === MOST_RUNS) throw new Unreadable(`its data lie in more than ${MOST_RUNS} places`)
      this.current = { from, to }
      this.runs.splice(index, 0, this.current)
    }
    this.current.to = to
    this.limit = after?.from ?? Infinity
  }

  private firstFrom(from: number): number {
    let [low, high] = [0, this.runs.length]
    while (low < high) {
      const middle = (low + high) >> 1
      if ((this.runs[middle]?.from ?? 0) < from) low = middle + 1
      else high = middle
    }
    return low
  }
}
