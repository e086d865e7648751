import { closeSync, fstatSync, openSync } from 'node:fs'
import { fileSource } from '../../../src/inspect/file-source.js'
import type { Findings } from '../../../src/inspect/findings.js'
import { inspectFirmware } from '../../../src/inspect/inspect.js'
import type { EmbeddedKey } from '../../../src/inspect/key-ring.js'
import { Inspector } from '../../../src/server/intake/inspection/inspector.port.js'

/** Inspects in the process of the test: a process for every upload would take most of a test's time. */
export class NearInspector extends Inspector {
  override async inspect(path: string, keys: readonly EmbeddedKey[], now: number): Promise<Findings> {
    const descriptor = openSync(path, 'r')
    try {
      return await inspectFirmware(fileSource(descriptor, fstatSync(descriptor).size), keys, now)
    } finally {
      closeSync(descriptor)
    }
  }
}
