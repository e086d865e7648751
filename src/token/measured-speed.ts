const QUICK_MS = 1

/**
 * Whether a call into a token or onto a disk may be waited for by the whole process. Going to another thread and back costs more than
 * such a call does where it is quick; where it is slow, everybody else would wait with it. Nobody knows beforehand which it is, so it
 * goes by the last one: a slow one sends the next to another thread, and a quick one there brings them back.
 */
export class MeasuredSpeed {
  private lastMs = Number.POSITIVE_INFINITY

  get isQuick(): boolean {
    return this.lastMs < QUICK_MS
  }

  /** @param elapsedMs from the call to its result; without an end when it failed, since what failed may hang the next time. */
  took(elapsedMs: number): void {
    this.lastMs = elapsedMs
  }
}
