import { toHex } from '../../domain/bytes.js'
import type { FindingsDraft } from '../findings.js'
import type { FormatReader, Inspection } from '../format-reader.js'
import type { Reader } from '../reader.js'
import { hexNumber } from '../text.js'
import { Unreadable } from '../unreadable.js'

// System V ABI, "Object Files"; the note that names a build is GNU's.
const IDENT_BYTES = 16
const NOTE_LIMIT_BYTES = 65_536
const MOST_HEADERS = 4_096
const PT_LOAD = 1
const PT_NOTE = 4
const SHT_NOTE = 7
const NT_GNU_BUILD_ID = 3

const machines = new Map([
  [3, 'x86'],
  [8, 'mips'],
  [20, 'powerpc'],
  [21, 'powerpc64'],
  [40, 'arm'],
  [62, 'x86-64'],
  [83, 'avr'],
  [94, 'xtensa'],
  [105, 'msp430'],
  [183, 'aarch64'],
  [243, 'riscv'],
  [258, 'loongarch'],
])
const kinds = ['none', 'relocatable', 'executable', 'shared', 'core']

/** Numbers of a file of this class and byte order. */
class ElfFields {
  constructor(
    readonly is64: boolean,
    readonly isLittle: boolean,
  ) {}

  half = (view: DataView, at: number): number => view.getUint16(at, this.isLittle)
  word = (view: DataView, at: number): number => view.getUint32(at, this.isLittle)
  /** An address, offset or size. */
  wide(view: DataView, at: number): number {
    const value = this.is64 ? Number(view.getBigUint64(at, this.isLittle)) : this.word(view, at)
    if (!Number.isSafeInteger(value)) throw new Unreadable('a number in its header is too large')
    return value
  }
}

interface Table {
  readonly at: number
  readonly count: number
  readonly entryBytes: number
}
interface Area {
  readonly type: number
  readonly at: number
  readonly bytes: number
}

export const elf: FormatReader = {
  format: 'elf',
  recognises(reader) {
    const ident = reader.bytes(0, IDENT_BYTES)
    return (
      toHex(ident.subarray(0, 4)) === '7f454c46' && [1, 2].includes(ident[4] ?? 0) && [1, 2].includes(ident[5] ?? 0)
    )
  },
  inspect({ reader, draft }: Inspection): void {
    const ident = reader.bytes(0, IDENT_BYTES)
    const fields = new ElfFields(ident[4] === 2, ident[5] === 1)
    const view = reader.view(0, fields.is64 ? 64 : 52)
    const machine = fields.half(view, 18)
    draft.target('processor', [machines.get(machine) ?? `machine-${machine}`])
    draft.fact('class', fields.is64 ? 64 : 32)
    draft.fact('byteOrder', fields.isLittle ? 'little' : 'big')
    draft.fact('kind', kinds[fields.half(view, 16)] ?? 'other')
    const entry = fields.wide(view, 24)
    draft.fact('entryPoint', hexNumber(entry))
    const segments = readSegments(reader, fields, programTable(view, fields))
    const sections = readSections(reader, fields, sectionTable(view, fields))
    draft.fact('segments', segments.length)
    draft.fact('sections', sections.length)
    const ends = segments.filter(({ type }) => type === PT_LOAD).map(({ at, bytes }) => at + bytes)
    if (ends.some((end) => end > reader.sizeBytes)) draft.fault('truncated: a segment reaches beyond the file')
    const inSegments = segments.filter(({ type }) => type === PT_NOTE)
    const notes = inSegments.length > 0 ? inSegments : sections.filter(({ type }) => type === SHT_NOTE)
    for (const note of notes.slice(0, 16)) readNotes(reader, fields, note, draft)
  },
}

const programTable = (view: DataView, fields: ElfFields): Table => ({
  at: fields.wide(view, fields.is64 ? 32 : 28),
  entryBytes: fields.half(view, fields.is64 ? 54 : 42),
  count: fields.half(view, fields.is64 ? 56 : 44),
})
const sectionTable = (view: DataView, fields: ElfFields): Table => ({
  at: fields.wide(view, fields.is64 ? 40 : 32),
  entryBytes: fields.half(view, fields.is64 ? 58 : 46),
  count: fields.half(view, fields.is64 ? 60 : 48),
})

const readSegments = (reader: Reader, fields: ElfFields, table: Table): Area[] =>
  readTable(reader, table, fields.is64 ? 56 : 32, (view) => ({
    type: fields.word(view, 0),
    at: fields.wide(view, fields.is64 ? 8 : 4),
    bytes: fields.wide(view, fields.is64 ? 32 : 16),
  }))

const readSections = (reader: Reader, fields: ElfFields, table: Table): Area[] =>
  readTable(reader, table, fields.is64 ? 64 : 40, (view) => ({
    type: fields.word(view, 4),
    at: fields.wide(view, fields.is64 ? 24 : 16),
    bytes: fields.wide(view, fields.is64 ? 32 : 20),
  }))

function readTable(reader: Reader, table: Table, leastBytes: number, read: (view: DataView) => Area): Area[] {
  if (table.count === 0) return []
  if (table.count > MOST_HEADERS) throw new Unreadable(`it claims ${table.count} headers`)
  if (table.entryBytes < leastBytes) throw new Unreadable(`its headers claim ${table.entryBytes} bytes each`)
  return Array.from({ length: table.count }, (_, index) =>
    read(reader.view(table.at + index * table.entryBytes, leastBytes)),
  )
}

/** A note: length of its name, length of its value, type; both filled up to four bytes. */
function readNotes(reader: Reader, fields: ElfFields, area: Area, draft: FindingsDraft): void {
  const view = reader.view(area.at, Math.min(area.bytes, NOTE_LIMIT_BYTES))
  for (let at = 0; at + 12 <= view.byteLength;) {
    const [nameBytes, valueBytes] = [fields.word(view, at), fields.word(view, at + 4)]
    const valueAt = at + 12 + Math.ceil(nameBytes / 4) * 4
    if (valueAt + valueBytes > view.byteLength) return
    const name = toHex(new Uint8Array(view.buffer, view.byteOffset + at + 12, nameBytes))
    if (name === '474e5500' && fields.word(view, at + 8) === NT_GNU_BUILD_ID && valueBytes <= 64)
      draft.fact('buildId', toHex(new Uint8Array(view.buffer, view.byteOffset + valueAt, valueBytes)))
    at = valueAt + Math.ceil(valueBytes / 4) * 4
  }
}
