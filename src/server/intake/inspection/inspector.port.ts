import type { Findings } from '../../../inspect/findings.js'
import type { EmbeddedKey } from '../../../inspect/key-ring.js'

export interface Inspection {
  readonly findings: Findings
  /** Hex, of the bytes that were looked into: a store may have others than it should. */
  readonly sha256: string
}

/** Looks into firmware. Its process reads hostile bytes; whatever happens to it happens to nobody else. */
export abstract class Inspector {
  /**
   * @param path a file of this machine. @param keys what the namespace registered. @param now seconds since the epoch.
   * What cannot be read is a finding, not an error.
   */
  abstract inspect(path: string, keys: readonly EmbeddedKey[], now: number): Promise<Inspection>
}
