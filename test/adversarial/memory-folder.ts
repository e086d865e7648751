import { accessSync, constants } from 'node:fs'
import { tmpdir } from 'node:os'

const SHARED_MEMORY = '/dev/shm'

/** Where a flush costs nothing: no scene is about a power cut, and every device flushes what it takes. */
export function memoryFolder(): string {
  try {
    accessSync(SHARED_MEMORY, constants.W_OK)
    return SHARED_MEMORY
  } catch {
    // Not on every system, and not in every container.
    return tmpdir()
  }
}
