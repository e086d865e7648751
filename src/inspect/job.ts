import type { EmbeddedKey } from './key-ring.js'

/** What the inspector's process is asked. */
export interface Job {
  readonly sizeBytes: number
  readonly keys: readonly EmbeddedKey[]
  /** Seconds since the epoch. */
  readonly now: number
}

export const encodeJob = ({ sizeBytes, keys, now }: Job): string =>
  JSON.stringify({
    sizeBytes,
    now,
    keys: keys.map(({ id, kind, der }) => ({ id, kind, der: Buffer.from(der).toString('base64') })),
  })

/** The inverse; it comes from the process that started this one. */
export function parseJob(text: string): Job {
  const { sizeBytes, keys, now } = JSON.parse(text) as {
    sizeBytes: number
    keys: Record<string, string>[]
    now: number
  }
  return {
    sizeBytes,
    now,
    keys: keys.map(({ id = '', kind = '', der = '' }) => ({
      id,
      kind,
      der: new Uint8Array(Buffer.from(der, 'base64')),
    })),
  }
}
