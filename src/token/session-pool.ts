import type { Handle } from './cryptoki-module.js'

/** How sessions come and go; the pool itself knows no PKCS#11. */
export interface SessionSource {
  open(): Handle
  close(session: Handle): void
  /** True for the failure of a token that has no session to spare. */
  isExhausted(error: unknown): boolean
}

/**
 * A fixed number of sessions, each lent to one operation at a time: a session with two operations answers
 * CKR_OPERATION_ACTIVE to one of them. Who comes later waits in line.
 */
export class SessionPool {
  private readonly line: ((session: Handle | null) => void)[] = []
  private readonly drained: (() => void)[] = []
  private lent = 0
  /** How many operations may be under way at once. */
  readonly size: number

  private constructor(
    private readonly source: SessionSource,
    /** null is a place whose session was closed after a failure. */
    private readonly idle: (Handle | null)[],
  ) {
    this.size = idle.length
  }

  /** Opens as many sessions as the token gives, at most `wanted` and at least one. */
  static open(source: SessionSource, wanted: number): SessionPool {
    const sessions: Handle[] = []
    try {
      while (sessions.length < wanted) sessions.push(source.open())
    } catch (error) {
      if (sessions.length === 0 || !source.isExhausted(error)) {
        for (const session of sessions) source.close(session)
        throw error
      }
    }
    return new SessionPool(source, sessions)
  }

  /**
   * Runs one operation. A session in which one failed is closed, since the token may hold something half done in it; the
   * next operation opens another in its place.
   */
  async use<T>(operation: (session: Handle) => Promise<T>): Promise<T> {
    let session = await this.borrow()
    try {
      session ??= this.source.open()
      const result = await operation(session)
      this.giveBack(session)
      return result
    } catch (error) {
      if (session !== null) this.source.close(session)
      this.giveBack(null)
      throw error
    }
  }

  /** Resolves when nothing is lent and nobody waits. Closing a session that another thread is in is not safe. */
  async drain(): Promise<void> {
    if (this.lent === 0) return
    await new Promise<void>((resolve) => this.drained.push(resolve))
  }

  /** Closes every session; call after `drain`. */
  close(): void {
    for (const session of this.idle.splice(0)) if (session !== null) this.source.close(session)
  }

  private async borrow(): Promise<Handle | null> {
    this.lent += 1
    const session = this.idle.pop()
    if (session !== undefined) return session
    return new Promise((resolve) => this.line.push(resolve))
  }

  private giveBack(session: Handle | null): void {
    this.lent -= 1
    const next = this.line.shift()
    if (next !== undefined) return next(session)
    this.idle.push(session)
    if (this.lent === 0) for (const resolve of this.drained.splice(0)) resolve()
  }
}
