import { execFileSync } from 'node:child_process'
import { randomBytes, X509Certificate } from 'node:crypto'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ED25519, ESP256, nativeAlgorithms } from '../../src/domain/cose/algorithms.js'
import { openCertificateRequest } from '../../src/domain/trust/certificate-request.js'
import {
  certificateOf,
  certificateToSign,
  type CertificateFields,
  type P256Key,
} from '../../src/domain/x509/certificate.js'
import type { CertificateListener } from '../../src/embedded/broker-configuration.js'
import type { FleetOptions } from './fleet-options.js'
import type { FixtureOptions } from './trust-fixture.js'
import { makeP256Key } from './soft-key.js'

const DAY = 86_400

/** The authority of devices with a key in memory, in place of the online signer and its token. */
export class SoftAuthority {
  readonly key = makeP256Key()
  requests = 0
  lifeSeconds = 30 * DAY

  constructor(
    readonly namespace: string,
    private readonly nowSeconds: () => number,
  ) {}

  async certificate(): Promise<Uint8Array> {
    const notBefore = this.nowSeconds() - DAY
    return this.issue({
      subject: this.name,
      key: this.publicKey,
      notBefore,
      notAfter: notBefore + 90 * DAY,
      isAuthority: true,
    })
  }

  async certify(request: Uint8Array, keyChanges: readonly Uint8Array[]): Promise<Uint8Array> {
    this.requests += 1
    const { namespace } = this
    const now = this.nowSeconds()
    const judge = {
      namespace,
      allowed: [ED25519, ESP256],
      algorithms: nativeAlgorithms,
      revoked: new Set<string>(),
      now,
    }
    const { deviceId, tlsKey } = openCertificateRequest(request, keyChanges, judge)
    return this.certifyName(deviceId, tlsKey)
  }

  async certifyName(deviceId: string, key: P256Key): Promise<Uint8Array> {
    const notBefore = this.nowSeconds() - 300
    const subject = { organization: this.namespace, commonName: deviceId }
    return this.issue({ subject, key, notBefore, notAfter: notBefore + this.lifeSeconds, isAuthority: false })
  }

  private get name() {
    return { organization: this.namespace, commonName: `device authority ${this.key.keyIdHex.slice(0, 16)}` }
  }
  private get publicKey(): P256Key {
    return this.key.key as P256Key
  }

  private async issue(fields: Omit<CertificateFields, 'serial' | 'issuer' | 'issuerKey'>): Promise<Uint8Array> {
    const serial = new Uint8Array(randomBytes(16))
    const toSign = certificateToSign({ ...fields, serial, issuer: this.name, issuerKey: this.publicKey })
    return certificateOf(toSign, await this.key.sign(toSign))
  }
}

/** Certificate and key of a server on `localhost`, by OpenSSL. */
export function makeServerCertificate(folder: string): { readonly certificateFile: string; readonly keyFile: string } {
  const [certificateFile, keyFile] = [join(folder, 'tls-server.pem'), join(folder, 'tls-server.key')]
  const key = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-keyout', keyFile]
  const name = ['-subj', '/CN=localhost', '-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
  execFileSync('openssl', ['req', '-x509', '-days', '2', ...key, ...name, '-out', certificateFile], { stdio: 'ignore' })
  return { certificateFile, keyFile }
}

/** What a broker needs to know devices of `authority` by their certificates; nothing for null. */
export async function listenerOf(
  folder: string,
  authority: SoftAuthority | null,
): Promise<{ certificates?: Omit<CertificateListener, 'port'> }> {
  if (authority === null) return {}
  const authoritiesFile = join(folder, 'authorities.pem')
  await writeFile(authoritiesFile, new X509Certificate(await authority.certificate()).toString())
  return { certificates: { ...makeServerCertificate(folder), authoritiesFile, namespaces: [authority.namespace] } }
}

/** What root and policy of a fleet say. */
export const trustOf = (authority: SoftAuthority | null, policy: FleetOptions['policy']): FixtureOptions => ({
  ...(policy === undefined ? {} : { policy }),
  ...(authority === null
    ? {}
    : { roleKeys: { 'device-ca': [authority.key] }, root: { algorithms: [ED25519, ESP256] } }),
})
