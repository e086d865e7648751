/** Something that is kept for one device under the address it asks with. */
export interface Kept {
  readonly url: string
  /** Namespace and device. */
  readonly device: string
}

/** Bounded: the oldest goes, whatever it is. A fleet that does not fit finds little here anyhow. */
export class KeptAnswers<T extends Kept> {
  private readonly byUrl = new Map<string, T>()
  private readonly byDevice = new Map<string, T>()

  constructor(private readonly most: number) {}

  get size(): number {
    return this.byUrl.size
  }

  find(url: string): T | undefined {
    return this.byUrl.get(url)
  }

  keep(answer: T): void {
    this.drop(answer.device)
    if (this.byUrl.size >= this.most) {
      const [oldest] = this.byDevice.keys()
      if (oldest !== undefined) this.drop(oldest)
    }
    // Two devices under one address do not happen; the later one would have it.
    const other = this.byUrl.get(answer.url)
    if (other !== undefined) this.drop(other.device)
    this.byUrl.set(answer.url, answer)
    this.byDevice.set(answer.device, answer)
  }

  drop(device: string): void {
    const answer = this.byDevice.get(device)
    if (answer === undefined) return
    this.byDevice.delete(device)
    this.byUrl.delete(answer.url)
  }

  clear(): void {
    this.byUrl.clear()
    this.byDevice.clear()
  }
}
