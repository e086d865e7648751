import { cborMap, type CborMap, type CborValue } from '../cbor/value.js'
import { Fields } from './fields.js'
import { isFirmwareFormat, type FirmwareFormat } from './firmware-formats.js'
import { parseQuorum } from './quorum.js'

/** A change window in UTC: days as bits (1 Monday … 64 Sunday), seconds of the day, from ≤ t < to. */
export interface ChangeWindow {
  readonly days: number
  readonly fromSecond: number
  readonly toSecond: number
}

/** Limits of a policy. What is absent is not limited beyond the product's own bounds, except where a comment says else. */
export interface PolicyLimits {
  /** Signatures per key in 24 hours. */
  readonly signaturesPerDay?: number
  /** Absent: always open. */
  readonly windows?: readonly ChangeWindow[]
  readonly maxImageBytes?: number
  /** Longest time between an approval's not-before and its end. */
  readonly approvalLifeSeconds?: number
  /** Quorum expression that signs outside the windows. Absent: nobody can. */
  readonly breakGlass?: string
  /** Ceiling on what a rollout plan may ask for. */
  readonly devicesPerHour?: number
  /** Fleet managers a rollout needs at least, whatever the quorum says. */
  readonly minRolloutApprovers?: number
  /** Certificates of devices in 24 hours. */
  readonly certificatesPerDay?: number
  /** Kinds of firmware that may be submitted. Absent: every kind that is known, and nothing of an unknown one. */
  readonly firmwareFormats?: readonly FirmwareFormat[]
}

const DAY_SECONDS = 86_400

export function limitsToCbor(limits: PolicyLimits): CborMap {
  const windows = limits.windows?.map((window): CborValue => [window.days, window.fromSecond, window.toSecond])
  return cborMap([
    ['signaturesPerDay', limits.signaturesPerDay],
    ['windows', windows],
    ['maxImageBytes', limits.maxImageBytes],
    ['approvalLifeSeconds', limits.approvalLifeSeconds],
    ['breakGlass', limits.breakGlass],
    ['devicesPerHour', limits.devicesPerHour],
    ['minRolloutApprovers', limits.minRolloutApprovers],
    ['certificatesPerDay', limits.certificatesPerDay],
    ['firmwareFormats', limits.firmwareFormats],
  ])
}

/** @throws Refusal `DOCUMENT_MALFORMED`: an unknown limit is refused, since ignoring it would lift it. */
export function readLimits(map: CborMap): PolicyLimits {
  const fields = new Fields('policy limits', map)
  const uint = (key: number | string): number => fields.uint(key)
  const values = {
    signaturesPerDay: fields.optional('signaturesPerDay', uint),
    windows: fields.optional('windows', (key) => fields.array(key).map((row) => readWindow(fields, row))),
    maxImageBytes: fields.optional('maxImageBytes', uint),
    approvalLifeSeconds: fields.optional('approvalLifeSeconds', uint),
    breakGlass: fields.optional('breakGlass', (key) => fields.text(key, 256)),
    devicesPerHour: fields.optional('devicesPerHour', uint),
    minRolloutApprovers: fields.optional('minRolloutApprovers', uint),
    certificatesPerDay: fields.optional('certificatesPerDay', uint),
    firmwareFormats: fields.optional('firmwareFormats', (key) => readFormats(fields, fields.array(key))),
  }
  if (values.breakGlass !== undefined) parseQuorum(values.breakGlass)
  fields.finish()
  return Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
}

function readFormats(fields: Fields, row: readonly CborValue[]): FirmwareFormat[] {
  const formats = row.map((value) => {
    const text = fields.asText('firmwareFormats', value)
    if (!isFirmwareFormat(text)) throw fields.refusal('firmwareFormats', 'unknown format')
    return text
  })
  if (formats.length === 0) throw fields.refusal('firmwareFormats', 'allows nothing')
  if (new Set(formats).size < formats.length) throw fields.refusal('firmwareFormats', 'a format is listed twice')
  return formats
}

function readWindow(fields: Fields, row: CborValue): ChangeWindow {
  const [days, from, to] = fields.asArray('windows', row, 3).map((part) => fields.asUint('windows', part))
  const window = { days: days ?? 0, fromSecond: from ?? 0, toSecond: to ?? 0 }
  if (window.days < 1 || window.days > 127 || window.fromSecond >= window.toSecond || window.toSecond > DAY_SECONDS)
    throw fields.refusal('windows', 'days or seconds out of range')
  return window
}

/** @param now seconds since the epoch. */
export function isWindowOpen(windows: readonly ChangeWindow[] | undefined, now: number): boolean {
  if (windows === undefined) return true
  // 1970-01-01 was a Thursday: day 3 counted from Monday.
  const day = (Math.floor(now / DAY_SECONDS) + 3) % 7
  const second = now % DAY_SECONDS
  return windows.some((w) => (w.days & (1 << day)) !== 0 && w.fromSecond <= second && second < w.toSecond)
}
