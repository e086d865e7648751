import { generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import pkcs11js from 'pkcs11js'
import type { Cryptoki, CryptokiModule, Handle, Template } from '../../src/token/cryptoki-module.js'
import { CKA, CKF, CKK, CKM, CKO } from '../../src/token/cryptoki.js'
import type { SigningAccess } from '../../src/token/token-opening.js'

type Method = keyof Cryptoki & `C_${string}`
interface StoredObject {
  readonly attributes: Map<number, Buffer>
  /** null of a public key. */
  readonly key: KeyObject | null
}
interface Session {
  isActive: boolean
  key: KeyObject | null
  found: Handle[]
}

/** An error as the binding throws it. */
export function cryptokiError(name: string): Error {
  const code = (pkcs11js as unknown as Record<string, number | undefined>)[name]
  if (code === undefined) throw new Error(`pkcs11js knows no ${name}`)
  return Object.assign(new Error(name), { code })
}

/**
 * A token in memory that behaves as PKCS#11 says, until a test has a call fail. What real modules do is tested with real modules;
 * this one fails on command, in ways that they only do when a cable is pulled.
 */
export class ScriptedToken implements CryptokiModule {
  private readonly faults = new Map<Method, string[]>()
  private readonly objects = new Map<number, StoredObject>()
  private readonly sessions = new Map<number, Session>()
  private nextHandle = 1
  private isLoggedIn = false
  private signing = 0
  readonly calls: string[] = []
  restarts = 0
  tokenFlags: number = CKF.TOKEN_INITIALIZED
  mostSessions = Number.POSITIVE_INFINITY
  /** Signatures under way at once before the others are wrong. */
  mostParallel = Number.POSITIVE_INFINITY
  /** Spellings of a curve that C_GenerateKeyPair takes; empty for all. */
  curves: string[] = []
  canRestart = true
  manufacturer = 'test'
  /** Signatures are made in other threads when this is over. */
  hold: Promise<void> = Promise.resolve()
  /** Called while a signature is made. */
  onSign: () => void = () => undefined

  get cryptoki(): Cryptoki {
    return new Proxy(this, {
      get: (target, name: string) => {
        const method = target[name as keyof this]
        if (typeof method !== 'function') throw new Error(`${name} is not scripted`)
        return (...args: unknown[]) => {
          this.calls.push(name)
          const fault = this.faults.get(name as Method)?.shift()
          if (fault === undefined) return (method as (...all: unknown[]) => unknown).apply(this, args)
          const error = cryptokiError(fault)
          if (name.endsWith('Async')) return Promise.reject(error)
          throw error
        }
      },
    }) as unknown as Cryptoki
  }

  /** The next calls of `method` fail so. */
  fail(method: Method, ...results: string[]): void {
    this.faults.set(method, [...(this.faults.get(method) ?? []), ...results])
  }

  /** Every fault that was not met yet is forgotten. */
  mend(): void {
    this.faults.clear()
  }

  /** What every private key says of itself from now on. */
  spoil(type: number, value: boolean): void {
    for (const { attributes, key } of this.objects.values()) if (key !== null) attributes.set(type, bytesOf(value))
  }

  count(method: Method): number {
    return this.calls.filter((name) => name === method).length
  }

  restart(): boolean {
    if (!this.canRestart) return false
    this.restarts += 1
    this.lose()
    return true
  }

  release(): void {}

  /** Sessions and login are gone, as after a pull. */
  lose(): void {
    this.sessions.clear()
    this.isLoggedIn = false
  }

  /** How to open it, with one session unless told otherwise. */
  access(change: Partial<SigningAccess> = {}): SigningAccess {
    return {
      modulePath: 'scripted',
      label: 'scripted',
      readPin: () => '1234',
      refuseSoftToken: false,
      keys: [],
      sessions: 1,
      ...change,
    }
  }

  C_GetSlotList(): Handle[] {
    return [Buffer.alloc(8)]
  }

  C_GetTokenInfo() {
    const version = { major: 1, minor: 0 }
    const texts = { label: 'scripted', serialNumber: '1', manufacturerID: this.manufacturer, model: 'test' }
    return { ...texts, flags: this.tokenFlags, firmwareVersion: version, minPinLen: 4, maxPinLen: 8 }
  }

  C_GetMechanismList(): number[] {
    return [CKM.EC_KEY_PAIR_GEN, CKM.ECDSA, CKM.EC_EDWARDS_KEY_PAIR_GEN, CKM.EDDSA]
  }

  C_GetMechanismInfo() {
    return { minKeySize: 0, maxKeySize: 0, flags: CKF.SIGN | CKF.GENERATE_KEY_PAIR }
  }

  C_OpenSession(): Handle {
    if (this.sessions.size >= this.mostSessions) throw cryptokiError('CKR_SESSION_COUNT')
    const handle = this.handle()
    this.sessions.set(handle.readUInt32LE(), { isActive: false, key: null, found: [] })
    return handle
  }

  C_CloseSession(handle: Handle): void {
    this.session(handle)
    this.sessions.delete(handle.readUInt32LE())
    if (this.sessions.size === 0) this.isLoggedIn = false
  }

  C_Login(handle: Handle): void {
    this.session(handle)
    this.isLoggedIn = true
  }

  C_FindObjectsInit(handle: Handle, template: Template): void {
    const fits = ({ attributes }: StoredObject): boolean =>
      template.every(({ type, value }) => attributes.get(type)?.equals(bytesOf(value)) ?? false)
    this.session(handle).found = [...this.objects].flatMap(([number, one]) => (fits(one) ? [bytesOf(number)] : []))
  }

  C_FindObjects(handle: Handle): Handle[] {
    return this.session(handle).found.splice(0)
  }

  C_FindObjectsFinal(): void {}

  C_GetAttributeValue(_session: Handle, object: Handle, template: Template): Template {
    return template.map(({ type }) => {
      const value = this.objects.get(object.readUInt32LE())?.attributes.get(type)
      if (value === undefined) throw cryptokiError('CKR_ATTRIBUTE_TYPE_INVALID')
      return { type, value }
    })
  }

  C_SetAttributeValue(): void {}

  C_DestroyObject(_session: Handle, object: Handle): void {
    this.objects.delete(object.readUInt32LE())
  }

  /** Ed25519 alone: node:crypto does not sign a digest that is one already, as CKM_ECDSA wants it. */
  C_GenerateKeyPair(_session: Handle, _mechanism: unknown, open: Template, secret: Template) {
    const spelling = bytesOf(open.find(({ type }) => type === CKA.EC_PARAMS)?.value)
    if (this.curves.length > 0 && !this.curves.includes(spelling.toString('hex')))
      throw cryptokiError('CKR_DOMAIN_PARAMS_INVALID')
    const pair = generateKeyPairSync('ed25519')
    const point = Buffer.from(pair.publicKey.export({ format: 'jwk' }).x ?? '', 'base64url')
    const common = [
      { type: CKA.KEY_TYPE, value: CKK.EC_EDWARDS },
      { type: CKA.EC_PARAMS, value: spelling },
      { type: CKA.EC_POINT, value: point },
    ]
    const grown = [CKA.ALWAYS_SENSITIVE, CKA.NEVER_EXTRACTABLE, CKA.LOCAL].map((type) => ({ type, value: true }))
    const publicClass = { type: CKA.CLASS, value: CKO.PUBLIC_KEY }
    const privateClass = { type: CKA.CLASS, value: CKO.PRIVATE_KEY }
    return {
      publicKey: this.keep([...open, ...common, publicClass], null),
      privateKey: this.keep([...secret, ...common, ...grown, privateClass], pair.privateKey),
    }
  }

  C_SignInit(handle: Handle, _mechanism: unknown, object: Handle): void {
    const session = this.session(handle)
    if (!this.isLoggedIn) throw cryptokiError('CKR_USER_NOT_LOGGED_IN')
    if (session.isActive) throw cryptokiError('CKR_OPERATION_ACTIVE')
    session.isActive = true
    session.key = this.objects.get(object.readUInt32LE())?.key ?? null
  }

  async C_SignAsync(handle: Handle, input: Buffer): Promise<Buffer> {
    const session = this.session(handle)
    const { key } = session
    if (key === null) throw cryptokiError('CKR_OPERATION_NOT_INITIALIZED')
    this.signing += 1
    const isWrong = this.signing > this.mostParallel
    await new Promise((resolve) => setImmediate(resolve))
    await this.hold
    this.onSign()
    this.signing -= 1
    session.isActive = false
    return isWrong ? Buffer.alloc(64) : sign(null, input, key)
  }

  C_Sign(handle: Handle, input: Buffer): Buffer {
    const session = this.session(handle)
    if (session.key === null) throw cryptokiError('CKR_OPERATION_NOT_INITIALIZED')
    this.onSign()
    session.isActive = false
    return sign(null, input, session.key)
  }

  private session(handle: Handle): Session {
    const session = this.sessions.get(handle.readUInt32LE())
    if (session === undefined) throw cryptokiError('CKR_SESSION_HANDLE_INVALID')
    return session
  }

  private keep(template: Template, key: KeyObject | null): Handle {
    const handle = this.handle()
    const attributes = new Map(template.map(({ type, value }) => [type, bytesOf(value)]))
    this.objects.set(handle.readUInt32LE(), { attributes, key })
    return handle
  }

  private handle(): Buffer {
    return bytesOf(this.nextHandle++)
  }
}

function bytesOf(value: unknown): Buffer {
  if (typeof value === 'boolean') return Buffer.of(value ? 1 : 0)
  if (typeof value === 'string') return Buffer.from(value)
  if (value instanceof Uint8Array) return Buffer.from(value)
  const bytes = Buffer.alloc(8)
  bytes.writeBigUInt64LE(BigInt(Number(value)))
  return bytes
}
