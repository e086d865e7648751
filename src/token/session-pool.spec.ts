import { describe, expect, it } from '@jest/globals'
import { createScratchToken } from '../../test/support/scratch-token.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519 } from '../domain/cose/algorithms.js'
import { openModule, type Handle } from './cryptoki-module.js'
import { generateKey } from './generate-key.js'
import { requireKeys } from './key-search.js'
import { SessionPool } from './session-pool.js'
import { closeSession, openSession, openTokenSession } from './token-session.js'
import { signInSession } from './token-signature.js'

/** Counts what is open; can run dry, as a token that was pulled does. */
class CountingSource {
  opened = 0
  readonly closed: Handle[] = []
  dry = false
  open(): Handle {
    if (this.dry) throw new Error('no more sessions')
    this.opened += 1
    return Buffer.of(this.opened)
  }
  close(session: Handle): void {
    this.closed.push(session)
  }
}

const failing = (): Promise<never> => Promise.reject(new Error('half done'))

describe('a session pool', () => {
  it('lends no session twice at once and serves who waits in order', async () => {
    const pool = new SessionPool(new CountingSource(), 2)
    const busy = new Set<Handle>()
    const order: number[] = []
    const work = Array.from({ length: 20 }, (_, index) =>
      pool.use(async (session) => {
        expect(busy.has(session)).toBe(false)
        busy.add(session)
        order.push(index)
        await new Promise((resolve) => setImmediate(resolve))
        expect(busy.size).toBeLessThanOrEqual(2)
        busy.delete(session)
      }),
    )
    await Promise.all(work)
    expect(order).toEqual(Array.from({ length: 20 }, (_, index) => index))
  })

  it('replaces the session of a failed operation and hands on the new one', async () => {
    const source = new CountingSource()
    const pool = new SessionPool(source, 1)
    const waiting = [pool.use(failing), pool.use((session) => Promise.resolve([...session]))]
    expect(await Promise.allSettled(waiting)).toMatchObject([
      { status: 'rejected' },
      { status: 'fulfilled', value: [2] },
    ])
    expect(source.closed).toEqual([Buffer.of(1)])
  })

  it('keeps the old session when there is no new one, so that nobody waits for ever', async () => {
    const source = new CountingSource()
    const pool = new SessionPool(source, 1)
    source.dry = true
    await expect(pool.use(failing)).rejects.toThrow('half done')
    expect(await pool.use((session) => Promise.resolve([...session]))).toEqual([1])
  })

  it('drains only when the last operation is done, and closes every session', async () => {
    const source = new CountingSource()
    const pool = new SessionPool(source, 2)
    const done: string[] = []
    const slow = (): Promise<void> =>
      new Promise((resolve) => setTimeout(resolve, 10)).then(() => void done.push('work'))
    const work = Array.from({ length: 5 }, () => pool.use(slow))
    await pool.drain().then(() => done.push('drained'))
    expect(done).toEqual(['work', 'work', 'work', 'work', 'work', 'drained'])
    await Promise.all([...work, pool.drain()])
    pool.close()
    expect(source.closed).toHaveLength(2)
  })

  it('survives a signature that was given too short a buffer, which leaves the operation active', async () => {
    const scratch = createScratchToken()
    const { keyId } = await generateKey(scratch, { role: 'freshness', algorithm: ED25519 })
    const module = openModule(scratch.modulePath)
    const { cryptoki } = module
    const login = openTokenSession(cryptoki, scratch, 'read')
    try {
      const [key] = requireKeys(cryptoki, login.session, [keyId])
      if (key === undefined) throw new Error('not generated')
      const source = {
        open: () => openSession(cryptoki, login.token.slot, 'read'),
        close: (session: Handle) => closeSession(cryptoki, session),
      }
      const pool = new SessionPool(source, 1)
      const tooShort = { ...key, mechanism: { ...key.mechanism, signatureBytes: 10 }, pinFileForEachUse: null }
      await expect(pool.use((session) => signInSession(cryptoki, session, tooShort, utf8('x')))).rejects.toMatchObject({
        code: 'TOKEN_FAILED',
        detail: { step: 'sign with CKM_EDDSA', why: 'CKR_BUFFER_TOO_SMALL' },
      })
      const ready = { ...key, pinFileForEachUse: null }
      expect(await pool.use((session) => signInSession(cryptoki, session, ready, utf8('x')))).toHaveLength(64)
      pool.close()
    } finally {
      closeSession(cryptoki, login.session)
      module.release()
      scratch.dispose()
    }
  })
})
