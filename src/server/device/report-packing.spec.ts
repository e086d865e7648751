import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FleetDevice } from '../../../test/support/fleet-device.js'
import { concat, fromHex, toHex, utf8 } from '../../domain/bytes.js'
import { packReport, unpackReport, type ReportRow } from './report-packing.js'

const row: ReportRow = {
  namespace: 'gateway/prod',
  id: 'ab'.repeat(32),
  state: 'confirmed',
  manifestSha256: new Uint8Array(32).fill(1),
  imageSha256: new Uint8Array(32).fill(2),
}
const ROLLOUT = 'b0f0c2c6-9f5e-4a43-8a39-1f2e7f6a1c0d'

/** Pieces of reports and others, in any order and number. */
const piece = fc.oneof(
  fc.uint8Array({ maxLength: 300 }),
  fc.constantFrom(
    ...[`d2845826a20132045820${row.id}a058`, `065820${'01'.repeat(32)}07`, `085820${'02'.repeat(32)}09`].map(fromHex),
    ...['0d7824', '0b69', '01010200', '0482'].map(fromHex),
    ...[row.namespace, row.id, row.state, ROLLOUT, ROLLOUT.toUpperCase(), ROLLOUT.slice(1)].map(utf8),
    concat(fromHex('0101026c'), utf8(row.namespace), fromHex('037840'), utf8(row.id), fromHex('0482')),
    concat(fromHex('0b69'), utf8(row.state)),
  ),
)

it('gives back every byte, however a document is written', () => {
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 12 }), (pieces) => {
      const document = concat(Uint8Array.of(0xd2), ...pieces)
      expect(toHex(unpackReport(packReport(document, row), row))).toBe(toHex(document))
    }),
    { numRuns: 500 },
  )
})

it('keeps a third of a report', async () => {
  const device = new FleetDevice(() => {
    throw new Error('asks nobody')
  }, 'gateway/prod')
  const own = { ...row, namespace: device.namespace, id: device.id }
  device.running = { manifestSha256: row.manifestSha256, sequence: 10 }
  const document = await device.sign({ state: 'confirmed', rolloutId: ROLLOUT, time: 1_795_000_000 })
  const packed = packReport(document, { ...own, imageSha256: new Uint8Array(32) })
  expect(packed.length).toBeLessThanOrEqual(document.length / 3)
  expect(unpackReport(packed, { ...own, imageSha256: new Uint8Array(32) })).toEqual(document)
})

it('reads what was packed before, with places instead of gaps', () => {
  const [namespace, id, manifest] = [utf8(row.namespace), utf8(row.id), row.manifestSha256]
  const document = concat(Uint8Array.of(0xd2), namespace, Uint8Array.of(5), id, manifest, Uint8Array.of(6))
  const stored = fromHex('00' + '0001' + '0002' + 'ffff' + '0002' + 'ffff' + 'd20506')
  expect(unpackReport(stored, row)).toEqual(document)
})

it('leaves a document that was stored whole as it is', () => {
  const document = Uint8Array.of(0xd2, 1, 2, 3)
  expect(unpackReport(document, row)).toEqual(document)
})
