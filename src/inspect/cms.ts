import { randomBytes, webcrypto, type KeyObject } from 'node:crypto'
import {
  Certificate,
  ContentInfo,
  CryptoEngine,
  SignedData,
  SignedDataVerifyError,
  type SignedDataVerifyParams,
  type SignedDataVerifyResult,
} from 'pkijs'
import { equalBytes } from '../domain/bytes.js'
import { findPublicKey, objectionTo } from './cms-chain.js'
import { strongest, type EmbeddedSignature } from './findings.js'
import type { KeyRing } from './key-ring.js'
import { Unreadable } from './unreadable.js'

// RFC 5652. Parsing, chains and signatures are the library's; what content hashes to, it is told.
const SIGNED_DATA = '1.2.840.113549.1.7.2'
const ENVELOPED_DATA = '1.2.840.113549.1.7.3'
const SIGNED_DATA_HEX = '06092a864886f70d010702'
const ENVELOPED_DATA_HEX = '06092a864886f70d010703'
const DATA = '1.2.840.113549.1.7.1'
const MOST_SIGNERS = 4
const MOST_CERTIFICATES = 32
/** That the Web Cryptography of Node.js has, by the names of OpenSSL. */
const curves = ['prime256v1', 'secp384r1', 'secp521r1']
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

/** DER, or BER without a length, that says in front what it is. */
export function isCms(bytes: Uint8Array): boolean {
  const head = Buffer.from(bytes.subarray(0, 24)).toString('hex')
  return head.startsWith('30') && (head.includes(SIGNED_DATA_HEX) || head.includes(ENVELOPED_DATA_HEX))
}

export const isEncryptedCms = (bytes: Uint8Array): boolean =>
  isCms(bytes) && Buffer.from(bytes.subarray(0, 24)).toString('hex').includes(ENVELOPED_DATA_HEX)

/** @throws Unreadable for bytes that are no CMS signature. */
export function parseCms(der: Uint8Array): Cms {
  const signed = openSignedData(der)
  if (signed.signerInfos.length === 0) throw new Unreadable('its CMS has no signer')
  if (signed.signerInfos.length > MOST_SIGNERS || (signed.certificates?.length ?? 0) > MOST_CERTIFICATES)
    throw new Unreadable('its CMS has too many signers or certificates')
  // Of a time stamp the library would take the time for that of the judgement.
  if (signed.encapContentInfo.eContentType !== DATA) throw new Unreadable('its CMS is over something else than data')
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
      if (!(error instanceof SignedDataVerifyError))
        return { state: 'invalid', algorithm, why: 'it cannot be verified' }
      const { signerCertificate: signer } = error
      if (signer === null) return { state: 'present', algorithm, why: 'it brings no certificate of its signer' }
      if (!isVerifiable(findPublicKey(signer)))
        return { state: 'present', algorithm, why: 'the key of its signer is of a kind that is not verified here' }
      return { state: 'invalid', algorithm, why: error.message }
    }
  }

  /** A good signature whose chain ends elsewhere is somebody else's. */
  private async judgeChain({ certificates }: KeyRing, now: number): Promise<EmbeddedSignature> {
    const { algorithm } = this
    const trusted = certificates.map(({ id, der }) => ({ id, certificate: Certificate.fromBER(exactBuffer(der)) }))
    if (trusted.length === 0) return { state: 'present', algorithm, why: 'neither its signer nor a CA is registered' }
    try {
      const { certificatePath } = await this.verify({
        checkChain: true,
        checkDate: new Date(now * 1_000),
        trustedCerts: trusted.map(({ certificate }) => certificate),
        passedWhenNotRevValues: true,
      })
      const anchor = trusted.find(({ certificate }) => certificatePath.some((each) => isSame(each, certificate)))
      if (anchor !== undefined) {
        const end = certificatePath.findIndex((each) => isSame(each, anchor.certificate)) + 1
        const why = objectionTo(certificatePath.slice(0, end))
        return why === null ? { state: 'verified', algorithm, keyId: anchor.id } : { state: 'present', algorithm, why }
      }
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

/** A key of another kind, such as one on a Brainpool curve, says nothing of the bytes. */
const isVerifiable = (key: KeyObject | null): boolean =>
  key?.asymmetricKeyType === 'ec'
    ? curves.includes(key.asymmetricKeyDetails?.namedCurve ?? '')
    : key?.asymmetricKeyType === 'rsa'

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
