import { createHash, type KeyObject } from 'node:crypto'
import { equalBytes, toHex } from '../../domain/bytes.js'
import { Crc32, type Sink } from '../digests.js'
import type { FindingsDraft } from '../findings.js'
import type { KeyRing, RingKey } from '../key-ring.js'
import type { Reader } from '../reader.js'
import { StreamedSignature } from '../signed-by.js'

// ESP-IDF, "Secure Boot v2", "Signature Block Format"; numbers in it are little endian.
const SECTOR_BYTES = 4_096
const BLOCK_BYTES = 1_216
const CHECKED_BYTES = 1_196
const MOST_BLOCKS = 3
const BLOCK_MAGIC = 0xe7
const RSA = 2
const ECDSA = 3
const P256 = 2

interface SecureBoot {
  /** What the content before the sector is fed to, in order and whole. */
  readonly sinks: readonly Sink[]
  /** @param contentSha256 hex, of that content. */
  finish(contentSha256: string): void
}

/**
 * The boot loader looks into the sector right behind the image, and nowhere else.
 * @param imageEnd where the image ends, with its checksum and hash.
 * @returns where that sector starts, when it holds signatures.
 */
export function signatureSectorAt(reader: Reader, imageEnd: number, draft: FindingsDraft): number | null {
  const at = Math.ceil(imageEnd / SECTOR_BYTES) * SECTOR_BYTES
  const behind = reader.sizeBytes - at - SECTOR_BYTES
  if (behind < 0 || readBlocks(reader, at).length === 0) return null
  if (behind > 0) draft.fault(`${behind} bytes hide behind its signature sector`)
  return at
}

export function openSecureBoot(reader: Reader, sectorAt: number, keys: KeyRing, draft: FindingsDraft): SecureBoot {
  const blocks = readBlocks(reader, sectorAt)
  const signatures = blocks.flatMap((block) => openBlock(block, keys))
  draft.fact('signatureBlocks', blocks.length)
  // What the chip has in its fuses, for people who compare.
  for (const [index, block] of blocks.entries()) draft.fact(`signingKey${index}`, keyDigestOf(block))
  return {
    sinks: signatures.map(({ signature }) => signature),
    finish(found) {
      for (const block of blocks) if (block[2] === 0) draft.requireSame('sha256 that is signed', statedOf(block), found)
      for (const { signature, isNamed } of signatures) draft.signature(signature.finish(isNamed))
      if (signatures.length < blocks.length)
        draft.signature({ state: 'present', algorithm: 'ecdsa', why: 'its curve is not verified here' })
    },
  }
}

function readBlocks(reader: Reader, sectorAt: number): Uint8Array[] {
  const blocks = Array.from({ length: MOST_BLOCKS }, (_, index) =>
    reader.bytes(sectorAt + index * BLOCK_BYTES, BLOCK_BYTES),
  )
  return blocks.filter(isBlock)
}

/** A block whose own CRC is wrong is none, as the boot loader has it. */
function isBlock(block: Uint8Array): boolean {
  if (block[0] !== BLOCK_MAGIC || (block[1] !== RSA && block[1] !== ECDSA)) return false
  const crc = new Crc32()
  crc.update(block.subarray(0, CHECKED_BYTES))
  return new DataView(block.buffer, block.byteOffset).getUint32(CHECKED_BYTES, true) === crc.value
}

const statedOf = (block: Uint8Array): string => toHex(block.subarray(4, 36))
const reversed = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes).reverse()
const keyDigestOf = (block: Uint8Array): string =>
  createHash('sha256')
    .update(block.subarray(36, block[1] === RSA ? 812 : 101))
    .digest('hex')

/** @returns nothing for curves and hashes that are not verified here. */
function openBlock(block: Uint8Array, keys: KeyRing): { signature: StreamedSignature; isNamed: boolean }[] {
  if (block[1] === RSA) {
    const modulus = reversed(block.subarray(36, 420))
    const { candidates, isNamed } = choose(keys.ofType('rsa'), (key) => isNumber(key, 'n', modulus))
    const options = { padding: 6, saltLength: 32 }
    const bytes = reversed(block.subarray(812, CHECKED_BYTES))
    return [{ signature: new StreamedSignature('rsa-3072-pss', 'sha256', bytes, candidates, options), isNamed }]
  }
  if (block[2] !== 0 || block[36] !== P256) return []
  const x = reversed(block.subarray(37, 69))
  const { candidates, isNamed } = choose(keys.ofType('ec'), (key) => isNumber(key, 'x', x))
  const bytes = new Uint8Array([...reversed(block.subarray(101, 133)), ...reversed(block.subarray(133, 165))])
  const options = { dsaEncoding: 'ieee-p1363' as const }
  return [{ signature: new StreamedSignature('ecdsa-p256', 'sha256', bytes, candidates, options), isNamed }]
}

function choose(
  keys: readonly RingKey[],
  isIt: (key: KeyObject) => boolean,
): { candidates: readonly RingKey[]; isNamed: boolean } {
  const named = keys.filter(({ key }) => isIt(key))
  return named.length > 0 ? { candidates: named, isNamed: true } : { candidates: keys, isNamed: false }
}

function isNumber(key: KeyObject, member: 'n' | 'x', value: Uint8Array): boolean {
  const text = key.export({ format: 'jwk' })[member]
  return typeof text === 'string' && equalBytes(Buffer.from(text, 'base64url'), Buffer.from(value))
}
