import type { FirmwareFormat } from '../domain/trust/firmware-formats.js'
import { cleanText } from './text.js'

/**
 * A signature inside the firmware, made before it came to us.
 * - `present`: it is there, and no key that the namespace registered could have made it, or we cannot verify this kind.
 * - `invalid`: it names a registered key and is not that key's, or it does not fit the bytes.
 */
export type EmbeddedSignature =
  | { readonly state: 'none' }
  | { readonly state: 'present'; readonly algorithm: string; readonly why: string }
  | { readonly state: 'verified'; readonly algorithm: string; readonly keyId: string }
  | { readonly state: 'invalid'; readonly algorithm: string; readonly why: string }

/** What it runs on: names its makers gave their products, or a processor. */
export interface FirmwareTarget {
  readonly kind: 'product' | 'processor'
  readonly names: readonly string[]
}

export type Fact = string | number | boolean

/** What the inspector found in firmware. Words in it come from the file: cleaned and bounded, and believed by nobody. */
export interface Findings {
  readonly format: FirmwareFormat
  /** `damaged`: it is of its format and something in it is wrong. `unreadable`: it begins like its format and is not. */
  readonly state: 'whole' | 'damaged' | 'unreadable'
  readonly version: string | null
  readonly target: FirmwareTarget | null
  readonly signature: EmbeddedSignature
  readonly facts: Readonly<Record<string, Fact>>
  /** What is wrong, one sentence each. */
  readonly faults: readonly string[]
  /** What could not be looked into, such as a compression that we do not unpack. */
  readonly notChecked: readonly string[]
  /** Version and target stand in it and are packed or encrypted: nobody here can hold them against what was typed. */
  readonly isSealed?: boolean
}

const MOST_FACTS = 64
const MOST_SENTENCES = 16
const MOST_NAMES = 32

/** Findings in the making: what was found before the bytes gave out stays. */
export class FindingsDraft {
  private versionFound: string | null = null
  private targetFound: FirmwareTarget | null = null
  private readonly signatures: EmbeddedSignature[] = []
  private readonly facts = new Map<string, Fact>()
  private readonly faults: string[] = []
  private readonly unchecked: string[] = []
  private isSealed = false

  version(text: string): void {
    this.versionFound = cleanText(text, 64) || null
  }

  /** A version that is stated in many places, which have to say the same. */
  sameVersion(text: string): void {
    const before = this.versionFound
    this.version(text)
    if (before !== null && before !== this.versionFound)
      this.fault(`it states two versions: ${before} and ${String(this.versionFound)}`)
  }

  target(kind: FirmwareTarget['kind'], names: readonly string[]): void {
    const clean = [...new Set(names.map((name) => cleanText(name)))].filter((name) => name !== '')
    if (clean.length > 0) this.targetFound = { kind, names: clean.slice(0, MOST_NAMES) }
  }

  signature(found: EmbeddedSignature): void {
    this.signatures.push(found)
  }

  fact(name: string, value: Fact): void {
    if (value !== '' && this.facts.size < MOST_FACTS)
      this.facts.set(cleanText(name), typeof value === 'string' ? cleanText(value) : value)
  }

  fault(text: string): void {
    if (this.faults.length < MOST_SENTENCES) this.faults.push(cleanText(text, 256))
  }

  notChecked(text: string): void {
    if (this.unchecked.length < MOST_SENTENCES) this.unchecked.push(cleanText(text, 256))
  }

  /** What could not be looked into is what version and target stand in. */
  sealed(text: string): void {
    this.isSealed = true
    this.notChecked(text)
  }

  /** Two values that have to be the same. */
  requireSame(what: string, stated: string, found: string): void {
    if (stated !== found) this.fault(`${what} differs: stated ${stated}, found ${found}`)
  }

  finish(format: FirmwareFormat, unreadable: string | null = null): Findings {
    const faults = unreadable === null ? this.faults : [cleanText(unreadable, 256), ...this.faults]
    return {
      format,
      state: unreadable !== null ? 'unreadable' : faults.length === 0 ? 'whole' : 'damaged',
      version: this.versionFound,
      target: this.targetFound,
      signature: strongest(this.signatures),
      facts: Object.fromEntries(this.facts),
      faults,
      notChecked: this.unchecked,
      ...(this.isSealed ? { isSealed: true } : {}),
    }
  }
}

/** For loaders that start what one signature allows; after that a wrong one says more than a foreign one. */
export function strongest(signatures: readonly EmbeddedSignature[]): EmbeddedSignature {
  const order = ['verified', 'invalid', 'present'] as const
  for (const state of order) {
    const found = signatures.find((each) => each.state === state)
    if (found !== undefined) return found
  }
  return { state: 'none' }
}
