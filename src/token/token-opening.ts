import { MeasuredSpeed } from './measured-speed.js'
import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKR } from './cryptoki.js'
import type { KeyAttestation } from './key-attestation.port.js'
import { isAlwaysAuthenticate, requireKeyAttributes } from './key-attributes.js'
import { requireMechanism, requireWorkingKey, signsInParallel } from './key-probe.js'
import { requireKeys, type FoundKey } from './key-search.js'
import { SessionPool, type SessionSource } from './session-pool.js'
import { readAlgorithms, type TokenCapabilities } from './token-capabilities.js'
import { findCryptokiResult } from './token-failure.js'
import { isSoft } from './token-slot.js'
import { recoveryFor } from './token-recovery.js'
import { closeSession, openSession, openTokenSession, type TokenAccess, type TokenSession } from './token-session.js'
import { beginSignature, signInSession, type SigningKey } from './token-signature.js'
import type { TokenKey } from './token.port.js'

/** Which token to sign with, and with which of its keys. */
export interface SigningAccess extends TokenAccess {
  /** Key ids (hex), labels or roles; empty means every private key of the token. */
  readonly keys: readonly string[]
  /** Signatures that may be under way at once. */
  readonly sessions: number
  /** Asked about each key where somebody vouches for it. */
  readonly attestation?: KeyAttestation
  /** How long who waits for a signature waits; without an end where a person may have to touch the token. */
  readonly answerMs?: number
  /** Whether nobody else waits for this process: a soft token that is quick is waited for then, without another thread. */
  readonly isAlone?: () => boolean
  /** False where each signature asks a person to touch the token: then nothing is signed but what was asked for. */
  readonly isProbed?: boolean
}

interface ReadyKey extends SigningKey {
  readonly published: TokenKey
}

/** One login and all that hangs on it: when the token goes away, all of it is thrown away and made anew. */
export class TokenOpening {
  private readonly ready = new Map<string, ReadyKey>()
  private readonly speed = new MeasuredSpeed()
  /** Sessions in which the next signature is begun, and with which key. */
  private readonly begun = new WeakMap<Handle, SigningKey>()
  private lastKey: SigningKey | null = null
  private pool: SessionPool

  private constructor(
    private readonly cryptoki: Cryptoki,
    private readonly access: SigningAccess,
    private readonly login: TokenSession,
    found: readonly FoundKey[],
  ) {
    for (const key of found) this.ready.set(key.keyId, this.admitted(key))
    this.pool = SessionPool.open(this.source, this.asksEachTime().length > 0 ? 1 : access.sessions)
  }

  /** Logs in, finds the keys, and lets none through that fails its attributes, its attestation or its probe. */
  static async open(cryptoki: Cryptoki, access: SigningAccess): Promise<TokenOpening> {
    // This session stays open and unused by signatures: with the last session of a process its login ends.
    const login = openTokenSession(cryptoki, access, 'read')
    let opening: TokenOpening | null = null
    try {
      opening = new TokenOpening(cryptoki, access, login, requireKeys(cryptoki, login.session, access.keys))
      await opening.prove()
      return opening
    } catch (error) {
      opening?.pool.close()
      closeSession(cryptoki, login.session)
      throw error
    }
  }

  keys(): TokenKey[] {
    return [...this.ready.values()].map((key) => key.published)
  }

  capabilities(): TokenCapabilities {
    const { slot, label, serial, manufacturer, model, firmware } = this.login.token
    const algorithms = readAlgorithms(this.cryptoki, slot)
    const { size: sessions } = this.pool
    return { label, serial, manufacturer, model, firmware, algorithms, sessions, asksEachTime: this.asksEachTime() }
  }

