import { expect, it } from '@jest/globals'
import { utf8 } from '../../domain/bytes.js'
import { makeHex } from '../../../test/support/firmware/block-images.js'
import { inspectBytes } from '../../../test/support/firmware/inspect-bytes.js'
import { content } from '../../../test/support/firmware/sample.js'

const END = ':00000001FF\n'
const hex = (...lines: readonly string[]): Uint8Array => utf8(lines.join('\n'))

it('says addresses, gaps and entry point, over chunks and lines of any kind', async () => {
  expect(await inspectBytes(makeHex(content(200_000)))).toMatchObject({
    state: 'whole',
    facts: { dataBytes: 200_000, gaps: 0, addresses: '0x08000000 to 0x08030d40', entryPoint: '0x08000100' },
  })
  const small = hex(':0400000001020304F2', '', ':021000000506E3\r', ':020000021000EC', ':0100000007F8', END)
  expect(await inspectBytes(small)).toMatchObject({
    state: 'whole',
    facts: { dataBytes: 7, gaps: 2, addresses: '0x00000000 to 0x00010001' },
  })
})

it.each([
  ['a wrong checksum', hex(':0400000001020304F2', ':0400040001020304EF', END), 'the checksum of line 2 is wrong'],
  ['no end record', hex(':0400000001020304F2', ''), 'truncated: it has no end record'],
  ['no data', hex(END), 'it has no data'],
])('finds %s', async (_, bytes, fault) => {
  expect(await inspectBytes(bytes)).toMatchObject({ format: 'intel-hex', state: 'damaged', faults: [fault] })
})

it('counts further wrong checksums', async () => {
  const wrong = [':0400040001020304EF', ':0400080001020304EF', ':04000C0001020304EF']
  const { faults } = await inspectBytes(hex(':0400000001020304F2', ...wrong, END))
  expect(faults).toEqual(['the checksum of line 2 is wrong', 'the checksums of 3 lines are wrong'])
})

it.each([
  ['a line that is none', hex(':0400000001020304F2', 'firmware', END), 'line 2 is no record'],
  ['a digit that is none', hex(':0400000001020304F2', ':04000400010203G4EE', END), 'line 2 is no whole record'],
  ['half a record', hex(':0400000001020304F2', ':040004000102'), 'line 2 is no whole record'],
  ['records behind the end', hex(':0400000001020304F2', END.trim(), ':0400000001020304F2'), 'line 3 follows the end'],
  ['a record of no known type', hex(':0400000001020304F2', ':00000009F7', END), 'line 2 is a record of no known type'],
  ['data over other data', hex(':0400000001020304F2', ':0200030005C036', END), 'it says twice what stands at 3'],
  ['data under other data', hex(':0400040001020304EE', ':0400010005C0010232', END), 'it says twice what stands at 1'],
  ['half an upper address', hex(':0400000001020304F2', ':00000004FC', END), 'line 2 has another length than its type'],
  ['an end with data', hex(':0400000001020304F2', ':0100000141BD'), 'line 2 has another length than its type'],
  ['data beyond their segment', hex(':020000021000EC', ':02FFFF000102FD', END), 'line 2 reaches beyond its segment'],
  ['a line without end', hex(`:0400000001020304F2\n${':'.repeat(600_000)}`), 'a line is longer than any record'],
])('cannot read %s', async (_, bytes, why) => {
  const { format, state, faults } = await inspectBytes(bytes)
  expect([format, state, faults[0]?.slice(0, why.length)]).toEqual(['intel-hex', 'unreadable', why])
})

it('does not take a colon for a record', async () => {
  expect((await inspectBytes(hex(':0400000001020304F3', END))).format).toBe('unknown')
})
