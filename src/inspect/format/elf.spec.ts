import { expect, it } from '@jest/globals'
import { makeElf } from '../../../test/support/firmware/block-images.js'
import { inspectBytes, patched } from '../../../test/support/firmware/inspect-bytes.js'
import { content } from '../../../test/support/firmware/sample.js'

const image = makeElf(content(1_000))

it('says processor, kind, entry point and build', async () => {
  expect(await inspectBytes(image)).toMatchObject({
    state: 'whole',
    target: { kind: 'processor', names: ['arm'] },
    facts: { class: 32, byteOrder: 'little', kind: 'executable', entryPoint: '0x08000101', buildId: 'cd'.repeat(20) },
  })
  expect((await inspectBytes(patched(image, 18, 0xaa, 0xaa))).target).toMatchObject({ names: ['machine-43690'] })
})

it('finds a segment that is cut', async () => {
  expect(await inspectBytes(image.subarray(0, image.length - 1))).toMatchObject({
    state: 'damaged',
    faults: ['truncated: a segment reaches beyond the file'],
  })
})

it.each([
  ['headers without end', patched(image, 44, 0xff, 0xff), 'it claims 65535 headers'],
  ['headers that are too small', patched(image, 42, 4, 0), 'its headers claim 4 bytes each'],
  ['headers outside the file', patched(image, 28, 0xff, 0xff, 0xff, 0x7f), 'truncated'],
  ['no header', image.subarray(0, 40), 'truncated'],
])('cannot read %s', async (_, bytes, why) => {
  const { state, faults } = await inspectBytes(bytes)
  expect([state, faults[0]?.slice(0, why.length)]).toEqual(['unreadable', why])
})

it('passes over notes that are none', async () => {
  const findings = await inspectBytes(patched(image, 52 + 64, 0xff, 0xff, 0xff, 0xff))
  expect(findings.state).toBe('whole')
  expect(findings.facts['buildId']).toBeUndefined()
})
