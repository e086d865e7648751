import { FindingsDraft, type Findings } from './findings.js'
import type { FormatReader } from './format-reader.js'
import { formatReaders } from './format-table.js'
import { KeyRing, type EmbeddedKey } from './key-ring.js'
import { Reader, type ByteSource } from './reader.js'
import { Unreadable } from './unreadable.js'

/** Changes when the same firmware and keys may lead to other findings. */
export const INSPECTOR_VERSION = 'inspector 4'

/** What a finding says when a reader of ours made a mistake. */
export const READER_FAILED = 'its reader failed'

/**
 * Says what firmware is, by its content alone, in bounded memory. Never throws for what is in the bytes.
 * @param keys what the namespace registered for signatures inside its firmware.
 * @param now seconds since the epoch: certificates are judged at this time.
 */
export async function inspectFirmware(
  source: ByteSource,
  keys: readonly EmbeddedKey[],
  now: number,
): Promise<Findings> {
  const reader = new Reader(source)
  const draft = new FindingsDraft()
  const found = formatReaders.find((each) => isRecognised(each, reader))
  if (found === undefined) return draft.finish('unknown')
  const ring = new KeyRing(keys)
  if (ring.unusable.length > 0) draft.fact('keysNotUsable', ring.unusable.join(', '))
  try {
    await found.inspect({ reader, keys: ring, now, draft })
    return draft.finish(found.format)
  } catch (error) {
    if (error instanceof Unreadable) return draft.finish(found.format, error.message)
    // A disk that fails is an outage. Anything else is a mistake of ours, and still only about these bytes.
    if (typeof error === 'object' && error !== null && 'syscall' in error) throw error
    return draft.finish(found.format, `${READER_FAILED}: ${String(error)}`)
  }
}

function isRecognised(format: FormatReader, reader: Reader): boolean {
  try {
    return format.recognises(reader)
  } catch (error) {
    if (error instanceof Unreadable) return false
    throw error
  }
}
