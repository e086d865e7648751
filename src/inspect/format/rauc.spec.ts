import { describe, expect, it } from '@jest/globals'
import { TestSigner } from '../../../test/support/firmware/cms-signer.js'
import { inspectBytes, patched, placeOf } from '../../../test/support/firmware/inspect-bytes.js'
import { makeEncryptedRauc, makeRauc } from '../../../test/support/firmware/rauc-bundle.js'
import { content } from '../../../test/support/firmware/sample.js'
import { fromHex } from '../../domain/bytes.js'

const payload = content(600_000)
const [signer, stranger] = [await TestSigner.make(), await TestSigner.make()]
const plain = await makeRauc({ payload, format: 'plain', signer })
const verity = await makeRauc({ payload, format: 'verity', signer })
const cmsAt = (bundle: Uint8Array): number => bundle.length - 8 - Buffer.from(bundle).readUInt32BE(bundle.length - 4)

describe.each([
  ['plain', plain],
  ['verity', verity],
])('a %s bundle', (format, bundle) => {
  it('says version, compatible and images', async () => {
    expect(await inspectBytes(bundle, signer.ca)).toMatchObject({
      state: 'whole',
      version: '1.4.0',
      target: { kind: 'product', names: ['gateway-b'] },
      signature: { state: 'verified', algorithm: 'cms sha256', keyId: signer.ca.id },
      facts: { bundleFormat: format, 'image.rootfs': 'rootfs.ext4' },
    })
  })

  it("is verified by the signer's own key where that is registered", async () => {
    const { signature } = await inspectBytes(bundle, stranger.ca, signer.own)
    expect(signature).toMatchObject({ state: 'verified', keyId: signer.own.id })
  })

  it('of a signer whose CA is another is present, not verified', async () => {
    expect((await inspectBytes(bundle, stranger.ca)).signature).toMatchObject({ state: 'present' })
    expect((await inspectBytes(bundle)).signature).toMatchObject({ state: 'present' })
  })

  it('shows one changed byte of its content', async () => {
    const broken = await inspectBytes(patched(bundle, 500_000, (bundle[500_000] ?? 0) ^ 1), signer.ca)
    if (format === 'plain') expect(broken.signature.state).toBe('invalid')
    else expect(broken.faults.map((each) => each.split(':')[0])).toContain('root of the hash tree differs')
  })

  it('is told by its beginning where its end is missing', async () => {
    const cut = bundle.subarray(0, Math.floor(bundle.length / 2))
    expect(await inspectBytes(cut, signer.ca)).toMatchObject({
      ...{ format: 'rauc', state: 'unreadable', version: null, signature: { state: 'none' } },
      faults: ['truncated: its file system claims more bytes than there are'],
    })
  })

  it('shows one changed byte of its signature', async () => {
    const at = bundle.length - 20
    expect((await inspectBytes(patched(bundle, at, (bundle[at] ?? 0) ^ 1), signer.ca)).signature.state).toBe('invalid')
  })
})

it('shows a stored hash tree that is not that of the data', async () => {
  const { state, faults, signature } = await inspectBytes(patched(verity, cmsAt(verity) - 5_000, 0x55), signer.ca)
  expect([state, faults, signature.state]).toEqual([
    'damaged',
    ['the stored hash tree is not that of the data'],
    'verified',
  ])
})

it('does not verify a signer whose certificate is over', async () => {
  const life = { notBefore: new Date(Date.now() - 7_200_000), notAfter: new Date(Date.now() - 3_600_000) }
  const late = await TestSigner.make(life)
  const bundle = await makeRauc({ payload, format: 'plain', signer: late })
  expect((await inspectBytes(bundle, late.ca)).signature).toMatchObject({ state: 'present' })
})

it('is told from a squashfs without a signature', async () => {
  expect((await inspectBytes(plain.subarray(0, cmsAt(plain)), signer.ca)).format).toBe('unknown')
})

it.each([
  ['a CMS that is none', patched(plain, cmsAt(plain) + 2, 0, 0), 'its CMS cannot be read'],
  [
    'a CMS over a time stamp, whose time would be believed',
    patched(plain, placeOf(plain, fromHex('06092a864886f70d010701')) + 10, 5),
    'its CMS is over something else than data',
  ],
  ['another version of squashfs', patched(plain, 28, 3), 'it is no squashfs of version 4'],
  ['metadata outside the file', patched(plain, 64, 0xff, 0xff, 0xff), 'truncated'],
  ['a tree of another size', patched(verity, placeOf(verity, 'verity-size=') + 12, 0x39), 'truncated'],
])('cannot read %s', async (_, bytes, why) => {
  const { state, faults } = await inspectBytes(bytes, signer.ca)
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

it('says what it does not unpack', async () => {
  const zstd = patched(plain, 20, 6)
  const findings = await inspectBytes(zstd, signer.ca)
  expect(findings.notChecked).toEqual(['version and compatible: the manifest is compressed with zstd'])
  expect(findings.isSealed).toBe(true)
})

describe('a crypt bundle', () => {
  it('is told by its signature, and its blocks are held against its manifest', async () => {
    const bytes = await makeRauc({ payload, format: 'crypt', signer })
    expect(await inspectBytes(bytes, signer.ca)).toMatchObject({
      ...{ format: 'rauc', state: 'whole', version: '1.4.0', facts: { bundleFormat: 'crypt' } },
      signature: { state: 'verified', keyId: signer.ca.id },
    })
    const broken = await inspectBytes(patched(bytes, 9_000, (bytes[9_000] ?? 0) ^ 1), signer.ca)
    expect(broken.faults[0]).toMatch(/^root of the hash tree differs/)
  })

  it('whose manifest is encrypted shows nothing of itself', async () => {
    expect(await inspectBytes(makeEncryptedRauc(payload), signer.ca)).toEqual({
      ...{ format: 'rauc', state: 'whole', version: null, target: null, isSealed: true },
      ...{ facts: { bundleFormat: 'crypt' }, faults: [] },
      signature: { state: 'present', algorithm: 'cms', why: 'it is encrypted, as its manifest is' },
      notChecked: ['content, version and compatible: its manifest is encrypted'],
    })
  })
})

it('cannot read words with escapes that RAUC would take for others', async () => {
  const bytes = await makeRauc({ payload, format: 'verity', signer, compatible: 'gateway\\s-b' })
  expect((await inspectBytes(bytes, signer.ca)).faults).toEqual(['compatible in its manifest has an escape'])
})
