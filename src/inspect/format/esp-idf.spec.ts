import { describe, expect, it } from '@jest/globals'
import { espSignature, makeEsp } from '../../../test/support/firmware/esp-image.js'
import { inspectBytes, patched } from '../../../test/support/firmware/inspect-bytes.js'
import { content, p256Key, rsaKey } from '../../../test/support/firmware/sample.js'

const payload = content(9_000)
const image = makeEsp({ payload })

it('says what the description of the application says', async () => {
  expect(await inspectBytes(image)).toMatchObject({
    format: 'esp-idf',
    state: 'whole',
    version: '1.4.0',
    target: { kind: 'processor', names: ['esp32s3'] },
    signature: { state: 'none' },
    facts: { project: 'gateway', idfVersion: 'v5.3', secureVersion: 7, appendedSha256: true, segments: 2 },
  })
})

it('tells an image without a description by its segments, and a stray first byte from both', async () => {
  const plain = await inspectBytes(patched(image, 32, 0))
  expect(plain).toMatchObject({ format: 'esp-idf', version: null, state: 'damaged' })
  expect((await inspectBytes(Uint8Array.of(0xe9, ...content(5_000)))).format).toBe('unknown')
})

it.each([
  ['a byte of a segment', 3_000, ['checksum of the segments differs', 'appended sha256 differs']],
  ['the entry point', 4, ['appended sha256 differs']],
])('finds %s that was changed', async (_, at, faults) => {
  const found = (await inspectBytes(patched(image, at, 0x11))).faults.map((each) => each.split(':')[0])
  expect(found).toEqual(faults)
})

it('says of an image without a hash that it has none', async () => {
  const bytes = makeEsp({ payload, hasHash: false })
  expect(await inspectBytes(bytes)).toMatchObject({ state: 'whole', facts: { appendedSha256: false } })
})

it('cannot read segments that reach beyond the file', async () => {
  const { state, faults } = await inspectBytes(patched(image, 28, 0xff, 0xff, 0xff, 0x00))
  expect([state, faults[0]?.slice(0, 20)]).toEqual(['unreadable', 'truncated: a segment'])
})

describe('secure boot', () => {
  const [rsa, ec] = [rsaKey(3_072), p256Key()]

  it('is verified by whichever of its keys is registered', async () => {
    const bytes = makeEsp({ payload, signers: [rsaKey(3_072), rsa] })
    expect(await inspectBytes(bytes, rsa)).toMatchObject({
      state: 'whole',
      signature: { state: 'verified', keyId: rsa.registered.id },
      facts: { signatureBlocks: 2 },
    })
  })

  it.each([
    ['RSA', rsa],
    ['ECDSA', ec],
  ])('by %s is invalid when the content is not what was signed', async (_, key) => {
    const bytes = makeEsp({ payload, signers: [key] })
    const broken = await inspectBytes(patched(bytes, 3_000, 0x11), key)
    expect(broken.signature).toMatchObject({ state: 'invalid' })
    expect(broken.faults.map((each) => each.split(':')[0])).toContain('sha256 that is signed differs')
  })

  it('covers the filling behind the image too', async () => {
    const bytes = makeEsp({ payload, signers: [ec] })
    const filling = bytes.length - 4_096 - 1
    expect((await inspectBytes(patched(bytes, filling, 0), ec)).signature).toMatchObject({ state: 'invalid' })
  })

  it('counts right behind the image alone, as the boot loader has it, and nothing hides behind it', async () => {
    const near = makeEsp({ payload, signers: [rsaKey(3_072)] })
    const hidden = new Uint8Array([...near, ...content(8_192)])
    const far = new Uint8Array([...hidden, ...espSignature(hidden, rsa)])
    const found = await inspectBytes(far, rsa)
    expect(found).toMatchObject({ state: 'damaged', signature: { state: 'present' } })
    expect(found.faults).toEqual(['12288 bytes hide behind its signature sector'])
    const unsigned = new Uint8Array([...makeEsp({ payload, signers: [] }), ...new Uint8Array(8_192)])
    const aligned = unsigned.subarray(0, unsigned.length - (unsigned.length % 4_096))
    const late = await inspectBytes(new Uint8Array([...aligned, ...espSignature(aligned, rsa)]), rsa)
    expect(late).toMatchObject({ signature: { state: 'none' } })
    expect(late.notChecked[0]).toMatch(/bytes behind the image$/)
  })

  it('is none when its own checksum is wrong, and what stands there is mentioned', async () => {
    const bytes = makeEsp({ payload, signers: [ec] })
    const at = bytes.length - 4_096 + 50
    const findings = await inspectBytes(patched(bytes, at, (bytes[at] ?? 0) ^ 0xff), ec)
    expect(findings.signature).toEqual({ state: 'none' })
    expect(findings.notChecked[0]).toMatch(/^\d+ bytes behind the image$/)
  })
})
