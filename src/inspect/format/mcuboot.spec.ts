import { expect, it } from '@jest/globals'
import { inspectBytes, patched } from '../../../test/support/firmware/inspect-bytes.js'
import { makeMcuboot } from '../../../test/support/firmware/mcuboot-image.js'
import { content, ed25519Key, p256Key, rsaKey } from '../../../test/support/firmware/sample.js'

const payload = content(5_000)
const signer = ed25519Key()
const image = makeMcuboot({ payload, signer, version: [1, 4, 300, 70_000] })

it('says what the header and the TLVs say', async () => {
  const counter = [0x50, Uint8Array.of(9, 0, 0, 0)] as const
  const dependency = [0x40, new Uint8Array(12)] as const
  const bytes = makeMcuboot({ payload, signer, version: [1, 4, 0, 0], protectedTlvs: [counter, dependency] })
  expect(await inspectBytes(bytes, signer)).toMatchObject({
    version: '1.4.0',
    target: null,
    facts: {
      headerBytes: 512,
      imageBytes: 5_000,
      securityCounter: 9,
      dependencies: 1,
      tlvs: '0x50 0x40 0x10 0x01 0x24',
    },
  })
  expect((await inspectBytes(image)).version).toBe('1.4.300+70000')
})

it('finds one changed byte of header, payload or protected TLVs by the hash', async () => {
  const bytes = makeMcuboot({ payload, signer, protectedTlvs: [[0x50, Uint8Array.of(9, 0, 0, 0)]] })
  for (const at of [20, 512, 5_511, 512 + 5_000 + 10]) {
    const { state, faults } = await inspectBytes(patched(bytes, at, 0xff), signer)
    expect([at, state, faults[0]?.slice(0, 30)]).toEqual([at, 'damaged', 'sha256 of the image differs: s'])
  }
})

it.each([
  ['Ed25519', ed25519Key()],
  ['ECDSA', p256Key()],
  ['RSA-2048', rsaKey()],
  ['RSA-3072', rsaKey(3_072)],
])('calls a signature that names a registered %s key and is not its own invalid', async (_, key) => {
  const bytes = makeMcuboot({ payload, signer: key })
  expect((await inspectBytes(bytes, key)).signature).toMatchObject({ state: 'verified', keyId: key.registered.id })
  const broken = patched(bytes, -8, (bytes.at(-8) ?? 0) ^ 1)
  expect((await inspectBytes(broken, key)).signature).toMatchObject({ state: 'invalid' })
  // Without the key nobody can say.
  expect((await inspectBytes(broken)).signature).toMatchObject({ state: 'present' })
})

it('takes a signature of the right kind by a key that is not named for no more than present', async () => {
  const { signature } = await inspectBytes(image, ed25519Key())
  expect(signature).toEqual({
    state: 'present',
    algorithm: 'ed25519',
    why: 'none of 1 registered keys of its kind made it',
  })
})

it('says that an encrypted image keeps its hash and signature to itself', async () => {
  const wrappedKey = [0x30, content(256)] as const
  const findings = await inspectBytes(makeMcuboot({ payload, signer, flags: 0x4, protectedTlvs: [wrappedKey] }), signer)
  expect(findings).toMatchObject({ state: 'whole', signature: { state: 'present' } })
  expect(findings.notChecked).toHaveLength(1)
  // Without a key for it nothing was encrypted: the flag alone would switch every check off.
  const plain = await inspectBytes(makeMcuboot({ payload, signer, flags: 0x4 }), signer)
  expect(plain.faults).toEqual(['it says that it is encrypted, and brings no key for it'])
})

it.each([
  ['an image size beyond the file', patched(image, 12, 0xff, 0xff, 0xff, 0x7f), 'truncated'],
  ['no TLV area', patched(image, 512 + 5_000, 0), 'no TLV area'],
  ['a header that is too small', patched(image, 8, 4, 0), 'its header claims 4 bytes'],
  ['protected TLVs that are not there', patched(image, 10, 8, 0), 'no TLV area'],
  ['a TLV that is longer than its area', patched(image, 512 + 5_000 + 6, 0xff, 0xff), 'a TLV reaches beyond its area'],
])('cannot read %s', async (_, bytes, why) => {
  const { state, faults } = await inspectBytes(bytes, signer)
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

it('says when there is no hash, and how much stands behind the image', async () => {
  const noHash = patched(image, 512 + 5_000 + 4, 0x77)
  expect((await inspectBytes(noHash)).faults).toEqual(['it has no hash of the image'])
  const padded = await inspectBytes(new Uint8Array([...image, ...new Uint8Array(16)]), signer)
  expect(padded).toMatchObject({
    ...{ state: 'whole', facts: { trailingBytes: 16 } },
    notChecked: ['16 bytes behind the image'],
  })
})
