import { webcrypto } from 'node:crypto'
import { Integer, OctetString, PrintableString } from 'asn1js'
import {
  AttributeTypeAndValue,
  Attribute,
  BasicConstraints,
  Certificate,
  ContentInfo,
  CryptoEngine,
  EncapsulatedContentInfo,
  Extension,
  IssuerAndSerialNumber,
  SignedAndUnsignedAttributes,
  SignedData,
  SignerInfo,
} from 'pkijs'
import { ObjectIdentifier } from 'asn1js'
import { sha256, sha256Hex } from '../../../src/domain/bytes.js'
import type { EmbeddedKey } from '../../../src/inspect/key-ring.js'

const engine = new CryptoEngine({ name: 'node', crypto: webcrypto })
const DATA = '1.2.840.113549.1.7.1'
const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }

interface Issued {
  readonly certificate: Certificate
  readonly privateKey: webcrypto.CryptoKey
}

interface Life {
  readonly notBefore?: Date
  readonly notAfter?: Date
}

/** A CA of the test's own, and a signer whose certificate it issued. */
export class TestSigner {
  private constructor(
    readonly ca: EmbeddedKey,
    /** The signer's own public key. */
    readonly own: EmbeddedKey,
    private readonly signer: Issued,
  ) {}

  static async make(life: Life = {}): Promise<TestSigner> {
    const ca = await issue('CA', true, null, life)
    const signer = await issue('signer', false, ca, life)
    const der = new Uint8Array(ca.certificate.toSchema(true).toBER())
    const spki = new Uint8Array(signer.certificate.subjectPublicKeyInfo.toSchema().toBER())
    return new TestSigner(
      { id: sha256Hex(der), kind: 'x509-ca', der },
      { id: sha256Hex(spki), kind: 'ecdsa-p256', der: spki },
      signer,
    )
  }

  /** A CMS signature, DER; `isDetached` leaves the content out. */
  async sign(content: Uint8Array, isDetached: boolean): Promise<Uint8Array> {
    const { certificate, privateKey } = this.signer
    const { issuer, serialNumber } = certificate
    const attributes = new SignedAndUnsignedAttributes({
      type: 0,
      attributes: [
        new Attribute({ type: '1.2.840.113549.1.9.3', values: [new ObjectIdentifier({ value: DATA })] }),
        new Attribute({ type: '1.2.840.113549.1.9.4', values: [new OctetString({ valueHex: sha256(content) })] }),
      ],
    })
    const signed = new SignedData({
      version: 1,
      encapContentInfo: new EncapsulatedContentInfo({ eContentType: DATA }),
      signerInfos: [
        new SignerInfo({
          version: 1,
          sid: new IssuerAndSerialNumber({ issuer, serialNumber }),
          signedAttrs: attributes,
        }),
      ],
      certificates: [certificate],
    })
    if (!isDetached) signed.encapContentInfo.eContent = new OctetString({ valueHex: content })
    await signed.sign(privateKey, 0, 'SHA-256', exact(content), engine)
    const info = new ContentInfo({ contentType: '1.2.840.113549.1.7.2', content: signed.toSchema(true) })
    return new Uint8Array(info.toSchema().toBER())
  }
}

const exact = (bytes: Uint8Array): ArrayBuffer => Uint8Array.from(bytes).buffer

async function issue(name: string, isCa: boolean, by: Issued | null, life: Life): Promise<Issued> {
  const { publicKey, privateKey } = await webcrypto.subtle.generateKey(algorithm, true, ['sign', 'verify'])
  const certificate = new Certificate()
  certificate.version = 2
  certificate.serialNumber = new Integer({ value: isCa ? 1 : 2 })
  const commonName = new AttributeTypeAndValue({ type: '2.5.4.3', value: new PrintableString({ value: name }) })
  certificate.subject.typesAndValues.push(commonName)
  certificate.issuer = by?.certificate.subject ?? certificate.subject
  certificate.notBefore.value = life.notBefore ?? new Date(Date.now() - 3_600_000)
  certificate.notAfter.value = life.notAfter ?? new Date(Date.now() + 86_400_000)
  const constraints = new BasicConstraints({ cA: isCa })
  certificate.extensions = [
    new Extension({
      extnID: '2.5.29.19',
      critical: true,
      extnValue: constraints.toSchema().toBER(),
      parsedValue: constraints,
    }),
  ]
  await certificate.subjectPublicKeyInfo.importKey(publicKey, engine)
  await certificate.sign(by?.privateKey ?? privateKey, 'SHA-256', engine)
  return { certificate, privateKey }
}
