import { createHash, type KeyObject } from 'node:crypto'
import { equalBytes, fromHex, sha256, toHex } from '../../domain/bytes.js'
import { feed, findDigest, type Sink } from '../digests.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import type { KeyRing, RingKey } from '../key-ring.js'
import type { Reader } from '../reader.js'
import { judgeSignature, keysBy, StreamedSignature } from '../signed-by.js'
import { hexNumber } from '../text.js'
import { Unreadable } from '../unreadable.js'

// MCUboot, docs/design.md "Image Format" and bootutil/image.h. Little endian throughout.
const MAGIC = 0x96f3b83d
const HEADER_BYTES = 32
const TLV_MAGIC = 0x6907
const PROTECTED_TLV_MAGIC = 0x6908
const ENCRYPTED_FLAGS = 0x4 | 0x8
const PURE_SIGNATURE = 0x25
/** The key of an encrypted image: by RSA, AES, ECIES on P-256 or X25519. */
const wrappedKeys = [0x30, 0x31, 0x32, 0x33]
const hashes = new Map([
  [0x10, 'sha256'],
  [0x11, 'sha384'],
  [0x12, 'sha512'],
])

interface Tlv {
  readonly type: number
  readonly value: Uint8Array
  readonly isProtected: boolean
}

interface Header {
  readonly tlvAt: number
  readonly protectedBytes: number
  readonly isEncrypted: boolean
}

export const mcuboot: FormatReader = {
  format: 'mcuboot',
  recognises: (reader) => reader.view(0, HEADER_BYTES).getUint32(0, true) === MAGIC,
  inspect({ reader, keys, draft }: Inspection): void {
    const header = readHeader(reader, draft)
    const { tlvs, endAt } = readTlvs(reader, header)
    describe(tlvs, reader.sizeBytes - endAt, draft)
    const hashed = header.tlvAt + header.protectedBytes
    const hash = tlvs.find(({ type, isProtected }) => hashes.has(type) && !isProtected)
    const algorithm = hashes.get(hash?.type ?? 0) ?? 'sha256'
    const digest = findDigest(algorithm)
    if (hash === undefined) draft.fault('it has no hash of the image')
    if (digest === null) throw new Unreadable('no hash')
    const signatures = header.isEncrypted ? [] : tlvs.flatMap((_, index) => openSignature(tlvs, index, algorithm, keys))
    feed(reader.chunks(0, hashed), [digest, ...signatures])
    const found = digest.hex()
    if (header.isEncrypted) judgeEncrypted(tlvs, draft)
    else if (hash !== undefined) draft.requireSame(`${algorithm} of the image`, toHex(hash.value), found)
    for (const signature of signatures) draft.signature(signature.finish(fromHex(found)))
  },
}

function judgeEncrypted(tlvs: readonly Tlv[], draft: FindingsDraft): void {
  draft.notChecked('hash and signature, which are over the plain image: it is encrypted')
  if (!tlvs.some(({ type }) => wrappedKeys.includes(type)))
    draft.fault('it says that it is encrypted, and brings no key for it')
  if (tlvs.some(({ type }) => signatureKinds.has(type)))
    draft.signature({ state: 'present', algorithm: 'any', why: 'it covers the plain image, which is encrypted here' })
}

function readHeader(reader: Reader, draft: FindingsDraft): Header {
  const view = reader.view(0, HEADER_BYTES)
  const headerBytes = view.getUint16(8, true)
  const imageBytes = view.getUint32(12, true)
  const flags = view.getUint32(16, true)
  const build = view.getUint32(24, true)
  const version = `${view.getUint8(20)}.${view.getUint8(21)}.${view.getUint16(22, true)}`
  draft.version(build === 0 ? version : `${version}+${build}`)
  draft.fact('loadAddress', hexNumber(view.getUint32(4, true)))
  draft.fact('headerBytes', headerBytes)
  draft.fact('imageBytes', imageBytes)
  draft.fact('flags', hexNumber(flags))
  if (headerBytes < HEADER_BYTES)
    throw new Unreadable(`its header claims ${headerBytes} bytes; it takes ${HEADER_BYTES}`)
  return {
    tlvAt: headerBytes + imageBytes,
    protectedBytes: view.getUint16(10, true),
    isEncrypted: (flags & ENCRYPTED_FLAGS) !== 0,
  }
}

function readTlvs(reader: Reader, { tlvAt, protectedBytes }: Header): { tlvs: Tlv[]; endAt: number } {
  const inside = protectedBytes === 0 ? [] : readArea(reader, tlvAt, true)
  const insideBytes = protectedBytes === 0 ? 0 : areaBytes(reader, tlvAt, PROTECTED_TLV_MAGIC)
  if (insideBytes !== protectedBytes)
    throw new Unreadable(`its header claims ${protectedBytes} bytes of protected TLVs, their area ${insideBytes}`)
  const at = tlvAt + protectedBytes
  return { tlvs: [...inside, ...readArea(reader, at, false)], endAt: at + areaBytes(reader, at, TLV_MAGIC) }
}

