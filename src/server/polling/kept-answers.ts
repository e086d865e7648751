/** Something that is kept for one device under what it asks with. */
export interface Kept {
  readonly key: string
  /** Namespace and device. */
  readonly device: string
}

/** Bounded: the oldest goes, whatever it is. A fleet that does not fit finds little here anyhow. */
export class KeptAnswers<T extends Kept> {
  private readonly byKey = new Map<string, T>()
  private readonly byDevice = new Map<string, T>()

  constructor(private readonly most: number) {}

  get size(): number {
    return this.byKey.size
  }

  find(key: string): T | undefined {
    return this.byKey.get(key)
  }

  keep(answer: T): void {
    this.drop(answer.device)
    if (this.byKey.size >= this.most) {
      const [oldest] = this.byDevice.keys()
      if (oldest !== undefined) this.drop(oldest)
    }
    // Two devices under one key do not happen; the later one would have it.
    const other = this.byKey.get(answer.key)
    if (other !== undefined) this.drop(other.device)
    this.byKey.set(answer.key, answer)
    this.byDevice.set(answer.device, answer)
  }

  drop(device: string): void {
    const answer = this.byDevice.get(device)
    if (answer === undefined) return
    this.byDevice.delete(device)
    this.byKey.delete(answer.key)
  }

  clear(): void {
    this.byKey.clear()
    this.byDevice.clear()
  }
}
