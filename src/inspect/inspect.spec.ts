import { describe, expect, it } from '@jest/globals'
import { makeSamples } from '../../test/support/firmware/samples.js'
import { ed25519Key } from '../../test/support/firmware/sample.js'
import { inspectFirmware } from './inspect.js'
import { sourceOf } from './reader.js'

const NOW = Math.floor(Date.now() / 1_000)
const samples = await makeSamples(300_000)
const unsigned = ['uf2', 'intel-hex', 'elf']
const withoutVersion = ['intel-hex', 'elf', 'u-boot-fit']

describe.each(samples.map((sample) => [sample.name, sample] as const))('%s', (_, { format, bytes, keys }) => {
  it('is recognised, whole, and verified by the key that is registered', async () => {
    const findings = await inspectFirmware(sourceOf(bytes), keys, NOW)
    expect(findings).toMatchObject({ format, state: 'whole', faults: [], notChecked: [] })
    if (unsigned.includes(format)) expect(findings.signature).toEqual({ state: 'none' })
    else expect(findings.signature).toMatchObject({ state: 'verified', keyId: keys[0]?.id })
    if (withoutVersion.includes(format)) expect(findings.version).toBeNull()
    else expect(findings.version).toContain('1.4.0')
  })

  it('is not verified by a key of somebody else', async () => {
    const { signature } = await inspectFirmware(sourceOf(bytes), [ed25519Key().registered], NOW)
    expect(signature.state).toBe(unsigned.includes(format) ? 'none' : 'present')
  })

  it('is told as cut off, wherever it is cut', async () => {
    for (const length of [Math.floor(bytes.length * 0.97), Math.floor(bytes.length / 2), 4_097]) {
      const { state, format: found } = await inspectFirmware(sourceOf(bytes.subarray(0, length)), keys, NOW)
      // Formats that are told by their end are told no more.
      if (found !== 'unknown') expect([length, state]).not.toEqual([length, 'whole'])
    }
  })
})

it.each([
  ['nothing', new Uint8Array(0)],
  ['one byte', Uint8Array.of(0xe9)],
  ['zeros', new Uint8Array(4_096)],
  ['words', new TextEncoder().encode('firmware of a gateway\n'.repeat(50))],
])('calls %s unknown', async (_, bytes) => {
  expect(await inspectFirmware(sourceOf(bytes), [], NOW)).toMatchObject({ format: 'unknown', state: 'whole' })
})

it('names keys that it cannot use, and goes on', async () => {
  const bad = { id: 'bad', kind: 'rsa', der: Uint8Array.of(1, 2, 3) }
  const [first] = samples
  const findings = await inspectFirmware(
    sourceOf(first?.bytes ?? new Uint8Array(0)),
    [bad, ...(first?.keys ?? [])],
    NOW,
  )
  expect(findings).toMatchObject({ facts: { keysNotUsable: 'bad' }, signature: { state: 'verified' } })
})
