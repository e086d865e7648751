import { Refusal } from '../domain/refusal.js'
import type { Findings } from '../inspect/findings.js'
import { inspectFile } from '../inspect/inspector-process.js'
import type { EmbeddedKey } from '../inspect/key-ring.js'
import { requireRegularFile } from './local-file.js'

/** Looks into a file on this machine, in a process of its own. @throws Refusal `FILE_UNREADABLE`. */
export async function inspectHere(path: string, keys: readonly EmbeddedKey[], now: number): Promise<Findings> {
  requireRegularFile(path)
  try {
    return (await inspectFile(path, keys, now)).findings
  } catch (error) {
    const { code, syscall } = (error ?? {}) as { readonly code?: unknown; readonly syscall?: unknown }
    if (syscall !== 'open') throw error
    const why = String(code)
    throw new Refusal('FILE_UNREADABLE', { path, why }, { cause: error })
  }
}
