import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../src/domain/bytes.js'
import { Slots } from './slots.js'

const image = new Uint8Array(1_000).map((_, at) => at % 251)
const wanted = { imageSha256: sha256(image), imageSizeBytes: image.length }
const refusal = (code: string, detail: object) => expect.objectContaining({ name: 'Refusal', code, detail })

describe('a slot', () => {
  let folder = ''
  let slots: Slots
  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-slots-'))
    slots = new Slots(folder)
  })
  afterEach(() => rm(folder, { recursive: true }))

  const write = async (pieces: readonly Uint8Array[], isResumed = false): Promise<void> => {
    const writer = await slots.write(1, wanted, isResumed)
    try {
      for (const piece of pieces) await writer.append(piece)
      await writer.finish()
    } finally {
      await writer.close()
    }
  }

  it('takes an image piece by piece and gives it back', async () => {
    await write([image.subarray(0, 400), image.subarray(400)])
    await slots.requireStored(1, wanted)
    expect(new Uint8Array(await readFile(slots.path(1)))).toEqual(image)
  })

  it('goes on where a download broke off', async () => {
    const first = await slots.write(1, wanted, false)
    await first.append(image.subarray(0, 300))
    await first.close()
    const second = await slots.write(1, wanted, true)
    expect(second.storedBytes).toBe(300)
    await second.append(image.subarray(300))
    await second.finish()
    await second.close()
    await slots.requireStored(1, wanted)
  })

  it('starts anew for another image', async () => {
    await writeFile(slots.path(1), image.subarray(0, 300))
    const writer = await slots.write(1, wanted, false)
    expect(writer.storedBytes).toBe(0)
    await writer.close()
  })

  it('refuses the first byte too many, and does not store it', async () => {
    await expect(write([image, Uint8Array.of(1)])).rejects.toThrow(
      refusal('PAYLOAD_TOO_LONG', { limitBytes: image.length }),
    )
    expect((await readFile(slots.path(1))).length).toBe(image.length)
  })

  it('refuses an image that ends early', async () => {
    await expect(write([image.subarray(0, 999)])).rejects.toThrow(
      refusal('PAYLOAD_TOO_SHORT', { expectedBytes: 1_000, foundBytes: 999 }),
    )
  })

  it('refuses another image of the same size', async () => {
    const other = new Uint8Array(1_000)
    await expect(write([other])).rejects.toThrow(
      refusal('PAYLOAD_MISMATCH', { expected: toHex(wanted.imageSha256), found: toHex(sha256(other)) }),
    )
  })

  it('refuses what the medium changed after it was written', async () => {
    await write([image])
    const damaged = image.slice()
    damaged[500] = 0xff
    await writeFile(slots.path(1), damaged)
    await expect(slots.requireStored(1, wanted)).rejects.toThrow(
      refusal('SLOT_MISMATCH', { expected: toHex(wanted.imageSha256), found: toHex(sha256(damaged)) }),
    )
  })

  it('refuses a slot that holds more than the image', async () => {
    await writeFile(slots.path(1), Buffer.concat([image, Uint8Array.of(0)]))
    await expect(slots.requireStored(1, wanted)).rejects.toMatchObject({ code: 'SLOT_MISMATCH' })
  })
})
