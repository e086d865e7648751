import { encodeCbor } from '../src/domain/cbor/encode.js'
import { cborMap, type CborValue } from '../src/domain/cbor/value.js'
import { Fields } from '../src/domain/trust/fields.js'
import { otherSlot, type SlotImage, type SlotIndex } from './slot-image.js'

/** A new image may try this often to come up; power may fail during the first try without any fault of the image. */
const LONGEST_TRIAL = 2

/** What the boot loader reads and writes: one value, replaced whole, so a boot always finds one slot or the other. */
export interface BootRecord {
  readonly active: SlotIndex
  /** Boots of an image that is not confirmed yet; null when the active one is. */
  readonly trialBoots: number | null
  /** The image in the other slot was given up on; stays until that was reported. */
  readonly fellBack: boolean
  /** An empty slot 0 that is active is the firmware from the factory. */
  readonly slots: readonly [SlotImage | null, SlotImage | null]
}

export const factoryBoot: BootRecord = { active: 0, trialBoots: null, fellBack: false, slots: [null, null] }

export const runningImage = (record: BootRecord): SlotImage | null => record.slots[record.active]
export const otherImage = (record: BootRecord): SlotImage | null => record.slots[otherSlot(record.active)]

/** The slot switch: from the next boot on the other slot runs, on trial. */
export function switchTo(record: BootRecord, slot: SlotIndex, image: SlotImage): BootRecord {
  const slots: BootRecord['slots'] = slot === 0 ? [image, record.slots[1]] : [record.slots[0], image]
  return { active: slot, trialBoots: 0, fellBack: false, slots }
}

/** Before an image is started. An image that used up its trial without a confirmation does not start again. */
export function beginBoot(record: BootRecord): { record: BootRecord; boot: 'confirmed' | 'trial' | 'fell-back' } {
  if (record.trialBoots === null) return { record, boot: 'confirmed' }
  if (record.trialBoots >= LONGEST_TRIAL) return { record: fallBack(record), boot: 'fell-back' }
  return { record: { ...record, trialBoots: record.trialBoots + 1 }, boot: 'trial' }
}

export const confirmBoot = (record: BootRecord): BootRecord => ({ ...record, trialBoots: null })

export const fallBack = (record: BootRecord): BootRecord => ({
  ...record,
  active: otherSlot(record.active),
  trialBoots: null,
  fellBack: true,
})

export const forgetFallBack = (record: BootRecord): BootRecord => ({ ...record, fellBack: false })

export const encodeBootRecord = ({ active, trialBoots, fellBack, slots }: BootRecord): Uint8Array =>
  encodeCbor(
    cborMap([
      [1, active],
      [2, trialBoots],
      [3, slots.map(imageToCbor)],
      [4, fellBack],
    ]),
  )

export function parseBootRecord(bytes: Uint8Array): BootRecord {
  const fields = Fields.open('boot record', bytes, { maxBytes: 4_096, maxDepth: 4 })
  const trial = fields.value(2)
  const [first, second] = fields.asArray(3, fields.value(3), 2)
  const record: BootRecord = {
    active: fields.uint(1) === 0 ? 0 : 1,
    trialBoots: trial === null ? null : fields.asUint(2, trial),
    fellBack: fields.value(4) === true,
    slots: [imageFromCbor(fields, first), imageFromCbor(fields, second)],
  }
  fields.finish()
  return record
}

export const imageToCbor = (image: SlotImage | null): CborValue =>
  image === null
    ? null
    : [image.manifestSha256, image.sequence, image.imageSha256, image.imageSizeBytes, image.rolloutId]

export function imageFromCbor(fields: Fields, value: CborValue | undefined): SlotImage | null {
  if (value === null) return null
  const [manifest, sequence, image, size, rollout] = fields.asArray(3, value, 5)
  return {
    manifestSha256: fields.asBytes(3, manifest, 32),
    sequence: fields.asUint(3, sequence),
    imageSha256: fields.asBytes(3, image, 32),
    imageSizeBytes: fields.asUint(3, size),
    rolloutId: fields.asText(3, rollout, 64),
  }
}
