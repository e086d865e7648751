import { readLocalText } from './local-file.js'
import { Refusal } from '../domain/refusal.js'
import type { Clock } from '../domain/clock.js'
import type { MessageSigner } from '../domain/cose/sign1.js'
import { ApiClient } from './api-client.js'
import { bytesOf, TrustAnswerSchema } from './api-answers.js'
import type { CliHome, Login } from './cli-home.js'
import { openPersonKey, type PersonKey } from './person-key.js'
import type { Output, Terminal } from './terminal.js'
import { pinFromFile, type PinSource } from '../token/pin-file.js'
import { findTokenKey, openTokenKey, type TokenKeyReference } from './token-key.js'
import { TrustStore, type HeldTrust } from './trust-store.js'

/** Everything a command works with; made once in main.ts, and anew in each test. */
export interface World {
  readonly terminal: Terminal
  readonly home: CliHome
  readonly clock: Clock
  /** A name nobody used before: a request id. */
  readonly newId: () => string
  readonly sleep: (ms: number) => Promise<void>
  /** scrypt cost of new key files. */
  readonly keyFileCost: { readonly n: number; readonly r: number; readonly p: number }
}

/** How a key file and its passphrase are named on every command that signs. */
export interface KeyOptions {
  readonly key: string
  readonly passphraseFile?: string
  /** The PKCS#11 module on this machine, for a key that is in a token. */
  readonly token?: string
  readonly pinFile?: string
}

/** One command of a person who is logged in. */
export class Session {
  readonly login: Login
  readonly api: ApiClient
  readonly store: TrustStore
  constructor(
    readonly world: World,
    readonly output: Output,
  ) {
    this.login = world.home.getLogin()
    this.api = new ApiClient(this.login, world.home.findToken())
    this.store = new TrustStore(world.home)
  }

  /**
   * Fetches roots, KRL and policy and verifies them from the pinned root on. Every command that signs starts here,
   * so that nobody signs under a policy that was replaced.
   */
  async refreshTrust(): Promise<HeldTrust> {
    this.store.load()
    const answer = await this.api.get('/trust', TrustAnswerSchema)
    const held = this.store.take(
      {
        roots: answer.roots.map(bytesOf),
        policy: answer.policy === null ? null : bytesOf(answer.policy),
        krl: answer.krl === null ? null : bytesOf(answer.krl),
        freshness: answer.freshness === null ? null : bytesOf(answer.freshness),
      },
      this.world.clock.nowSeconds(),
    )
    if (held.state.root.namespace !== this.login.namespace)
      throw new Refusal('WRONG_NAMESPACE', { expected: this.login.namespace, found: held.state.root.namespace })
    return held
  }
}

/** The first line of a passphrase file, else what somebody types. */
export async function readPassphrase(terminal: Terminal, file: string | undefined, question: string): Promise<string> {
  if (file !== undefined) return readLocalText(file).split(/\r?\n/, 1)[0] ?? ''
  if (!terminal.isInteractive)
    throw new Refusal('CONFIGURATION', { name: '--passphrase-file', why: 'needed where nobody can be asked' })
  return terminal.askSecret(question)
}

/** The PIN of a token: from the first line of a file, read for each login, else what somebody types once. */
export async function askForPin(terminal: Terminal, file: string | undefined, label: string): Promise<PinSource> {
  if (file !== undefined) return pinFromFile(file)
  if (!terminal.isInteractive)
    throw new Refusal('CONFIGURATION', { name: '--pin-file', why: 'needed where nobody can be asked' })
  const pin = await terminal.askSecret(`PIN of the token "${label}": `)
  // An empty one would cost one of the few tries that a token gives.
  if (pin === '') throw new Refusal('TOKEN_PIN', { why: 'no PIN was typed' })
  return () => pin
}

/** Opens the key that a command names, in its file or in its token. @throws Refusal `PASSPHRASE_WRONG`, `FILE_UNREADABLE`, `TOKEN_*`. */
export async function openKey(world: World, options: KeyOptions): Promise<{ key: PersonKey; signer: MessageSigner }> {
  const inToken = findTokenKey(options.key)
  if (inToken !== null) return openInToken(world, inToken, options)
  for (const [name, value] of [['--token', options.token] as const, ['--pin-file', options.pinFile] as const])
    if (value !== undefined) throw new Refusal('CONFIGURATION', { name, why: 'this key file holds the key itself' })
  const passphrase = await readPassphrase(world.terminal, options.passphraseFile, `passphrase of ${options.key}: `)
  return openPersonKey(options.key, passphrase)
}

async function openInToken(
  { terminal }: World,
  { key, place }: TokenKeyReference,
  options: KeyOptions,
): Promise<{ key: PersonKey; signer: MessageSigner }> {
  if (options.passphraseFile !== undefined)
    throw new Refusal('CONFIGURATION', { name: '--passphrase-file', why: 'this key is in a token: use --pin-file' })
  const readPin = await askForPin(terminal, options.pinFile, place.label)
  const signer = await openTokenKey({ key, place: { ...place, module: options.token ?? place.module } }, readPin)
  return { key, signer }
}

/** Goes on only after a clear yes. @throws Refusal `NOT_CONFIRMED`. */
export async function confirm(world: World, isYes: boolean | undefined, question: string): Promise<void> {
  if (isYes === true) return
  const answer = world.terminal.isInteractive ? await world.terminal.ask(`${question} [yes/no] `) : ''
  if (answer.trim().toLowerCase() !== 'yes') throw new Refusal('NOT_CONFIRMED', {})
}
