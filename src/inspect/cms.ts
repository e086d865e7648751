import { randomBytes, webcrypto } from 'node:crypto'
import { BitString } from 'asn1js'
import {
  Certificate,
  ContentInfo,
  CryptoEngine,
  ExtKeyUsage,
  SignedData,
  SignedDataVerifyError,
  type SignedDataVerifyParams,
  type SignedDataVerifyResult,
} from 'pkijs'
import { equalBytes } from '../domain/bytes.js'
import { strongest, type EmbeddedSignature } from './findings.js'
import type { KeyRing } from './key-ring.js'
import { Unreadable } from './unreadable.js'

// RFC 5652. Parsing, chains and signatures are the library's; what content hashes to, it is told.
const SIGNED_DATA = '1.2.840.113549.1.7.2'
const ENVELOPED_DATA = '1.2.840.113549.1.7.3'
const MOST_SIGNERS = 4
const MOST_CERTIFICATES = 32
const hashNames = new Map([
  ['2.16.840.1.101.3.4.2.1', 'sha256'],
  ['2.16.840.1.101.3.4.2.2', 'sha384'],
  ['2.16.840.1.101.3.4.2.3', 'sha512'],
])

/** A CMS signature, parsed. */
export interface Cms {
  readonly signed: SignedData
  /** The bytes that are signed, when they are inside. */
  readonly content: Uint8Array | null
  /** Hashes that its signers used, by the names of `node:crypto`. */
  readonly hashes: readonly string[]
}

/** @throws Unreadable for bytes that are no CMS signature. */
export function parseCms(der: Uint8Array): Cms {
  const signed = openSignedData(der)
  if (signed.signerInfos.length === 0) throw new Unreadable('its CMS has no signer')
  if (signed.signerInfos.length > MOST_SIGNERS || (signed.certificates?.length ?? 0) > MOST_CERTIFICATES)
    throw new Unreadable('its CMS has too many signers or certificates')
  const hashes = signed.signerInfos.map(({ digestAlgorithm }) => hashNames.get(digestAlgorithm.algorithmId) ?? '')
  const inside = signed.encapContentInfo.eContent
  const content = inside === undefined ? null : new Uint8Array(inside.getValue())
  return { signed, content, hashes: [...new Set(hashes)].filter((name) => name !== '') }
}

function openSignedData(der: Uint8Array): SignedData {
  try {
    const info = ContentInfo.fromBER(exactBuffer(der))
    if (info.contentType === ENVELOPED_DATA) throw new Unreadable('its CMS is encrypted')
    if (info.contentType !== SIGNED_DATA) throw new Unreadable('its CMS is no signature')
    return new SignedData({ schema: info.content })
  } catch (error) {
    if (error instanceof Unreadable) throw error
    throw new Unreadable('its CMS cannot be read', { cause: error })
  }
}

/**
 * Judges the signers; one who holds is enough. A signer holds whose own key is registered, or whose certificate leads to a
 * registered CA. Revocation is not looked up: there is no network here.
 * @param digests of the content, by hash name: it streamed by, or it is inside.
 * @param now seconds since the epoch.
 */
export async function judgeCms(
  { signed }: Cms,
  digests: ReadonlyMap<string, Uint8Array>,
  keys: KeyRing,
  now: number,
): Promise<EmbeddedSignature> {
  const results: EmbeddedSignature[] = []
  for (const [index, signer] of signed.signerInfos.entries()) {
    const hash = hashNames.get(signer.digestAlgorithm.algorithmId)
    const digest = digests.get(hash ?? '')
    const algorithm = `cms ${hash ?? signer.digestAlgorithm.algorithmId}`
    if (digest === undefined) results.push({ state: 'invalid', algorithm, why: 'its hash is none that we accept' })
    // Without signed attributes the signature is over the content itself, which the library does not see here.
    else if (signer.signedAttrs === undefined)
      results.push({ state: 'present', algorithm, why: 'it has no signed attributes' })
    else results.push(await new SignerJudge(signed, index, algorithm, digest).judge(keys, now))
  }
  return strongest(results)
}

class SignerJudge {
  private readonly engine: DigestingEngine

  constructor(
    private readonly signed: SignedData,
    private readonly index: number,
    private readonly algorithm: string,
    digest: Uint8Array,
  ) {
    this.engine = new DigestingEngine(digest)
  }

