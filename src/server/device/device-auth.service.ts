import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import { DEVICE_SCHEME } from '../../protocol/device-http.js'
import { ServerConfig } from '../server-config.js'
import { TrustedProxies } from '../trusted-proxies.js'
import { DeviceCertificates } from './certificate/device-certificates.service.js'
import { findPresented } from './certificate/presented-certificate.js'
import type { DeviceRequest } from './device-request.js'
import { findSecret, hashSecret } from './device-secret.js'

/** What a device shows: the hash of its credential, or its name in a certificate of ours; null for nothing. */
export type DeviceProof = { readonly credentialSha256: Uint8Array } | { readonly certified: string } | null

/** Which device asks, by credential or certificate. It says who may ask, not what is true: that is what signatures are for. */
@Injectable()
export class DeviceAuth {
  private readonly proxies: TrustedProxies

  constructor(
    private readonly database: DataSource,
    private readonly certificates: DeviceCertificates,
    config: ServerConfig,
  ) {
    this.proxies = new TrustedProxies(config.trustedProxies)
  }

  /** A credential counts where there is one, whatever certificate comes with it. */
  async proofOf(namespace: string, { raw, headers }: Pick<DeviceRequest, 'raw' | 'headers'>): Promise<DeviceProof> {
    if (headers.authorization !== undefined) {
      const credential = findSecret(headers.authorization, DEVICE_SCHEME)
      return credential === null ? null : { credentialSha256: hashSecret(credential) }
    }
    const certificate = findPresented(raw, this.proxies)
    const certified = certificate === null ? null : await this.certificates.findName(namespace, certificate)
    return certified === null ? null : { certified }
  }

  /** @returns the device id. @throws Refusal `UNAUTHENTICATED`, also for a device of another namespace or one that was decommissioned. */
  async requireDevice(namespace: string, request: Pick<DeviceRequest, 'raw' | 'headers'>): Promise<string> {
    const proof = await this.proofOf(namespace, request)
    if (proof === null) throw new Refusal('UNAUTHENTICATED', {})
    const [column, value] =
      'certified' in proof ? ['id', proof.certified] : ['credential_sha256', Buffer.from(proof.credentialSha256)]
    const [row] = await this.database.query<{ id: string }[]>(
      `SELECT id FROM device WHERE ${column} = $1 AND namespace = $2 AND decommissioned_at IS NULL`,
      [value, namespace],
    )
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    return row.id
  }

  /** @throws Refusal `UNAUTHENTICATED` unless it is this very device that asks. */
  async requireSelf(
    namespace: string,
    deviceId: string,
    request: Pick<DeviceRequest, 'raw' | 'headers'>,
  ): Promise<void> {
    if ((await this.requireDevice(namespace, request)) !== deviceId) throw new Refusal('UNAUTHENTICATED', {})
  }
}
