import { createPrivateKey, X509Certificate, type KeyObject } from 'node:crypto'
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { findBase64Url } from '../src/domain/bytes.js'
import { decodeCbor } from '../src/domain/cbor/decode.js'
import { encodeCbor } from '../src/domain/cbor/encode.js'
import type { CoseKey } from '../src/domain/cose/cose-key.js'
import { buildSign1 } from '../src/domain/cose/sign1.js'
import { Refusal } from '../src/domain/refusal.js'
import { encodeCertificateRequest } from '../src/domain/trust/certificate-request.js'
import { labelOf } from '../src/domain/trust/labels.js'
import type { DeviceKey } from './device-key.js'
import { Unreachable, type DeviceServer } from './device-server.port.js'
import { findFile, replaceWhole } from './durable-file.js'
import { makePrivateKey } from './new-key.js'

/** What the device shows in TLS, PEM. */
export interface TlsIdentity {
  readonly cert: string
  readonly key: string
  /** Where a broker takes it; null where none does. */
  readonly mqttUrl: string | null
}

export interface CertificateDeskOptions {
  readonly dir: string
  readonly namespace: string
  readonly key: () => DeviceKey
  readonly server: DeviceServer
  readonly now: () => number
}

const HELD_FILE = 'tls-identity'
/** Asked about and not answered: asked again with the same key, the server gives the same certificate. */
const NEXT_FILE = 'tls-next.key'

interface Held extends TlsIdentity {
  readonly notBefore: number
  readonly notAfter: number
}

/** The device's certificate: asked for when there is none, renewed with a new key in the last third of its life. */
export class CertificateDesk {
  private held: Held | null

  constructor(private readonly options: CertificateDeskOptions) {
    this.held = readHeld(join(options.dir, HELD_FILE))
  }

  /** Null when there is none, or it has ended: then the credential is what is left. */
  get current(): TlsIdentity | null {
    const now = this.options.now()
    return this.held !== null && this.held.notBefore <= now && now < this.held.notAfter ? this.held : null
  }

  /** What is not answered now is asked again at the next occasion. */
  async renewIfDue(): Promise<void> {
    if (!this.isDue()) return
    try {
      await this.renew()
    } catch (error) {
      if (!(error instanceof Unreachable) && !(error instanceof Refusal)) throw error
    }
  }

  /** The memory of the device is gone, or the server takes this certificate no more: another one is asked for at the next occasion. */
  forget(): void {
    this.held = null
  }

  private isDue(): boolean {
    if (this.held === null) return true
    const { notBefore, notAfter } = this.held
    // Dates that cannot be read are no dates to wait for.
    return !(notAfter - this.options.now() >= (notAfter - notBefore) / 3)
  }

  private async renew(): Promise<void> {
    const { dir, namespace, key, server, now } = this.options
    const tls = openNext(join(dir, NEXT_FILE))
    const signer = key()
    const { deviceId, firstKey: deviceKey } = signer
    const request = { namespace, deviceId, deviceKey, tlsKey: publicKeyOf(tls), time: now() }
    const document = await buildSign1(signer, encodeCertificateRequest(request), labelOf('certificate-request'))
    const { certificate, mqttUrl } = await server.certify(deviceId, document)
    if (!isOf(certificate, tls)) throw new Unreachable('no certificate of the key that was asked for')
    const path = join(dir, HELD_FILE)
    const secret = new Uint8Array(tls.export({ format: 'der', type: 'pkcs8' }))
    replaceWhole(path, encodeCbor([secret, certificate, mqttUrl ?? '']))
    this.held = readHeld(path)
    rmSync(join(dir, NEXT_FILE), { force: true })
  }
}

/** The server chose the bytes. */
function isOf(certificate: Uint8Array, key: KeyObject): boolean {
  try {
    return new X509Certificate(certificate).checkPrivateKey(key)
  } catch {
    return false
  }
}

function readHeld(path: string): Held | null {
  const stored = findFile(path)
  if (stored === null) return null
  const [secret, certificate, mqttUrl] = decodeCbor(new Uint8Array(stored)) as [Uint8Array, Uint8Array, string]
  const { validFrom, validTo, ...x509 } = factsOf(certificate)
  const key = createPrivateKey({ key: Buffer.from(secret), format: 'der', type: 'pkcs8' })
  return {
    cert: x509.pem,
    key: key.export({ format: 'pem', type: 'pkcs8' }) as string,
    mqttUrl: mqttUrl === '' ? null : mqttUrl,
    notBefore: validFrom,
    notAfter: validTo,
  }
}

function factsOf(certificate: Uint8Array) {
  const x509 = new X509Certificate(certificate)
  const seconds = (text: string): number => Date.parse(text) / 1_000
  return { pem: x509.toString(), validFrom: seconds(x509.validFrom), validTo: seconds(x509.validTo) }
}

function openNext(path: string): KeyObject {
  const stored = findFile(path)
  if (stored !== null) return createPrivateKey({ key: Buffer.from(stored), format: 'der', type: 'pkcs8' })
  const privateKey = makePrivateKey('p256')
  replaceWhole(path, privateKey.export({ format: 'der', type: 'pkcs8' }))
  return privateKey
}

function publicKeyOf(key: KeyObject): Extract<CoseKey, { kind: 'p256' }> {
  const { x, y } = key.export({ format: 'jwk' })
  const coordinate = (text: string | undefined): Uint8Array => findBase64Url(text ?? '') ?? new Uint8Array(0)
  return { kind: 'p256', x: coordinate(x), y: coordinate(y) }
}