  async judge(keys: KeyRing, now: number): Promise<EmbeddedSignature> {
    const { algorithm } = this
    try {
      const { signatureVerified, signerCertificate } = await this.verify({ checkChain: false })
      if (signatureVerified !== true || !(signerCertificate instanceof Certificate))
        return { state: 'invalid', algorithm, why: 'its signature does not verify' }
      const spki = new Uint8Array(signerCertificate.subjectPublicKeyInfo.toSchema().toBER())
      const own = keys.keys.find(({ key }) => equalBytes(key.export({ type: 'spki', format: 'der' }), spki))
      if (own !== undefined) return { state: 'verified', algorithm, keyId: own.id }
      return await this.judgeChain(keys, now)
    } catch (error) {
      const why = error instanceof SignedDataVerifyError ? error.message : 'it cannot be verified'
      return { state: 'invalid', algorithm, why }
    }
  }

  /** A good signature whose chain ends elsewhere is somebody else's. */
  private async judgeChain({ certificates }: KeyRing, now: number): Promise<EmbeddedSignature> {
    const { algorithm } = this
    const trusted = certificates.map(({ id, der }) => ({ id, certificate: Certificate.fromBER(exactBuffer(der)) }))
    if (trusted.length === 0) return { state: 'present', algorithm, why: 'neither its signer nor a CA is registered' }
    try {
      const { certificatePath, signerCertificate } = await this.verify({
        checkChain: true,
        checkDate: new Date(now * 1_000),
        trustedCerts: trusted.map(({ certificate }) => certificate),
        passedWhenNotRevValues: true,
      })
      const anchor = trusted.find(({ certificate }) => certificatePath.some((each) => isSame(each, certificate)))
      if (anchor !== undefined && !(signerCertificate instanceof Certificate && maySignBundles(signerCertificate)))
        return { state: 'present', algorithm, why: 'the certificate of its signer is for another purpose' }
      if (anchor !== undefined) return { state: 'verified', algorithm, keyId: anchor.id }
      return { state: 'present', algorithm, why: 'its chain ends at no registered CA' }
    } catch (error) {
      const why = error instanceof SignedDataVerifyError ? error.message : 'its chain cannot be read'
      return { state: 'present', algorithm, why }
    }
  }

  private verify(options: SignedDataVerifyParams): Promise<SignedDataVerifyResult> {
    const { index: signer, engine } = this
    return this.signed.verify({ ...options, signer, data: engine.placeholder, extendedMode: true }, engine)
  }
}

// RFC 5280, 4.2.1.3 and 4.2.1.12. A CA gives certificates for much else, TLS for one.
const KEY_USAGE = '2.5.29.15'
const EXTENDED_KEY_USAGE = '2.5.29.37'
const SIGNING_BITS = 0xc0
const purposes = ['1.3.6.1.5.5.7.3.3', '1.3.6.1.5.5.7.3.4', '2.5.29.37.0']

/** As OpenSSL judges signers for SWUpdate and RAUC: usages that are named have to be of signatures, purposes of code or mail. */
function maySignBundles({ extensions = [] }: Certificate): boolean {
  const valueOf = (id: string): unknown => extensions.find(({ extnID }) => extnID === id)?.parsedValue
  const [usage, extended] = [valueOf(KEY_USAGE), valueOf(EXTENDED_KEY_USAGE)]
  if (usage instanceof BitString && ((usage.valueBlock.valueHexView[0] ?? 0) & SIGNING_BITS) === 0) return false
  return !(extended instanceof ExtKeyUsage) || extended.keyPurposes.some((id) => purposes.includes(id))
}

const isSame = (a: Certificate, b: Certificate): boolean =>
  equalBytes(new Uint8Array(a.toSchema(true).toBER()), new Uint8Array(b.toSchema(true).toBER()))

/**
 * The content of a bundle is too large for memory, and the library asks for it only to hash it: it is given a placeholder,
 * and whoever hashes that gets the digest of the content as it streamed by.
 */
class DigestingEngine extends CryptoEngine {
  readonly placeholder = exactBuffer(randomBytes(32))

  constructor(private readonly contentDigest: Uint8Array) {
    super({ name: 'node', crypto: webcrypto })
  }

  override async digest(algorithm: webcrypto.AlgorithmIdentifier, data: webcrypto.BufferSource): Promise<ArrayBuffer> {
    const bytes = ArrayBuffer.isView(data)
      ? new Uint8Array(data.buffer, data.byteOffset, data.byteLength)
      : new Uint8Array(data)
    if (equalBytes(bytes, new Uint8Array(this.placeholder))) return exactBuffer(this.contentDigest)
    return super.digest(algorithm, data)
  }
}

const exactBuffer = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer
