import { createPublicKey, type KeyObject, type X509Certificate } from 'node:crypto'
import { Injectable } from '@nestjs/common'
import { toBase64Url } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import type { CoseKey } from '../../../domain/cose/cose-key.js'
import { isDeviceId } from '../../../domain/trust/assignment.js'
import type { RootKey } from '../../../domain/trust/root.js'
import { revokedKeysOf, type TrustState } from '../../../domain/trust/trust-state.js'
import { TrustService } from '../../keys/trust.service.js'

/** Connections stay open, and their certificates with them: what was judged once is not verified again at each poll. */
const MAX_JUDGED = 20_000

interface Judged {
  /** What it was judged under: newer documents have it judged anew. */
  readonly state: TrustState
  readonly deviceId: string | null
  readonly notBefore: number
  readonly notAfter: number
}

/**
 * Which device a certificate names. The authority is no file of the operator's: it is the key of role `device-ca` in the signed root,
 * as long as no KRL revokes it.
 */
@Injectable()
export class DeviceCertificates {
  private readonly judged = new Map<string, Judged>()

  constructor(
    private readonly trust: TrustService,
    private readonly clock: Clock,
  ) {}

  /** @returns the device id; null for a certificate of another namespace or authority, or one that is not of now. */
  async findName(namespace: string, certificate: X509Certificate): Promise<string | null> {
    const { state } = await this.trust.snapshot(namespace)
    const name = `${namespace} ${certificate.fingerprint256}`
    const known = this.judged.get(name)
    const judged = known?.state === state ? known : judge(namespace, certificate, state)
    if (judged !== known) {
      if (this.judged.size >= MAX_JUDGED) this.judged.clear()
      this.judged.set(name, judged)
    }
    const now = this.clock.nowSeconds()
    return judged.notBefore <= now && now < judged.notAfter ? judged.deviceId : null
  }
}

function judge(namespace: string, certificate: X509Certificate, state: TrustState): Judged {
  const [notBefore, notAfter] = [certificate.validFrom, certificate.validTo].map((text) => Date.parse(text) / 1_000)
  const authority = authoritiesOf(state).find(({ key }) => certificate.verify(publicKeyOf(key)))
  const deviceId = nameIn(namespace, certificate)
  const isOurs = authority !== undefined && !certificate.ca
  return {
    state,
    deviceId: isOurs ? deviceId : null,
    notBefore: notBefore ?? Infinity,
    notAfter: Math.min(notAfter ?? 0, authority?.notAfter ?? 0),
  }
}

/** The subject as the signer writes it, and nothing beside it. */
function nameIn(namespace: string, { subject }: X509Certificate): string | null {
  const prefix = `O=${namespace}\nCN=`
  const name = subject.startsWith(prefix) ? subject.slice(prefix.length) : ''
  return isDeviceId(name) ? name : null
}

/** Keys that issue certificates, by the newest root and KRL. */
export function authoritiesOf(state: TrustState): readonly RootKey[] {
  const revoked = revokedKeysOf(state)
  const ids = state.root.roles.get('device-ca')?.keyIds ?? []
  return ids.flatMap((id) => (revoked.has(id) ? [] : (state.root.keys.get(id) ?? [])))
}

export function publicKeyOf(key: CoseKey): KeyObject {
  const x = toBase64Url(key.x)
  const jwk =
    key.kind === 'p256' ? { kty: 'EC', crv: 'P-256', x, y: toBase64Url(key.y) } : { kty: 'OKP', crv: 'Ed25519', x }
  return createPublicKey({ key: jwk, format: 'jwk' })
}
