import { X509Certificate } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { fromHex } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { Refusal } from '../../../domain/refusal.js'
import { TrustService } from '../../keys/trust.service.js'
import { Signers } from '../../signing/signer.port.js'
import { authoritiesOf, publicKeyOf } from './device-certificates.service.js'

export interface AuthorityView {
  readonly keyId: string
  readonly expires: number
  readonly pem: string
}

interface AuthorityRow {
  readonly key_id: Buffer
  readonly certificate: Buffer
  readonly not_after: number
}

/** Certificates of the authorities that issue to devices: what brokers and proxies are given. Each is asked of the signer once. */
@Injectable()
export class DeviceAuthorities {
  constructor(
    private readonly database: DataSource,
    private readonly trust: TrustService,
    private readonly signers: Signers,
    private readonly clock: Clock,
  ) {}

  /**
   * Of the key that issues now, DER.
   * @throws Refusal `NOT_FOUND` where the root lists no such key, `SIGNER_*`.
   */
  async current(namespace: string): Promise<Uint8Array> {
    const { state } = await this.trust.snapshot(namespace)
    const now = this.clock.nowSeconds()
    const active = authoritiesOf(state)
      .filter((key) => key.notBefore <= now && now < key.notAfter)
      .toSorted((a, b) => b.notBefore - a.notBefore)
    const [newest] = active
    if (newest === undefined) throw new Refusal('NOT_FOUND', { what: 'key of role device-ca', id: '' })
    const held = await this.rows(namespace)
    const known = held.find((row) => row.key_id.equals(Buffer.from(fromHex(newest.keyId))))
    if (known !== undefined) return new Uint8Array(known.certificate)
    const bytes = await this.signers.deviceAuthority(namespace)
    const certificate = new X509Certificate(bytes)
    // The signer may have another of the listed keys: whichever it is, it is one of them.
    const key = active.find((each) => certificate.publicKey.equals(publicKeyOf(each.key)))
    if (key === undefined || !certificate.ca) throw new Refusal('DEVICE_MISMATCH', { field: 'authority' })
    await this.database.query(
      `INSERT INTO device_authority (namespace, key_id, certificate, not_after) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING`,
      [namespace, Buffer.from(fromHex(key.keyId)), certificate.raw, key.notAfter],
    )
    return bytes
  }

  /** All whose certificates may be about, the newest last. */
  async list(namespace: string): Promise<readonly AuthorityView[]> {
    await this.current(namespace)
    const { state } = await this.trust.snapshot(namespace)
    const listed = new Set(authoritiesOf(state).map(({ keyId }) => keyId))
    const rows = (await this.rows(namespace)).filter((row) => listed.has(row.key_id.toString('hex')))
    return rows.map((row) => ({
      keyId: row.key_id.toString('hex'),
      expires: row.not_after,
      pem: new X509Certificate(row.certificate).toString(),
    }))
  }

  private rows(namespace: string): Promise<AuthorityRow[]> {
    return this.database.query<AuthorityRow[]>(
      'SELECT key_id, certificate, not_after FROM device_authority WHERE namespace = $1 AND not_after > $2 ORDER BY not_after',
      [namespace, this.clock.nowSeconds()],
    )
  }
}
