import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { refusedBy } from '../../../test/support/refused.js'
import { PublishedReader } from './published-reader.js'
import { findFile, isHolding } from './published-storage.js'
import { RELEASE_FILE } from './release-file.js'

let folder: string
let path: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'countersign-published-'))
  path = join(folder, 'krl.cbor')
})
afterEach(() => rmSync(folder, { recursive: true }))

/** What whoever owns the folder may put in the place of a file. */
const noFiles: readonly (readonly [string, (path: string) => void])[] = [
  ['a device without an end', (at) => symlinkSync('/dev/zero', at)],
  ['a folder', (at) => mkdirSync(at)],
  ['a pipe', (at) => void execFileSync('mkfifo', [at])],
]

describe('the published folder', () => {
  it.each(noFiles)('has %s refused where a document or the releases should be', (_, put) => {
    put(path)
    put(join(folder, RELEASE_FILE))
    const reader = new PublishedReader(folder)
    const refusal = (name: string) => ({
      code: 'SIGNER_STORAGE',
      detail: { why: `published folder: ${name} is no file` },
    })
    expect(refusedBy(() => reader.findNews(1))).toEqual(refusal('krl.cbor'))
    expect(refusedBy(() => reader.findRelease('00'.repeat(32)))).toEqual(refusal(RELEASE_FILE))
    expect(isHolding(path, new Uint8Array(0))).toBe(false)
  })

  it('has no file read that is larger than a request could bring', () => {
    writeFileSync(path, 'krl')
    expect(findFile(path)).toEqual(new Uint8Array(Buffer.from('krl')))
    truncateSync(path, 2 ** 42)
    expect(refusedBy(() => findFile(path)).code).toBe('SIGNER_STORAGE')
  })
})
