import { Refusal } from '../domain/refusal.js'
import type { Cryptoki } from './cryptoki-module.js'
import { isAlwaysAuthenticate, requireKeyAttributes } from './key-attributes.js'
import { requireMechanism, requireWorkingKey } from './key-probe.js'
import { requireKeys, type FoundKey } from './key-search.js'
import { SessionPool } from './session-pool.js'
import { closeSession, openSession, openTokenSession, type TokenAccess, type TokenSession } from './token-session.js'
import { signInSession, type SigningKey } from './token-signature.js'
import type { TokenKey } from './token.port.js'

/** Which token to sign with, and with which of its keys. */
export interface SigningAccess extends TokenAccess {
  /** Key ids (hex), labels or roles; empty means every private key of the token. */
  readonly keys: readonly string[]
  /** Signatures that may be under way at once. */
  readonly sessions: number
}

interface ReadyKey extends SigningKey {
  readonly published: TokenKey
}

/** One login and all that hangs on it: when the token goes away, all of it is thrown away and made anew. */
export class TokenOpening {
  private readonly ready = new Map<string, ReadyKey>()

  private constructor(
    private readonly cryptoki: Cryptoki,
    private readonly login: TokenSession,
    private readonly pool: SessionPool,
  ) {}

  /** Logs in, finds the keys, and lets none through that fails its attributes or its probe. */
  static async open(cryptoki: Cryptoki, access: SigningAccess): Promise<TokenOpening> {
    // This session stays open and unused by signatures: with the last session of a process its login ends.
    const login = openTokenSession(cryptoki, access, 'read')
    let pool: SessionPool | null = null
    try {
      const found = requireKeys(cryptoki, login.session, access.keys)
      const source = {
        open: () => openSession(cryptoki, login.token.slot, 'read'),
        close: (session: TokenSession['session']) => closeSession(cryptoki, session),
      }
      pool = new SessionPool(source, access.sessions)
      const opening = new TokenOpening(cryptoki, login, pool)
      for (const key of found) await opening.admit(key, access.pinFile)
      return opening
    } catch (error) {
      pool?.close()
      closeSession(cryptoki, login.session)
      throw error
    }
  }

  get manufacturer(): string {
    return this.login.token.manufacturer
  }

  keys(): TokenKey[] {
    return [...this.ready.values()].map((key) => key.published)
  }

  async sign(keyId: string, algorithm: number, message: Uint8Array): Promise<Uint8Array> {
    const key = this.ready.get(keyId)
    if (key === undefined) throw new Refusal('TOKEN_KEY_MISSING', { keyId })
    if (key.mechanism.algorithm !== algorithm) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: algorithm })
    return this.signWith(key, message)
  }

  async close(): Promise<void> {
    await this.pool.drain()
    this.pool.close()
    closeSession(this.cryptoki, this.login.session)
  }

  private async admit(found: FoundKey, pinFile: string): Promise<void> {
    const { handle, mechanism, ...published } = found
    const object = { session: this.login.session, handle }
    requireMechanism(this.cryptoki, this.login.token.slot, mechanism)
    requireKeyAttributes(this.cryptoki, object, mechanism, published.keyId)
    const pinFileForEachUse = isAlwaysAuthenticate(this.cryptoki, object) ? pinFile : null
    const key = { handle, mechanism, pinFileForEachUse, published }
    await requireWorkingKey(published, (message) => this.signWith(key, message))
    this.ready.set(published.keyId, key)
  }

  private signWith(key: SigningKey, message: Uint8Array): Promise<Uint8Array> {
    return this.pool.use((session) => signInSession(this.cryptoki, session, key, message))
  }
}
