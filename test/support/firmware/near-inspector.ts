import { closeSync, fstatSync, openSync } from 'node:fs'
import { fileSource, sha256Of } from '../../../src/inspect/file-source.js'
import { inspectFirmware } from '../../../src/inspect/inspect.js'
import type { EmbeddedKey } from '../../../src/inspect/key-ring.js'
import { Inspector, type Inspection } from '../../../src/server/intake/inspection/inspector.port.js'

/** Inspects in the process of the test: a process for every upload would take most of a test's time. */
export class NearInspector extends Inspector {
  override async inspect(path: string, keys: readonly EmbeddedKey[], now: number): Promise<Inspection> {
    const descriptor = openSync(path, 'r')
    try {
      const source = fileSource(descriptor, fstatSync(descriptor).size)
      return { findings: await inspectFirmware(source, keys, now), sha256: sha256Of(source) }
    } finally {
      closeSync(descriptor)
    }
  }
}
