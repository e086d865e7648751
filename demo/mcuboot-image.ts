import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto'

const HEADER_BYTES = 32
const IMAGE_MAGIC = 0x96f3b83d
const TLV_INFO_MAGIC = 0x6907
const TLV = { keyHash: 0x01, sha256: 0x10, ed25519: 0x24 } as const

/**
 * A valid MCUboot image: header, body, and trailing TLVs with key hash, SHA-256 and an Ed25519 signature over that digest.
 * The signing key is made here and forgotten: a boot loader's own key is not what this product is about.
 * @param version major, minor and revision.
 * @param bodyBytes length of the made-up program.
 * @see MCUboot's design document, "Image format"
 */
export function makeMcubootImage(version: readonly [number, number, number], bodyBytes: number): Buffer {
  const header = Buffer.alloc(HEADER_BYTES)
  header.writeUInt32LE(IMAGE_MAGIC, 0)
  header.writeUInt16LE(HEADER_BYTES, 8)
  header.writeUInt32LE(bodyBytes, 12)
  header.writeUInt8(version[0], 20)
  header.writeUInt8(version[1], 21)
  header.writeUInt16LE(version[2], 22)
  const image = Buffer.concat([header, randomBytes(bodyBytes)])
  const digest = createHash('sha256').update(image).digest()
  const { publicKey, privateKey } = generateKeyPairSync('ed25519')
  const keyHash = createHash('sha256')
    .update(publicKey.export({ type: 'spki', format: 'der' }))
    .digest()
  const entries = Buffer.concat([
    entry(TLV.sha256, digest),
    entry(TLV.keyHash, keyHash),
    entry(TLV.ed25519, sign(null, digest, privateKey)),
  ])
  const info = Buffer.alloc(4)
  info.writeUInt16LE(TLV_INFO_MAGIC, 0)
  info.writeUInt16LE(info.length + entries.length, 2)
  return Buffer.concat([image, info, entries])
}

function entry(type: number, value: Buffer): Buffer {
  const head = Buffer.alloc(4)
  head.writeUInt16LE(type, 0)
  head.writeUInt16LE(value.length, 2)
  return Buffer.concat([head, value])
}
