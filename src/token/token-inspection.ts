import { accessSync, constants } from 'node:fs'
import { Refusal } from '../domain/refusal.js'
import { openModule, type Cryptoki, type CryptokiModule, type OpenModule } from './cryptoki-module.js'
import { requireKeyAttributes } from './key-attributes.js'
import { requireMechanism } from './key-probe.js'
import { requireKeys, type FoundKey } from './key-search.js'
import type { TokenCapabilities } from './token-capabilities.js'
import { TokenOpening, type SigningAccess } from './token-opening.js'
import { closeSession, logIn, openSession, type TokenSession } from './token-session.js'
import { listTokenSlots, requireHardware, requireTokenSlot, type TokenSlot } from './token-slot.js'
import type { TokenKey } from './token.port.js'

/**
 * Opens a token as a signer does, one step at a time, for somebody who wants to know at which it fails. Each step needs those
 * before it; `close` lets go of what there is. Nothing in the token is changed, and a PIN is tried once.
 */
export class TokenInspection {
  private module: CryptokiModule | null = null
  private token: TokenSlot | null = null
  private login: TokenSession | null = null
  private found: readonly FoundKey[] = []

  constructor(
    private readonly access: SigningAccess,
    private readonly open: OpenModule = openModule,
  ) {}

  /** Before the system's loader says something of its own about it. @throws Refusal `FILE_UNREADABLE`. */
  requireModuleFile(): void {
    const { modulePath: path } = this.access
    // A name without a folder is looked up by the loader.
    if (!path.includes('/')) return
    try {
      accessSync(path, constants.R_OK)
    } catch (error) {
      const why = (error as NodeJS.ErrnoException).code ?? 'failed'
      throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
    }
  }

  /** @throws Refusal `TOKEN_MODULE`. */
  load(): void {
    this.module = this.open(this.access.modulePath)
  }

  /** @throws Refusal `TOKEN_FAILED` when there is no slot with a token. */
  listSlots(): TokenSlot[] {
    const slots = listTokenSlots(this.cryptoki)
    if (slots.length === 0)
      throw new Refusal('TOKEN_FAILED', { step: 'list the tokens of the module', why: 'no slot has a token in it' })
    return slots
  }

  /** @throws Refusal `TOKEN_FAILED`, `TOKEN_MODULE` for a manufacturer that is refused. */
  findToken(): TokenSlot {
    this.token = requireTokenSlot(this.cryptoki, this.access)
    if (this.access.refuseSoftToken) requireHardware(this.token)
    return this.token
  }

  /** @throws Refusal `TOKEN_PIN`, `TOKEN_FAILED`. */
  logIn(): void {
    const token = this.token ?? this.findToken()
    this.login = { token, session: openSession(this.cryptoki, token.slot, 'read') }
    logIn(this.cryptoki, this.login, this.access.readPin)
  }

  /** @throws Refusal `TOKEN_KEY_MISSING` for a token without keys, `TOKEN_KEY_ATTRIBUTE`, `TOKEN_FAILED`. */
  findKeys(): readonly TokenKey[] {
    this.found = requireKeys(this.cryptoki, this.loggedIn.session, this.access.keys)
    if (this.found.length === 0) throw new Refusal('TOKEN_KEY_MISSING', { keyId: 'any' })
    return this.found
  }

  /** @throws Refusal `TOKEN_KEY_ATTRIBUTE`. */
  requireAttributes(): void {
    const { session } = this.loggedIn
    for (const { handle, mechanism, keyId } of this.found)
      requireKeyAttributes(this.cryptoki, { session, handle }, mechanism, keyId)
  }

  /** @throws Refusal `TOKEN_FAILED`. */
  requireMechanisms(): void {
    for (const { mechanism } of this.found) requireMechanism(this.cryptoki, this.loggedIn.token.slot, mechanism)
  }

  /** All of a start at once: each key signs twice, and as many sessions as there are at the same time. */
  async sign(): Promise<TokenCapabilities> {
    const opening = await TokenOpening.open(this.cryptoki, this.access)
    try {
      return opening.capabilities()
    } finally {
      await opening.close()
    }
  }

  close(): void {
    if (this.login !== null) closeSession(this.cryptoki, this.login.session)
    this.module?.release()
    this.login = this.module = null
  }

  private get cryptoki(): Cryptoki {
    if (this.module === null) throw new Error('the module is not loaded')
    return this.module.cryptoki
  }

  private get loggedIn(): TokenSession {
    if (this.login === null) throw new Error('nobody is logged in')
    return this.login
  }
}
