import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { FleetDevice } from '../../../test/support/fleet-device.js'
import { packReport, partsOf, unpackReport } from './report-packing.js'

const bytes = (most: number): fc.Arbitrary<Uint8Array> => fc.uint8Array({ maxLength: most })
const few = fc.uint8Array({ maxLength: 60, max: 2 })
const signed = (rest: Uint8Array): Uint8Array => Uint8Array.of(0xd2, ...rest)

it('gives back every byte, whatever the parts are, and however they overlap', () => {
  fc.assert(
    fc.property(
      fc.oneof(bytes(400), few),
      fc.array(fc.oneof(bytes(40), fc.uint8Array({ maxLength: 4, max: 2 })), { maxLength: 6 }),
      (rest, parts) => {
        const document = signed(rest)
        expect(unpackReport(packReport(document, parts), parts)).toEqual(document)
      },
    ),
  )
})

it('takes what the row holds out of a report', async () => {
  const device = new FleetDevice(() => {
    throw new Error('asks nobody')
  }, 'gateway/prod')
  const document = await device.sign()
  const none = new Uint8Array(32)
  const parts = partsOf({ namespace: device.namespace, id: device.id, manifestSha256: none, imageSha256: none })
  const packed = packReport(document, parts)
  const head = 1 + 2 * parts.length
  expect(packed.length).toBe(document.length + head - parts.reduce((sum, part) => sum + part.length, 0))
  expect(unpackReport(packed, parts)).toEqual(document)
})

it('leaves a document that was stored whole as it is', () => {
  const document = signed(Uint8Array.of(1, 2, 3))
  expect(unpackReport(document, [Uint8Array.of(2)])).toEqual(document)
})
