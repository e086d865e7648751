import { firmwareFormats } from '../domain/trust/firmware-formats.js'
import type { Findings } from './findings.js'

const MOST_CHARACTERS = 65_536

/**
 * Findings of another process, or of another time: that process read hostile bytes, so what it says is held against the form
 * that findings have.
 * @returns null for anything else.
 */
export function findFindings(value: unknown): Findings | null {
  if (!isRecord(value) || JSON.stringify(value).length > MOST_CHARACTERS) return null
  return Object.entries(shape).every(([name, isSound]) => isSound(value[name])) ? (value as unknown as Findings) : null
}

/** Every member and what it has to be. */
const shape: Readonly<Record<keyof Findings, (value: unknown) => boolean>> = {
  format: (value) => isOneOf(value, firmwareFormats),
  state: (value) => isOneOf(value, ['whole', 'damaged', 'unreadable']),
  version: (value) => value === null || typeof value === 'string',
  target: (value) => value === null || isTarget(value),
  signature: (value) => isSignature(value),
  facts: (value) =>
    isRecord(value) && Object.values(value).every((fact) => ['string', 'number', 'boolean'].includes(typeof fact)),
  faults: (value) => isTexts(value),
  notChecked: (value) => isTexts(value),
  isSealed: (value) => value === undefined || typeof value === 'boolean',
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
const isOneOf = (value: unknown, words: readonly string[]): boolean =>
  typeof value === 'string' && words.includes(value)
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every((each) => typeof each === 'string')

const isTarget = (value: unknown): boolean =>
  isRecord(value) && isOneOf(value['kind'], ['product', 'processor']) && isTexts(value['names'])

function isSignature(value: unknown): boolean {
  if (!isRecord(value)) return false
  if (value['state'] === 'none') return true
  if (typeof value['algorithm'] !== 'string') return false
  if (value['state'] === 'verified') return typeof value['keyId'] === 'string'
  return isOneOf(value['state'], ['present', 'invalid']) && typeof value['why'] === 'string'
}
