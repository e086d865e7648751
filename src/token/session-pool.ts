import type { Handle } from './cryptoki-module.js'

/** How sessions come and go; the pool itself knows no PKCS#11. */
export interface SessionSource {
  open(): Handle
  close(session: Handle): void
}

/**
 * A fixed number of sessions, each lent to one operation at a time: a session with two operations answers
 * CKR_OPERATION_ACTIVE to one of them. Who comes later waits in line.
 */
export class SessionPool {
  private readonly idle: Handle[]
  private readonly line: ((session: Handle) => void)[] = []
  private readonly drained: (() => void)[] = []
  private lent = 0

  constructor(
    private readonly source: SessionSource,
    size: number,
  ) {
    this.idle = Array.from({ length: size }, () => source.open())
  }

  /** Runs one operation. After a failure its session is replaced, since the token may hold a half-done operation in it. */
  async use<T>(operation: (session: Handle) => Promise<T>): Promise<T> {
    const session = await this.borrow()
    try {
      const result = await operation(session)
      this.giveBack(session)
      return result
    } catch (error) {
      this.giveBack(this.replacementFor(session))
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
    for (const session of this.idle.splice(0)) this.source.close(session)
  }

  private async borrow(): Promise<Handle> {
    this.lent += 1
    const session = this.idle.pop()
    return session ?? (await new Promise<Handle>((resolve) => this.line.push(resolve)))
  }

  private giveBack(session: Handle): void {
    this.lent -= 1
    const next = this.line.shift()
    if (next !== undefined) return next(session)
    this.idle.push(session)
    if (this.lent === 0) for (const resolve of this.drained.splice(0)) resolve()
  }

  private replacementFor(session: Handle): Handle {
    try {
      const replacement = this.source.open()
      this.source.close(session)
      return replacement
    } catch {
      // The token is gone or has no session to spare. The old handle stays in place: its next use says so by its own error.
      return session
    }
  }
}
