/** Then all are forgotten: they can be asked again. */
const MOST = 256

/**
 * Remembers answers that take a look at every device of a rollout: each is asked again after a while at the earliest, and takes at most a
 * tenth of the time, however often somebody looks.
 */
export class HeldAnswers<T> {
  private readonly held = new Map<string, { readonly answer: T; readonly untilMs: number }>()

  /** @param leastMs how long an answer stays, however quick it was. */
  constructor(private readonly leastMs: number) {}

  async find(question: string, ask: () => Promise<T>): Promise<T> {
    const known = this.held.get(question)
    const beganMs = performance.now()
    if (known !== undefined && beganMs < known.untilMs) return known.answer
    const answer = await ask()
    const nowMs = performance.now()
    if (this.held.size >= MOST) this.held.clear()
    this.held.set(question, { answer, untilMs: nowMs + Math.max(this.leastMs, 10 * (nowMs - beganMs)) })
    return answer
  }
}
