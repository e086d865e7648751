import { randomBytes } from 'node:crypto'
import { sha256 } from '../../domain/bytes.js'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { Refusal } from '../../domain/refusal.js'
import type { CertificateEntry } from '../../domain/signer-journal/journal-entry.js'
import { openCertificateRequest } from '../../domain/trust/certificate-request.js'
import type { RootKey } from '../../domain/trust/root.js'
import { requireLiveKrl } from '../../domain/trust/take-krl.js'
import { revokedKeysOf } from '../../domain/trust/trust-state.js'
import {
  certificateOf,
  certificateToSign,
  type CertificateFields,
  type CertificateName,
  type P256Key,
} from '../../domain/x509/certificate.js'
import type { SignerAnswers, SignerRequest } from '../../protocol/signer-socket.js'
import { checkedSigner } from '../checked-signer.js'
import { atCheck, atCheckAsync } from '../checks/at-check.js'
import { requireCertificateRate } from '../checks/certificate.check.js'
import { requirePolicy } from '../checks/policy.check.js'
import { chooseSigningKey, requireUnrevoked, requireUsable } from '../checks/signing-key.check.js'
import { requireNotSuspended } from '../checks/suspended.check.js'
import { EARLIER_SECONDS } from './dated-back.js'
import type { OnlineContext } from './online-context.js'
import { refreshTrust } from './refresh-trust.js'

const LIFE_SECONDS = 30 * 86_400

/**
 * A certificate for a device that asks for it itself: its name, its TLS key, 30 days, for clients of TLS and nothing else. The server
 * that carries the request cannot name another device or key.
 * @throws Refusal with the number of its check.
 */
export async function certifyDevice(
  { request: bytes, keyChanges }: Extract<SignerRequest, { operation: 'certify' }>,
  context: OnlineContext,
): Promise<SignerAnswers['certify']> {
  const now = await refreshTrust(context)
  const { held } = context.state
  const { state } = held
  atCheck(25, () => requireNotSuspended(context.state))
  const policy = atCheck(3, () => requirePolicy(held, now))
  atCheck(10, () => requireLiveKrl(state, now))
  const { namespace } = context
  const judge = {
    namespace,
    allowed: state.root.algorithms,
    algorithms: nativeAlgorithms,
    revoked: revokedKeysOf(state),
    now,
  }
  const request = atCheck(26, () => openCertificateRequest(bytes, keyChanges, judge))
  const { deviceId, tlsKey } = request
  atCheck(14, () => requireCertificateRate(policy, context.certificates.inDay(deviceId, now)))
  const authority = chooseAuthority(context, now)
  return issue(context, authority, now, {
    subject: { organization: namespace, commonName: deviceId },
    key: tlsKey,
    notBefore: now - EARLIER_SECONDS,
    notAfter: Math.min(now + LIFE_SECONDS, authority.rootKey.notAfter),
    isAuthority: false,
  })
}

/** The certificate of the authority, signed by itself: what brokers and proxies are given to know devices by. */
export async function certifyAuthority(context: OnlineContext): Promise<SignerAnswers['device-ca']> {
  const now = await refreshTrust(context)
  atCheck(25, () => requireNotSuspended(context.state))
  const authority = chooseAuthority(context, now)
  const { notBefore, notAfter } = authority.rootKey
  const subject = authority.name
  return issue(context, authority, now, { subject, key: authority.key, notBefore, notAfter, isAuthority: true })
}

interface Authority {
  readonly rootKey: RootKey
  readonly key: P256Key
  readonly name: CertificateName
}

/** Checks 15 and 10 of its own key. */
function chooseAuthority({ namespace, token, state: { held } }: OnlineContext, now: number): Authority {
  const { state } = held
  const rootKey = atCheck(15, () => chooseSigningKey(state, 'device-ca', token.keys(), now))
  atCheck(10, () => requireUnrevoked(state, rootKey))
  atCheck(15, () => requireUsable(state.root, rootKey, token.keys(), now))
  const { key, alg, keyId } = rootKey
  if (key.kind !== 'p256') return atCheck(15, () => refuseAlgorithm(alg))
  return { rootKey, key, name: { organization: namespace, commonName: `device authority ${keyId.slice(0, 16)}` } }
}

function refuseAlgorithm(alg: number): never {
  throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg })
}

/** Checks 16 to 18: on the disk first, then one signature, verified with the key of the root. */
async function issue(
  context: OnlineContext,
  { rootKey, key, name }: Authority,
  now: number,
  content: Omit<CertificateFields, 'serial' | 'issuer' | 'issuerKey'>,
): Promise<{ readonly certificate: Uint8Array }> {
  // 128 bits of chance: unique without a counter that a restored state could give again (RFC 5280 §4.1.2.2).
  const serial = new Uint8Array(randomBytes(16))
  const toSign = certificateToSign({ ...content, serial, issuer: name, issuerKey: key })
  const entry: CertificateEntry = {
    kind: 'certificate',
    keyId: rootKey.keyId,
    deviceId: content.isAuthority ? '' : content.subject.commonName,
    serial,
    subjectSha256: sha256(toSign),
    expires: content.notAfter,
  }
  await atCheckAsync(16, () => context.state.record({ time: now, entry }))
  return { certificate: certificateOf(toSign, await checkedSigner(context, rootKey).sign(toSign)) }
}
