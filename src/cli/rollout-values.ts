import { InvalidArgumentError } from 'commander'
import { wholeNumber } from './command-shape.js'

export type Share = { readonly devices: number } | { readonly percent: number }
export interface StageValue {
  readonly devices?: number
  readonly percent?: number
  readonly gate?: { readonly confirmedPercent: number }
  readonly soakSeconds?: number
  readonly where?: string
}
export type RateValue =
  | { readonly constant: number }
  | { readonly base: number; readonly factor: number; readonly everyConfirmed: number; readonly most: number }

const MOST_DEVICES = 100_000_000
export const wholeDevices = wholeNumber(1, MOST_DEVICES)

const unitSeconds: Readonly<Record<string, number>> = { s: 1, m: 60, h: 3_600, d: 86_400 }

/** `90`, `90s`, `10m`, `2h` or `3d` as seconds. */
export function parseDuration(text: string): number {
  const [, digits = '', unit = 's'] = /^(\d{1,9})([smhd])?$/.exec(text) ?? []
  if (digits === '') throw new InvalidArgumentError('a time such as 90s, 10m, 2h or 3d')
  return Number(digits) * (unitSeconds[unit] ?? 1)
}

/** Seconds since the epoch, or `2026-03-01T00:00:00Z`. */
export function parseTime(text: string): number {
  if (/^\d{1,12}$/.test(text)) return Number(text)
  const isUtc = /^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d)?Z$/.test(text)
  const ms = isUtc ? Date.parse(text) : Number.NaN
  // 30 February would be read as a day in March.
  const isDay = !Number.isNaN(ms) && new Date(ms).toISOString().startsWith(text.slice(0, 10))
  if (!isDay) throw new InvalidArgumentError('a time in UTC such as 2026-03-01T00:00:00Z, or seconds')
  return Math.floor(ms / 1_000)
}

/** `10%` as a number, down to a hundredth, or null when it has no "%". */
function findPercent(text: string): number | null {
  if (!text.endsWith('%')) return null
  const value = /^\d{1,3}(\.\d{1,2})?%$/.test(text) ? Number(text.slice(0, -1)) : Number.NaN
  if (!(value > 0 && value <= 100)) throw new InvalidArgumentError('a share above 0% and up to 100%')
  return value
}

export function parseShare(text: string): Share {
  const percent = findPercent(text)
  return percent === null ? { devices: wholeDevices(text) } : { percent }
}

const notAStage = 'a stage such as 3, 10%, 10%,gate=95%,soak=2h or 10%:FILTER'

export function parseGate(text: string): { confirmedPercent: number } {
  const confirmedPercent = findPercent(text)
  if (confirmedPercent === null) throw new InvalidArgumentError('a share of confirmed devices, such as 90%')
  return { confirmedPercent }
}

/** `10%`, with rules of its own `10%,gate=95%,soak=2h`, and for devices that fit a filter `10%,soak=2h:FILTER`. */
export function parseStage(text: string): StageValue {
  const [, size = text, where] = /^([^:]*):(.+)$/s.exec(text) ?? []
  const [share = '', ...rules] = size.split(',')
  if (!/^\d+(\.\d+)?%?$/.test(share)) throw new InvalidArgumentError(notAStage)
  const stage = rules.reduce<StageValue>((before, rule) => {
    const [name, value = ''] = rule.split('=')
    if (name === 'gate') return { ...before, gate: parseGate(value) }
    if (name === 'soak') return { ...before, soakSeconds: parseDuration(value) }
    throw new InvalidArgumentError(notAStage)
  }, parseShare(share))
  return where === undefined ? stage : { ...stage, where }
}

/** What is borne: `2`, `5%`, or both as two options. */
export function parseFailureLimit(
  text: string,
  before: { readonly count?: number; readonly percent?: number } | undefined,
): { readonly count?: number; readonly percent?: number } {
  const percent = text === '0%' ? 0 : findPercent(text)
  return { ...before, ...(percent === null ? { count: wholeNumber(0, MOST_DEVICES)(text) } : { percent }) }
}

/** Offers a minute: `60`, or growing with confirmations `10,factor=2,every=100,most=500`. */
export function parseRate(text: string): RateValue {
  const shape = /^(\d{1,9}(?:\.\d{1,3})?)(?:,factor=(\d{1,3}(?:\.\d{1,3})?),every=(\d{1,9}),most=(\d{1,9}))?$/
  const [, base, factor, everyConfirmed, most] = shape.exec(text) ?? []
  if (base === undefined)
    throw new InvalidArgumentError('offers a minute, such as 60, or 10,factor=2,every=100,most=500')
  if (factor === undefined) return { constant: Number(base) }
  return { base: Number(base), factor: Number(factor), everyConfirmed: Number(everyConfirmed), most: Number(most) }
}
