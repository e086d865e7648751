import { createHash, sign, type KeyObject } from 'node:crypto'
import { crc32 } from 'node:zlib'
import { concat, utf8 } from '../../../src/domain/bytes.js'
import { filledTo, little, padded, type SignatureKey } from './sample.js'

interface EspOptions {
  readonly payload: Uint8Array
  readonly version?: string
  readonly chip?: number
  readonly hasHash?: boolean
  readonly signers?: readonly SignatureKey[]
}

/** An application image as esptool's elf2image makes it, and signed as espsecure does for secure boot v2. */
export function makeEsp(options: EspOptions): Uint8Array {
  const { payload, version = '1.4.0', chip = 9, hasHash = true, signers = [] } = options
  const segments = [concat(description(version), payload.subarray(0, 1_024)), payload.subarray(1_024)]
  const header = padded(
    concat(
      little([1, 0xe9], [1, segments.length], [1, 2], [1, 0x2f], [4, 0x4037_0000], [1, 0xee], [1, 0], [2, 0]),
      little([2, chip], [1, 0], [2, 0], [2, 0x63]),
    ),
    24,
  )
  header[23] = hasHash ? 1 : 0
  const body = concat(
    header,
    ...segments.map((data, index) => concat(little([4, 0x3c00_0000 + index * 0x1_0000], [4, data.length]), data)),
  )
  const sum = segments.reduce((all, data) => data.reduce((value, byte) => value ^ byte, all), 0xef)
  const summed = padded(body, body.length + 16 - (body.length % 16))
  summed[summed.length - 1] = sum
  const image = hasHash ? concat(summed, createHash('sha256').update(summed).digest()) : summed
  if (signers.length === 0) return image
  const aligned = filledTo(image, 4_096, 0xff)
  return concat(aligned, espSignature(aligned, ...signers))
}

/** The sector that signs what stands before it. */
export const espSignature = (content: Uint8Array, ...signers: readonly SignatureKey[]): Uint8Array =>
  padded(concat(...signers.map((signer) => block(content, signer))), 4_096, 0xff)

function description(version: string): Uint8Array {
  const text = (value: string, length: number): Uint8Array => padded(utf8(value), length)
  return padded(
    concat(
      little([4, 0xabcd5432], [4, 7], [4, 0], [4, 0]),
      ...[text(version, 32), text('gateway', 32), text('12:00:00', 16), text('Nov 27 2026', 16), text('v5.3', 32)],
      new Uint8Array(32).fill(0xab),
    ),
    256,
  )
}

function block(content: Uint8Array, signer: SignatureKey): Uint8Array {
  const digest = createHash('sha256').update(content).digest()
  const isRsa = signer.publicKey.asymmetricKeyType === 'rsa'
  const body = isRsa ? rsaBlock(content, digest, signer) : ecdsaBlock(content, digest, signer)
  return padded(concat(body, little([4, crc32(body)])), 1_216)
}

const reversed = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes).reverse()
const number = (key: KeyObject, member: 'n' | 'x' | 'y'): Uint8Array =>
  Buffer.from(String(key.export({ format: 'jwk' })[member]), 'base64url')

/** The two numbers that speed a chip up are left out: nobody here reads them. */
function rsaBlock(content: Uint8Array, digest: Uint8Array, { privateKey, publicKey }: SignatureKey): Uint8Array {
  const signature = sign('sha256', content, { key: privateKey, padding: 6, saltLength: 32 })
  return concat(
    little([1, 0xe7], [1, 2], [2, 0]),
    digest,
    padded(reversed(number(publicKey, 'n')), 384),
    little([4, 65_537]),
    new Uint8Array(384 + 4),
    padded(reversed(signature), 384),
  )
}

function ecdsaBlock(content: Uint8Array, digest: Uint8Array, { privateKey, publicKey }: SignatureKey): Uint8Array {
  const signature = sign('sha256', content, { key: privateKey, dsaEncoding: 'ieee-p1363' })
  const point = concat(reversed(number(publicKey, 'x')), reversed(number(publicKey, 'y')))
  const numbers = concat(reversed(signature.subarray(0, 32)), reversed(signature.subarray(32)))
  return padded(concat(little([1, 0xe7], [1, 3], [2, 0]), digest, little([1, 2]), point, numbers), 1_196)
}