function areaBytes(reader: Reader, at: number, magic: number): number {
  const view = reader.view(at, 4)
  if (view.getUint16(0, true) !== magic) throw new Unreadable(`no TLV area at ${at}, where the header puts it`)
  return view.getUint16(2, true)
}

function readArea(reader: Reader, at: number, isProtected: boolean): Tlv[] {
  const bytes = areaBytes(reader, at, isProtected ? PROTECTED_TLV_MAGIC : TLV_MAGIC)
  const view = reader.view(at, bytes)
  const tlvs: Tlv[] = []
  for (let offset = 4; offset < bytes;) {
    if (offset + 4 > bytes) throw new Unreadable('its TLV area ends within a TLV')
    const length = view.getUint16(offset + 2, true)
    if (offset + 4 + length > bytes) throw new Unreadable('a TLV reaches beyond its area')
    const value = new Uint8Array(view.buffer, view.byteOffset + offset + 4, length)
    tlvs.push({ type: view.getUint16(offset, true), value, isProtected })
    offset += 4 + length
  }
  return tlvs
}

function describe(tlvs: readonly Tlv[], trailingBytes: number, draft: FindingsDraft): void {
  const counter = tlvs.find(({ type, isProtected, value }) => type === 0x50 && isProtected && value.length === 4)
  if (counter !== undefined)
    draft.fact('securityCounter', new DataView(counter.value.buffer, counter.value.byteOffset).getUint32(0, true))
  const dependencies = tlvs.filter(({ type, isProtected }) => type === 0x40 && isProtected).length
  if (dependencies > 0) draft.fact('dependencies', dependencies)
  draft.fact('tlvs', tlvs.map(({ type }) => `0x${type.toString(16).padStart(2, '0')}`).join(' '))
  // The swap trailer of a padded image, or what a tool left there: no loader hashes it.
  if (trailingBytes === 0) return
  draft.fact('trailingBytes', trailingBytes)
  draft.notChecked(`${trailingBytes} bytes behind the image`)
}

interface Signature extends Sink {
  finish(digest: Uint8Array): ReturnType<StreamedSignature['finish']>
}
type SignatureKind = (tlv: Tlv, hash: string, keys: readonly RingKey[], isNamed: boolean) => Signature

const streamed =
  (algorithm: string, options: object): SignatureKind =>
  ({ value }, hash, keys, isNamed) => {
    const signature = new StreamedSignature(algorithm, hash, value, keys, options)
    return { update: (chunk) => signature.update(chunk), finish: () => signature.finish(isNamed) }
  }
const rsaPss = (algorithm: string): SignatureKind => streamed(algorithm, { padding: 6, saltLength: 32 })

/** Signs the hash of the image, not the image. */
const ed25519: SignatureKind = ({ value }, _, keys, isNamed) => ({
  update: () => undefined,
  finish: (digest) => judgeSignature('ed25519', null, digest, value, keys, { isNamed }),
})

const signatureKinds = new Map<number, readonly [keyType: string, open: SignatureKind]>([
  [0x20, ['rsa', rsaPss('rsa-2048-pss')]],
  [0x21, ['ec', streamed('ecdsa-p224', {})]],
  [0x22, ['ec', streamed('ecdsa', {})]],
  [0x23, ['rsa', rsaPss('rsa-3072-pss')]],
  [0x24, ['ed25519', ed25519]],
])

/** The TLV before a signature names its key: by hash (0x01), or by itself (0x02). */
function openSignature(tlvs: readonly Tlv[], index: number, hash: string, keys: KeyRing): Signature[] {
  const tlv = tlvs[index]
  const [keyType, open] = signatureKinds.get(tlv?.type ?? 0) ?? []
  if (tlv === undefined || tlv.isProtected || keyType === undefined || open === undefined) return []
  // A pure signature is over the image itself, which Ed25519 takes only in one piece.
  if (tlvs.some(({ type }) => type === PURE_SIGNATURE) && keyType === 'ed25519') return [pureSignature]
  const before = tlvs[index - 1]
  const named = before === undefined ? [] : keysBy(keys, (key) => isKeyOf(before, key))
  const candidates = named.length > 0 ? named : keys.ofType(keyType)
  return [
    open(
      tlv,
      hash,
      candidates.filter(({ key }) => key.asymmetricKeyType === keyType),
      named.length > 0,
    ),
  ]
}

const pureSignature: Signature = {
  update: () => undefined,
  finish: () => ({ state: 'present', algorithm: 'ed25519', why: 'a pure signature is not verified in a stream' }),
}

function isKeyOf({ type, value }: Tlv, key: KeyObject): boolean {
  if (type !== 0x01 && type !== 0x02) return false
  const encoding = encodingOf(key)
  if (type === 0x02) return equalBytes(value, encoding)
  const digest = value.length === 48 ? createHash('sha384').update(encoding).digest() : sha256(encoding)
  return equalBytes(value, digest)
}

/** As the loader holds it: RSA keys without their algorithm, others as SubjectPublicKeyInfo. */
const encodingOf = (key: KeyObject): Uint8Array =>
  key.asymmetricKeyType === 'rsa'
    ? key.export({ type: 'pkcs1', format: 'der' })
    : key.export({ type: 'spki', format: 'der' })
