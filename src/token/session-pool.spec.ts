import { describe, expect, it } from '@jest/globals'
import { createScratchToken } from '../../test/support/scratch-token.js'
import { utf8 } from '../domain/bytes.js'
import { ED25519 } from '../domain/cose/algorithms.js'
import { openModule, type Handle } from './cryptoki-module.js'
import { CKM } from './cryptoki.js'
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
  isExhausted(error: unknown): boolean {
    return error instanceof Error && error.message === 'that is all'
  }
}

const failing = (): Promise<never> => Promise.reject(new Error('half done'))

describe('a session pool', () => {
  it('lends no session twice at once and serves who waits in order', async () => {
    const pool = SessionPool.open(new CountingSource(), 2)
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
    const pool = SessionPool.open(source, 1)
    const waiting = [pool.use(failing), pool.use((session) => Promise.resolve([...session]))]
    expect(await Promise.allSettled(waiting)).toMatchObject([
      { status: 'rejected' },
      { status: 'fulfilled', value: [2] },
    ])
    expect(source.closed).toEqual([Buffer.of(1)])
  })

  it('fails without keeping anybody waiting while there is no new session, and works again afterwards', async () => {
    const source = new CountingSource()
    const pool = SessionPool.open(source, 1)
    source.dry = true
    await expect(pool.use(failing)).rejects.toThrow('half done')
    for (let attempt = 0; attempt < 2; attempt += 1)
      await expect(pool.use((session) => Promise.resolve(session))).rejects.toThrow('no more sessions')
    source.dry = false
    expect(await pool.use((session) => Promise.resolve([...session]))).toEqual([2])
    expect(source.closed).toEqual([Buffer.of(1)])
  })

  it('makes do with the sessions that the token has, and with none fails', async () => {
    class SmallSource extends CountingSource {
      constructor(private readonly most: number) {
        super()
      }
      override open(): Handle {
        if (this.opened === this.most) throw new Error('that is all')
        return super.open()
      }
    }
    const pool = SessionPool.open(new SmallSource(3), 8)
    expect(pool.size).toBe(3)
    const work = Array.from({ length: 10 }, (_, index) => pool.use(() => Promise.resolve(index)))
    expect(await Promise.all(work)).toHaveLength(10)
    expect(() => SessionPool.open(new SmallSource(0), 8)).toThrow('that is all')
  })

  it('closes what it opened when a later session fails for another reason', () => {
    class BreakingSource extends CountingSource {
      override open(): Handle {
        if (this.opened === 2) throw new Error('pulled')
        return super.open()
      }
    }
    const source = new BreakingSource()
    expect(() => SessionPool.open(source, 8)).toThrow('pulled')
    expect(source.closed).toEqual([Buffer.of(1), Buffer.of(2)])
  })

  it('drains only when the last operation is done, and closes every session', async () => {
    const source = new CountingSource()
    const pool = SessionPool.open(source, 2)
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
        isExhausted: () => false,
      }
      const pool = SessionPool.open(source, 1)
      const begin = (session: Handle): void => cryptoki.C_SignInit(session, { mechanism: CKM.EDDSA }, key.handle)
      await expect(
        pool.use(async (session) => {
          begin(session)
          await expect(cryptoki.C_SignAsync(session, Buffer.of(1), Buffer.alloc(10))).rejects.toThrow(
            'CKR_BUFFER_TOO_SMALL',
          )
          begin(session)
        }),
      ).rejects.toThrow('CKR_OPERATION_ACTIVE')
      const ready = { ...key, pinForEachUse: null }
      expect(await pool.use((session) => signInSession(cryptoki, session, ready, utf8('x'), 'another'))).toHaveLength(
        64,
      )
      pool.close()
    } finally {
      closeSession(cryptoki, login.session)
      module.release()
      scratch.dispose()
    }
  })
})
