import { createPrivateKey, generateKeyPairSync, sign, type KeyObject } from 'node:crypto'
import { join } from 'node:path'
import { findBase64Url, toHex } from '../src/domain/bytes.js'
import { ED25519 } from '../src/domain/cose/algorithms.js'
import { keyIdOf, type CoseKey } from '../src/domain/cose/cose-key.js'
import type { MessageSigner } from '../src/domain/cose/sign1.js'
import { findFile, flushFolderOf, writeWhole } from './durable-file.js'

/** A device's own key: made on the device, never leaves it. */
export class DeviceKey implements MessageSigner {
  readonly alg = ED25519
  readonly keyId: Uint8Array
  /** Thumbprint of the key: 64 hex digits. */
  readonly deviceId: string

  private constructor(
    readonly publicKey: CoseKey,
    private readonly privateKey: KeyObject,
  ) {
    this.keyId = keyIdOf(publicKey)
    this.deviceId = toHex(this.keyId)
  }

  /** Opens the key in `folder`, or makes one there. */
  static open(folder: string): DeviceKey {
    const path = join(folder, 'device.key')
    const stored = findFile(path)
    if (stored !== null)
      return DeviceKey.from(createPrivateKey({ key: Buffer.from(stored), format: 'der', type: 'pkcs8' }))
    const { privateKey } = generateKeyPairSync('ed25519')
    writeWhole(path, privateKey.export({ format: 'der', type: 'pkcs8' }))
    flushFolderOf(path)
    return DeviceKey.from(privateKey)
  }

  private static from(privateKey: KeyObject): DeviceKey {
    const x = findBase64Url(privateKey.export({ format: 'jwk' }).x ?? '')
    if (x === null) throw new Error('device.key holds no Ed25519 key')
    return new DeviceKey({ kind: 'ed25519', x }, privateKey)
  }

  sign(message: Uint8Array): Promise<Uint8Array> {
    return Promise.resolve(new Uint8Array(sign(null, message, this.privateKey)))
  }
}
