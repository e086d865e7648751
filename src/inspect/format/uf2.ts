import { AddressRuns } from '../address-runs.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import { fieldText, hexNumber } from '../text.js'
import { Unreadable } from '../unreadable.js'

// microsoft/uf2, README "File format". Little endian, blocks of 512 bytes.
const BLOCK_BYTES = 512
const MAGIC_0 = 0x0a324655
const MAGIC_1 = 0x9e5d5157
const MAGIC_END = 0x0ab16f30
const NOT_MAIN_FLASH = 0x1
const FAMILY_PRESENT = 0x2000
const TAGS_PRESENT = 0x8000
const DATA_AT = 32
const DATA_BYTES = 476
const MOST_FAMILIES = 8
const TAG_VERSION = 0x9fc7bc
const TAG_DEVICE = 0x650d9d

const families = new Map([
  [0xe48bff56, 'rp2040'],
  [0xe48bff57, 'rp2xxx-absolute'],
  [0xe48bff58, 'rp2xxx-data'],
  [0xe48bff59, 'rp2350-arm-s'],
  [0xe48bff5a, 'rp2350-riscv'],
  [0xe48bff5b, 'rp2350-arm-ns'],
  [0x68ed2b88, 'samd21'],
  [0x55114460, 'samd51'],
  [0x1b57745f, 'nrf52'],
  [0xada52840, 'nrf52840'],
  [0x57755a57, 'stm32f4'],
  [0x5ee21072, 'stm32f1'],
  [0xbfdd4eee, 'esp32s2'],
  [0xc47e5767, 'esp32s3'],
  [0xd42ba06c, 'esp32c3'],
])

/** The blocks of one family, or those without one. */
interface Part {
  readonly blocks: number
  next: number
  bytes: number
  lowest: number
  highest: number
  readonly runs: AddressRuns
}

export const uf2: FormatReader = {
  format: 'uf2',
  recognises(reader) {
    const view = reader.view(0, BLOCK_BYTES)
    return view.getUint32(0, true) === MAGIC_0 && view.getUint32(4, true) === MAGIC_1
  },
  inspect({ reader, draft }: Inspection): void {
    const parts = new Map<number, Part>()
    const rest = reader.sizeBytes % BLOCK_BYTES
    let number = 0
    for (const chunk of reader.chunks(0, reader.sizeBytes - rest)) {
      const view = new DataView(chunk.buffer, chunk.byteOffset, chunk.length)
      for (let at = 0; at < chunk.length; at += BLOCK_BYTES, number += 1) takeBlock(view, at, number, parts, draft)
    }
    if (rest > 0) draft.fault(`truncated: the last block has ${rest} of ${BLOCK_BYTES} bytes`)
    report(parts, draft)
  },
}

function takeBlock(view: DataView, at: number, number: number, parts: Map<number, Part>, draft: FindingsDraft): void {
  const u32 = (offset: number): number => view.getUint32(at + offset, true)
  if (u32(0) !== MAGIC_0 || u32(4) !== MAGIC_1 || u32(508) !== MAGIC_END)
    throw new Unreadable(`block ${number} is none: its magic numbers are wrong`)
  const flags = u32(8)
  if ((flags & NOT_MAIN_FLASH) !== 0) return
  const family = (flags & FAMILY_PRESENT) === 0 ? 0 : u32(28)
  const part = parts.get(family) ?? {
    blocks: u32(24),
    next: 0,
    bytes: 0,
    lowest: 0xffff_ffff,
    highest: 0,
    runs: new AddressRuns(),
  }
  if (!parts.has(family) && parts.size === MOST_FAMILIES) throw new Unreadable('it has blocks of too many families')
  parts.set(family, part)
  const length = u32(16)
  if (length > DATA_BYTES) throw new Unreadable(`block ${number} claims ${length} bytes of data`)
  checkNumbers(part, number, u32(20), u32(24), draft)
  if ((flags & TAGS_PRESENT) !== 0) readTags(view, at, length, draft)
  part.runs.take(u32(12), u32(12) + length)
  part.next += 1
  part.bytes += length
  part.lowest = Math.min(part.lowest, u32(12))
  part.highest = Math.max(part.highest, u32(12) + length)
}

function checkNumbers(part: Part, number: number, own: number, blocks: number, draft: FindingsDraft): void {
  if (own !== part.next) draft.fault(`block ${number} has the number ${own}, ${part.next} is due`)
  if (blocks !== part.blocks) draft.fault(`block ${number} is one of ${blocks}, the first one of ${part.blocks}`)
}

/** Tags stand behind the data of any block: length, type in three bytes, value, filled up to four bytes. */
function readTags(view: DataView, blockAt: number, dataBytes: number, draft: FindingsDraft): void {
  const end = blockAt + DATA_AT + DATA_BYTES
  for (let at = blockAt + DATA_AT + dataBytes; at + 4 <= end;) {
    const length = view.getUint8(at)
    if (length < 4 || at + length > end) return
    const value = fieldText(new Uint8Array(view.buffer, view.byteOffset + at + 4, length - 4))
    const type = view.getUint32(at, true) >>> 8
    if (type === TAG_VERSION) draft.sameVersion(value)
    if (type === TAG_DEVICE) draft.fact('device', value)
    at += (length + 3) & ~3
  }
}

function report(parts: ReadonlyMap<number, Part>, draft: FindingsDraft): void {
  if (parts.size === 0) draft.fault('none of its blocks is for flash')
  for (const [family, part] of parts) {
    const name = families.get(family) ?? hexNumber(family)
    if (part.next !== part.blocks) draft.fault(`${name}: ${part.next} of ${part.blocks} blocks are there`)
    draft.fact(`${name} blocks`, part.next)
    draft.fact(`${name} bytes`, part.bytes)
    draft.fact(`${name} addresses`, `${hexNumber(part.lowest)} to ${hexNumber(part.highest)}`)
  }
  const named = [...parts.keys()].filter((family) => family !== 0)
  draft.target(
    'processor',
    named.map((family) => families.get(family) ?? hexNumber(family)),
  )
}
