import { Refusal } from '../domain/refusal.js'
import { answerInTime } from './answer-in-time.js'
import { openModule, type CryptokiModule, type OpenModule } from './cryptoki-module.js'
import type { TokenCapabilities } from './token-capabilities.js'
import { TokenOpening, type SigningAccess } from './token-opening.js'
import { mayRestartHelp, recoveryFor } from './token-recovery.js'
import { Token, type TokenKey } from './token.port.js'

/** A token behind a PKCS#11 module. It outlives a token that is pulled and put back: the next signature opens it again, once. */
export class Pkcs11Token extends Token {
  private current: Promise<TokenOpening>
  private pinRefusal: Refusal | null = null
  private closing: Promise<void> | null = null
  private readonly listed: readonly TokenKey[]
  /** As found when it was opened. */
  readonly capabilities: TokenCapabilities

  private constructor(
    private readonly module: CryptokiModule,
    private readonly access: SigningAccess,
    opening: TokenOpening,
  ) {
    super()
    this.listed = opening.keys()
    this.capabilities = opening.capabilities()
    this.current = Promise.resolve(opening)
  }

  /**
   * Opens the token and proves each selected key: attributes (trust.md §4b), then two signatures.
   * @throws Refusal `TOKEN_MODULE`, `TOKEN_PIN`, `TOKEN_KEY_MISSING`, `TOKEN_KEY_ATTRIBUTE`, `TOKEN_NOT_ATTESTED`, `TOKEN_FAILED`,
   *   `FILE_UNREADABLE`
   */
  static async open(access: SigningAccess, open: OpenModule = openModule): Promise<Pkcs11Token> {
    const module = open(access.modulePath)
    try {
      return new Pkcs11Token(module, access, await TokenOpening.open(module.cryptoki, access))
    } catch (error) {
      module.release()
      throw error
    }
  }

  override keys(): readonly TokenKey[] {
    return this.listed
  }

  override async sign(keyId: string, algorithm: number, message: Uint8Array): Promise<Uint8Array> {
    if (this.closing !== null) throw new Refusal('TOKEN_FAILED', { step: 'sign', why: 'the token is closed' })
    // A wrong PIN is not tried again: a token locks itself after a few attempts.
    if (this.pinRefusal !== null) throw this.pinRefusal
    // A copy, before anything waits: what the caller does to its bytes afterwards must not reach the token.
    const signed = Uint8Array.from(message)
    return answerInTime(this.access.answerMs, (isAwaited) => this.signNow(keyId, algorithm, signed, isAwaited))
  }

  private async signNow(
    keyId: string,
    algorithm: number,
    signed: Uint8Array,
    isAwaited: () => boolean,
  ): Promise<Uint8Array> {
    const used = this.current
    // Null where opening it again has failed before: that is tried anew with each call, so a token put back is found.
    const opening = await used.catch(() => null)
    if (opening !== null) {
      try {
        return await opening.sign(keyId, algorithm, signed, isAwaited)
      } catch (error) {
        this.rememberPinRefusal(error)
        if (recoveryFor(error) !== 'reopen') throw error
      }
    }
    return (await this.reopened(used)).sign(keyId, algorithm, signed, isAwaited)
  }

  override close(): Promise<void> {
    this.closing ??= this.closeNow()
    return this.closing
  }

  /** The first of several callers whose opening was lost replaces it, the others get what the first one made. */
  private async reopened(lost: Promise<TokenOpening>): Promise<TokenOpening> {
    if (this.current === lost) this.current = this.reopen(lost)
    try {
      return await this.current
    } catch (error) {
      this.rememberPinRefusal(error)
      throw error
    }
  }

  private async reopen(lost: Promise<TokenOpening>): Promise<TokenOpening> {
    // An opening that never came to be has nothing to close.
    const before = await lost.catch(() => null)
    await before?.close()
    try {
      return await TokenOpening.open(this.module.cryptoki, this.access)
    } catch (error) {
      if (!mayRestartHelp(error) || !this.module.restart()) throw error
      return TokenOpening.open(this.module.cryptoki, this.access)
    }
  }

  private rememberPinRefusal(error: unknown): void {
    if (error instanceof Refusal && error.code === 'TOKEN_PIN') this.pinRefusal = error
  }

  private async closeNow(): Promise<void> {
    const opening = await this.current.catch(() => null)
    await opening?.close()
    this.module.release()
  }
}
