import { toHex } from '../../domain/bytes.js'
import { feed, sha256Digest, type HexDigest, type Sink } from '../digests.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import type { Reader } from '../reader.js'
import { fieldText, hexNumber } from '../text.js'
import { Unreadable } from '../unreadable.js'
import { openSecureBoot, signatureSectorAt } from './esp-secure-boot.js'

// ESP-IDF, "App Image Format" and esp_app_format.h; esptool, "Firmware Image Format".
const MAGIC = 0xe9
const HEADER_BYTES = 24
const SEGMENT_HEADER_BYTES = 8
const MOST_SEGMENTS = 16
const DESCRIPTION_AT = HEADER_BYTES + SEGMENT_HEADER_BYTES
const DESCRIPTION_BYTES = 256
const DESCRIPTION_MAGIC = 0xabcd5432
const CHECKSUM_SEED = 0xef
const HASH_BYTES = 32
const NO_CHIP = 0xffff

const chips = new Map([
  [0x0000, 'esp32'],
  [0x0002, 'esp32s2'],
  [0x0005, 'esp32c3'],
  [0x0009, 'esp32s3'],
  [0x000c, 'esp32c2'],
  [0x000d, 'esp32c6'],
  [0x0010, 'esp32h2'],
  [0x0012, 'esp32p4'],
  [0x0014, 'esp32c61'],
  [0x0017, 'esp32c5'],
])

interface Segment {
  readonly at: number
  readonly bytes: number
}

export const espIdf: FormatReader = {
  format: 'esp-idf',
  /** One byte is little to go by: a known chip and either the description of an application or segments that fit. */
  recognises(reader) {
    const view = reader.view(0, DESCRIPTION_AT)
    const chip = view.getUint16(12, true)
    const count = view.getUint8(1)
    if (view.getUint8(0) !== MAGIC || count < 1 || count > MOST_SEGMENTS) return false
    if ((!chips.has(chip) && chip !== NO_CHIP) || view.getUint8(23) > 1) return false
    return hasDescription(reader) || readSegments(reader, count).length === count
  },
  inspect({ reader, keys, draft }: Inspection): void {
    const view = reader.view(0, HEADER_BYTES)
    const chip = view.getUint16(12, true)
    draft.target('processor', [chips.get(chip) ?? ''])
    draft.fact('entryPoint', hexNumber(view.getUint32(4, true)))
    draft.fact('segments', view.getUint8(1))
    draft.fact('leastChipRevision', view.getUint16(15, true))
    if (hasDescription(reader)) describe(reader, draft)
    const segments = readSegments(reader, view.getUint8(1))
    const end = imageEnd(segments, view.getUint8(23) === 1)
    if (end > reader.sizeBytes) throw new Unreadable(`truncated: it ends at ${end}`)
    const sectorAt = signatureSectorAt(reader, end, draft)
    const boot = sectorAt === null ? null : openSecureBoot(reader, sectorAt, keys, draft)
    const digest = sha256Digest()
    const sinks = [digest, ...(boot?.sinks ?? [])]
    checkContent(reader, segments, view.getUint8(23) === 1, digest, sinks, draft)
    const rest = (sectorAt ?? reader.sizeBytes) - end
    if (boot === null && rest > 0) draft.notChecked(`${rest} bytes behind the image`)
    // A signature also covers the filling up to its sector.
    feed(boot === null ? [] : reader.chunks(end, rest), sinks)
    boot?.finish(digest.hex())
  },
}

function hasDescription(reader: Reader): boolean {
  const end = DESCRIPTION_AT + DESCRIPTION_BYTES
  return reader.sizeBytes >= end && reader.view(DESCRIPTION_AT, 4).getUint32(0, true) === DESCRIPTION_MAGIC
}

/** esp_app_desc_t: it opens the first segment. */
function describe(reader: Reader, draft: FindingsDraft): void {
  const bytes = reader.bytes(DESCRIPTION_AT, DESCRIPTION_BYTES)
  const text = (at: number, length: number): string => fieldText(bytes.subarray(at, at + length))
  draft.version(text(16, 32))
  draft.fact('project', text(48, 32))
  draft.fact('compiled', `${text(96, 16)} ${text(80, 16)}`)
  draft.fact('idfVersion', text(112, 32))
  draft.fact('elfSha256', toHex(bytes.subarray(144, 176)))
  draft.fact('secureVersion', new DataView(bytes.buffer).getUint32(4, true))
}

function readSegments(reader: Reader, count: number): Segment[] {
  const segments: Segment[] = []
  for (let at = HEADER_BYTES; segments.length < count;) {
    const bytes = reader.view(at, SEGMENT_HEADER_BYTES).getUint32(4, true)
    at += SEGMENT_HEADER_BYTES
    if (at + bytes >= reader.sizeBytes) throw new Unreadable(`truncated: a segment ends at ${at + bytes}`)
    segments.push({ at, bytes })
    at += bytes
  }
  return segments
}

/** The checksum is the last byte of a line of 16; the hash follows it. */
function imageEnd(segments: readonly Segment[], hasHash: boolean): number {
  const last = segments.at(-1) ?? { at: HEADER_BYTES, bytes: 0 }
  const at = last.at + last.bytes
  return at + 16 - (at % 16) + (hasHash ? HASH_BYTES : 0)
}

/** One pass over header, segments, checksum and hash. */
function checkContent(
  reader: Reader,
  segments: readonly Segment[],
  hasHash: boolean,
  digest: HexDigest,
  sinks: readonly Sink[],
  draft: FindingsDraft,
): void {
  const sum = new XorSum()
  let at = 0
  for (const segment of segments) {
    feed(reader.chunks(at, segment.at - at), sinks)
    feed(reader.chunks(segment.at, segment.bytes), [sum, ...sinks])
    at = segment.at + segment.bytes
  }
  const end = imageEnd(segments, false)
  feed(reader.chunks(at, end - at), sinks)
  draft.requireSame('checksum of the segments', toHex(reader.bytes(end - 1, 1)), toHex(Uint8Array.of(sum.value())))
  draft.fact('appendedSha256', hasHash)
  if (!hasHash) return
  draft.requireSame('appended sha256', toHex(reader.bytes(end, HASH_BYTES)), digest.hex())
  feed(reader.chunks(end, HASH_BYTES), sinks)
}

/** Exclusive or of all bytes, four at a time where they lie in line. */
class XorSum implements Sink {
  private sum = CHECKSUM_SEED

  update(chunk: Uint8Array): void {
    const isInLine = chunk.byteOffset % 4 === 0
    const words = isInLine ? new Uint32Array(chunk.buffer, chunk.byteOffset, chunk.length >> 2) : new Uint32Array(0)
    let wide = 0
    for (let index = 0; index < words.length; index += 1) wide ^= words[index] ?? 0
    this.sum ^= wide ^ (wide >>> 8) ^ (wide >>> 16) ^ (wide >>> 24)
    for (let index = words.length * 4; index < chunk.length; index += 1) this.sum ^= chunk[index] ?? 0
  }

  value(): number {
    return this.sum & 0xff
  }
}
