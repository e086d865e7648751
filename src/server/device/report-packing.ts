import { concat, findHex, fromHex, toHex, utf8 } from '../../domain/bytes.js'

/** How a packed report begins; a signed document never does so (RFC 9052 §4.2: a tag or an array). */
const PLACES = 0
const GAPS = 1
const GAPS_AND_UUID = 2
const NOWHERE = 0xff
const NO_PLACE = 0xff_ff
const PLACE_BYTES = 2
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/
const UUID_BYTES = 16
const UUID_LETTERS = 36

/** What a row holds of the last report of its device. */
export interface ReportRow {
  readonly namespace: string
  readonly id: string
  readonly state: string
  readonly manifestSha256: Uint8Array
  readonly imageSha256: Uint8Array
}

/**
 * What a report consists of besides its numbers and its signature, in its order, as most devices write it (docs/formats/report.md):
 * the members that the row holds, with the bytes of CBOR that go before and after. The id is also that of the device's first key, which
 * most devices sign with all their life. Stored reports depend on these bytes: another choice of them is another first byte.
 */
const stretchesOf = ({ namespace, id, state, manifestSha256, imageSha256 }: ReportRow): readonly Uint8Array[] => [
  concat(HEAD, fromHex(id), PAYLOAD),
  concat(NAMESPACE, Uint8Array.of(0x60 + namespace.length), utf8(namespace), DEVICE_ID, utf8(id), COUNTER),
  concat(MANIFEST, manifestSha256, SEQUENCE),
  concat(IMAGE, imageSha256, ROOT),
  concat(STATE, Uint8Array.of(0x60 + state.length), utf8(state)),
  ROLLOUT,
]
const [HEAD, PAYLOAD] = [fromHex('d2845826a20132045820'), fromHex('a058')]
const [NAMESPACE, DEVICE_ID, COUNTER] = [fromHex('010102'), fromHex('037840'), fromHex('0482')]
const [MANIFEST, SEQUENCE] = [fromHex('065820'), fromHex('07')]
const [IMAGE, ROOT] = [fromHex('085820'), fromHex('09')]
const [STATE, ROLLOUT] = [fromHex('0b'), fromHex('0d7824')]

/**
 * A signed report without what its row can give back: those stretches are cut out, and how far each was from the one before is noted. A
 * third is left. What comes back is the document as it was signed, byte for byte, however it was written (I-3).
 */
export function packReport(document: Uint8Array, row: ReportRow): Uint8Array {
  const stretches = stretchesOf(row)
  const gaps: number[] = []
  const kept: Uint8Array[] = []
  let at = 0
  const whole = Buffer.from(document.buffer, document.byteOffset, document.length)
  for (const stretch of stretches) {
    const found = whole.indexOf(stretch, at)
    const isThere = found >= 0 && found - at < NOWHERE
    gaps.push(isThere ? found - at : NOWHERE)
    if (!isThere) continue
    kept.push(document.subarray(at, found))
    at = found + stretch.length
  }
  const rest = document.subarray(at)
  const uuid = gaps.at(-1) === NOWHERE ? null : uuidAtStart(rest)
  if (uuid === null) return concat(Uint8Array.of(GAPS, ...gaps), ...kept, rest)
  return concat(Uint8Array.of(GAPS_AND_UUID, ...gaps), ...kept, uuid, rest.subarray(UUID_LETTERS))
}

/** @param stored by `packReport` with the same row, or as it was stored before. */
export function unpackReport(stored: Uint8Array, row: ReportRow): Uint8Array {
  const first = stored[0]
  if (first === PLACES) return unpackPlaces(stored, row)
  if (first !== GAPS && first !== GAPS_AND_UUID) return stored
  const stretches = stretchesOf(row)
  const parts: Uint8Array[] = []
  let at = 1 + stretches.length
  for (const [index, stretch] of stretches.entries()) {
    const gap = stored[1 + index] ?? NOWHERE
    if (gap === NOWHERE) continue
    parts.push(stored.subarray(at, at + gap), stretch)
    at += gap
  }
  if (first === GAPS_AND_UUID) {
    parts.push(utf8(uuidText(stored.subarray(at, at + UUID_BYTES))))
    at += UUID_BYTES
  }
  return concat(...parts, stored.subarray(at))
}

function uuidAtStart(bytes: Uint8Array): Uint8Array | null {
  const text = Buffer.from(bytes.subarray(0, UUID_LETTERS)).toString('latin1')
  return UUID.test(text) ? findHex(text.replaceAll('-', '')) : null
}

const uuidText = (bytes: Uint8Array): string =>
  toHex(bytes).replace(/(.{8})(.{4})(.{4})(.{4})(.{12})/, '$1-$2-$3-$4-$5')

/** How reports were packed before: what the row holds was cut out, and the place of each noted. Such rows stay until the next report. */
function unpackPlaces(stored: Uint8Array, { namespace, id, manifestSha256, imageSha256 }: ReportRow): Uint8Array {
  const parts = [utf8(namespace), utf8(id), fromHex(id), manifestSha256, imageSha256]
  const head = new DataView(stored.buffer, stored.byteOffset, stored.length)
  let document = stored.subarray(1 + parts.length * PLACE_BYTES)
  for (const [index, part] of [...parts.entries()].toReversed()) {
    const at = head.getUint16(1 + index * PLACE_BYTES)
    if (at !== NO_PLACE) document = concat(document.subarray(0, at), part, document.subarray(at))
  }
  return document
}