  /** @param isAwaited false once whoever asked was told that there is no answer. */
  async sign(keyId: string, algorithm: number, message: Uint8Array, isAwaited: () => boolean): Promise<Uint8Array> {
    const key = this.ready.get(keyId)
    if (key === undefined) throw new Refusal('TOKEN_KEY_MISSING', { keyId })
    if (key.mechanism.algorithm !== algorithm) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: algorithm })
    return this.signWith(key, message, isAwaited)
  }

  async close(): Promise<void> {
    await this.pool.drain()
    this.pool.close()
    closeSession(this.cryptoki, this.login.session)
  }

  private get source(): SessionSource {
    return {
      open: () => openSession(this.cryptoki, this.login.token.slot, 'read'),
      close: (session: Handle) => closeSession(this.cryptoki, session),
      isExhausted: (error) => findCryptokiResult(error)?.code === CKR.SESSION_COUNT,
    }
  }

  private asksEachTime(): string[] {
    return [...this.ready].flatMap(([keyId, key]) => (key.pinForEachUse === null ? [] : [keyId]))
  }

  private admitted(found: FoundKey): ReadyKey {
    const { handle, mechanism, ...published } = found
    const object = { session: this.login.session, handle }
    requireMechanism(this.cryptoki, this.login.token.slot, mechanism)
    requireKeyAttributes(this.cryptoki, object, mechanism, published.keyId)
    const pinForEachUse = isAlwaysAuthenticate(this.cryptoki, object) ? this.access.readPin : null
    return { handle, mechanism, pinForEachUse, published }
  }

  private async prove(): Promise<void> {
    const { attestation, isProbed = true } = this.access
    for (const { published } of this.ready.values())
      await attestation?.requireAttested(published, this.login.token.serial)
    if (!isProbed) return
    for (const key of this.ready.values())
      await requireWorkingKey(key.published, (message) => this.signWith(key, message))
    const [first] = this.ready.values()
    const { size } = this.pool
    if (first === undefined || size === 1) return
    if (await signsInParallel(first.published, size, (message) => this.signWith(first, message))) return
    await this.pool.drain()
    this.pool.close()
    this.pool = SessionPool.open(this.source, 1)
  }

  /** What was left half done in a session is no reason to fail: another session is asked once. */
  private async signWith(
    key: SigningKey,
    message: Uint8Array,
    isAwaited: () => boolean = () => true,
  ): Promise<Uint8Array> {
    const inAnySession = (): Promise<Uint8Array> =>
      this.pool.use((session) => {
        if (isAwaited()) return this.signIn(session, key, message)
        throw new Refusal('TOKEN_FAILED', { step: 'sign', why: 'nobody waits for it any more' })
      })
    try {
      return await inAnySession()
    } catch (error) {
      if (recoveryFor(error) !== 'fresh-session') throw error
      return inAnySession()
    }
  }

  private async signIn(session: Handle, key: SigningKey, message: Uint8Array): Promise<Uint8Array> {
    const { isAlone = () => false } = this.access
    // Hardware may be quick for years and hang one day: the process would hang with it.
    const thread = isSoft(this.login.token) && this.speed.isQuick && isAlone() ? 'this' : 'another'
    const startedMs = performance.now()
    this.speed.took(Number.POSITIVE_INFINITY)
    // In a session that was begun with another key this one is refused as active, and `signWith` takes a fresh one.
    const isBegun = this.begun.get(session) === key
    this.begun.delete(session)
    const signature = await signInSession(this.cryptoki, session, key, message, thread, isBegun)
    this.speed.took(performance.now() - startedMs)
    if (thread === 'this' && this.lastKey === key) setImmediate(() => this.beginNext(key))
    this.lastKey = key
    return signature
  }

  /**
   * While nobody waits: who signs with one key alone finds the next signature half made. A key that asks each time is not begun: its PIN is
   * for one use. What fails here is left to the signature that needs it.
   */
  private beginNext(key: SigningKey): void {
    if (key.pinForEachUse !== null) return
    this.pool
      .use(async (session) => {
        if (this.begun.has(session)) return
        beginSignature(this.cryptoki, session, key)
        this.begun.set(session, key)
      })
      .catch(() => undefined)
  }
}
