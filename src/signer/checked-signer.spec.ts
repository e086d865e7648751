import { describe, expect, it } from '@jest/globals'
import { makeP256Key, makeSoftKey } from '../../test/support/soft-key.js'
import { utf8 } from '../domain/bytes.js'
import { nativeAlgorithms } from '../domain/cose/algorithms.js'
import { requireSignature } from '../domain/cose/verify.js'
import { checkedSigner } from './checked-signer.js'

const message = utf8('what is signed')

describe.each([
  ['alone', true],
  ['while others wait', false],
])('a signature that is made %s', (_, isAlone) => {
  it.each([
    ['Ed25519', makeSoftKey()],
    ['ESP256', makeP256Key()],
  ])('by %s leaves only when it verifies (check 18)', async (name, key) => {
    let isLying = false
    const token = {
      keys: () => [],
      close: () => Promise.resolve(),
      sign: (keyId: string, algorithm: number, bytes: Uint8Array) =>
        key.sign(isLying ? utf8(`${keyId}${algorithm}`) : bytes),
    }
    const rootKey = { ...key, keyId: key.keyIdHex, notBefore: 0, notAfter: 1 }
    const signer = checkedSigner({ token, isAlone: () => isAlone }, rootKey)
    const signature = await signer.sign(message)
    requireSignature(nativeAlgorithms, key, { alg: key.alg, keyId: key.keyId, signature }, message)
    isLying = true
    await expect(signer.sign(message)).rejects.toMatchObject({ code: 'SIGNATURE_INVALID', step: 18 })
    expect(name).toBe(nativeAlgorithms.get(key.alg)?.name)
  })
})
