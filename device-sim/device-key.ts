import { createPrivateKey, sign, type KeyObject } from 'node:crypto'
import { renameSync } from 'node:fs'
import { join } from 'node:path'
import { findBase64Url, toHex, utf8 } from '../src/domain/bytes.js'
import { decodeCbor } from '../src/domain/cbor/decode.js'
import { encodeCbor } from '../src/domain/cbor/encode.js'
import { algorithmOf } from '../src/domain/cose/algorithms.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdOf, type CoseKey } from '../src/domain/cose/cose-key.js'
import type { MessageSigner } from '../src/domain/cose/sign1.js'
import { findFile, flushFolderOf, replaceWhole } from './durable-file.js'
import { makePrivateKey } from './new-key.js'

/** What a device's chip can do; the first has no Ed25519 in many a secure element. */
export type DeviceAlgorithm = 'ed25519' | 'esp256'

const KEY_FILE = 'device.key'
/** A key that was made to take over; the server may have it already, or not yet. */
const NEXT_FILE = 'device-next.key'
/** The name stays when the key changes: it is that of the key that the device enrolled with. */
const NAME_FILE = 'device.id'
/** The public key that the device enrolled with, once it has another. */
const FIRST_FILE = 'device-first.pub'

/** A device's own key: made on the device, never leaves it, and survives what wipes everything else. */
export class DeviceKey implements MessageSigner {
  readonly alg: number
  readonly keyId: Uint8Array
  /** Thumbprint of the key that the device enrolled with: 64 hex digits. */
  readonly deviceId: string
  /** The key that the device enrolled with, of which its name is the thumbprint. */
  readonly firstKey: CoseKey

  private constructor(
    readonly publicKey: CoseKey,
    private readonly privateKey: KeyObject,
    name: string | null,
    first: Uint8Array | null,
  ) {
    this.alg = algorithmOf(publicKey)
    this.keyId = keyIdOf(publicKey)
    this.deviceId = name ?? toHex(this.keyId)
    this.firstKey = first === null ? publicKey : coseKeyFromCbor(decodeCbor(new Uint8Array(first)))
  }

  /** Opens the key in `folder`, or makes one there. */
  static open(folder: string, algorithm: DeviceAlgorithm = 'ed25519'): DeviceKey {
    return DeviceKey.find(folder, KEY_FILE) ?? DeviceKey.make(folder, KEY_FILE, algorithm)
  }

  /** The key that is to take over, made now unless a change was begun before. */
  static openNext(folder: string, algorithm: DeviceAlgorithm): DeviceKey {
    return DeviceKey.findNext(folder) ?? DeviceKey.make(folder, NEXT_FILE, algorithm)
  }

  /** null when no change of keys is under way. */
  static findNext(folder: string): DeviceKey | null {
    return DeviceKey.find(folder, NEXT_FILE)
  }

  /** The next key becomes the key. The name goes first: a power cut in between leaves a change to be repeated. */
  static adoptNext(folder: string, deviceId: string): DeviceKey {
    const path = join(folder, KEY_FILE)
    const { firstKey } = DeviceKey.open(folder)
    replaceWhole(join(folder, FIRST_FILE), encodeCbor(coseKeyToCbor(firstKey)))
    replaceWhole(join(folder, NAME_FILE), utf8(deviceId))
    renameSync(join(folder, NEXT_FILE), path)
    flushFolderOf(path)
    return DeviceKey.open(folder)
  }

  private static find(folder: string, file: string): DeviceKey | null {
    const stored = findFile(join(folder, file))
    if (stored === null) return null
    return DeviceKey.from(folder, createPrivateKey({ key: Buffer.from(stored), format: 'der', type: 'pkcs8' }))
  }

  private static make(folder: string, file: string, algorithm: DeviceAlgorithm): DeviceKey {
    const privateKey = makePrivateKey(algorithm === 'ed25519' ? 'ed25519' : 'p256')
    replaceWhole(join(folder, file), privateKey.export({ format: 'der', type: 'pkcs8' }))
    return DeviceKey.from(folder, privateKey)
  }

  private static from(folder: string, privateKey: KeyObject): DeviceKey {
    const { x, y } = privateKey.export({ format: 'jwk' })
    const coordinate = (text: string | undefined): Uint8Array => findBase64Url(text ?? '') ?? new Uint8Array(0)
    const publicKey: CoseKey =
      privateKey.asymmetricKeyType === 'ed25519'
        ? { kind: 'ed25519', x: coordinate(x) }
        : { kind: 'p256', x: coordinate(x), y: coordinate(y) }
    const name = findFile(join(folder, NAME_FILE))
    const first = findFile(join(folder, FIRST_FILE))
    return new DeviceKey(publicKey, privateKey, name === null ? null : Buffer.from(name).toString('utf8'), first)
  }

  sign(message: Uint8Array): Promise<Uint8Array> {
    const key = this.privateKey
    const signature =
      this.publicKey.kind === 'ed25519'
        ? sign(null, message, key)
        : sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
    return Promise.resolve(new Uint8Array(signature))
  }
}
