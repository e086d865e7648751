import type { FirmwareFormat } from '../domain/trust/firmware-formats.js'
import type { FindingsDraft } from './findings.js'
import type { KeyRing } from './key-ring.js'
import type { Reader } from './reader.js'

export interface Inspection {
  readonly reader: Reader
  readonly keys: KeyRing
  /** Seconds since the epoch: certificates are judged at this time. */
  readonly now: number
  readonly draft: FindingsDraft
}

/** One format: how it is told from the others, and what there is to find in it. */
export interface FormatReader {
  readonly format: FirmwareFormat
  /** By content alone. May throw Unreadable, which means no. */
  recognises(reader: Reader): boolean
  /** @throws Unreadable when the bytes give out; what was found before stays in the draft. */
  inspect(inspection: Inspection): void | Promise<void>
}
