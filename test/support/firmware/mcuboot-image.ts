import { createHash, sign, type KeyObject } from 'node:crypto'
import { concat } from '../../../src/domain/bytes.js'
import { little, type SignatureKey } from './sample.js'

interface McubootOptions {
  readonly payload: Uint8Array
  readonly version?: readonly [major: number, minor: number, revision: number, build: number]
  readonly flags?: number
  readonly signer?: SignatureKey
  /** The key itself instead of its hash. */
  readonly withPublicKey?: boolean
  readonly protectedTlvs?: readonly (readonly [type: number, value: Uint8Array])[]
}

const HEADER_BYTES = 512

/** An image as imgtool makes it (mcuboot, docs/imgtool.md): header, payload, TLVs. */
export function makeMcuboot(options: McubootOptions): Uint8Array {
  const { payload, version = [1, 4, 0, 0], flags = 0, signer, protectedTlvs = [] } = options
  const inside = protectedTlvs.length === 0 ? new Uint8Array(0) : area(0x6908, protectedTlvs)
  const header = new Uint8Array(HEADER_BYTES)
  header.set(
    little(
      [4, 0x96f3b83d],
      [4, 0],
      [2, HEADER_BYTES],
      [2, inside.length],
      [4, payload.length],
      [4, flags],
      [1, version[0]],
      [1, version[1]],
      [2, version[2]],
      [4, version[3]],
    ),
  )
  const hashed = concat(header, payload, inside)
  const digest = createHash('sha256').update(hashed).digest()
  const tlvs: (readonly [number, Uint8Array])[] = [[0x10, digest]]
  if (signer !== undefined) {
    const encoding = encodingOf(signer.publicKey)
    const hash = createHash('sha256').update(encoding).digest()
    tlvs.push(options.withPublicKey === true ? [0x02, encoding] : [0x01, hash])
    tlvs.push(signatureOf(signer.privateKey, hashed, digest))
  }
  return concat(hashed, area(0x6907, tlvs))
}

function area(magic: number, tlvs: readonly (readonly [type: number, value: Uint8Array])[]): Uint8Array {
  const body = concat(...tlvs.map(([type, value]) => concat(little([2, type], [2, value.length]), value)))
  return concat(little([2, magic], [2, body.length + 4]), body)
}

const encodingOf = (key: KeyObject): Uint8Array =>
  key.export({ type: key.asymmetricKeyType === 'rsa' ? 'pkcs1' : 'spki', format: 'der' } as {
    type: 'spki'
    format: 'der'
  })

function signatureOf(key: KeyObject, hashed: Uint8Array, digest: Uint8Array): readonly [number, Uint8Array] {
  if (key.asymmetricKeyType === 'ed25519') return [0x24, sign(null, digest, key)]
  if (key.asymmetricKeyType === 'ec') return [0x22, sign('sha256', hashed, key)]
  const type = key.asymmetricKeyDetails?.modulusLength === 3_072 ? 0x23 : 0x20
  return [type, sign('sha256', hashed, { key, padding: 6, saltLength: 32 })]
}
