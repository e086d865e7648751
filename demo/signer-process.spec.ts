import { expect, it } from '@jest/globals'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { Folders } from './folders.js'
import { SignerProcess } from './signer-process.js'

it("keeps the PIN of the token's officer where neither the signer nor the server sees it", async () => {
  const folders = Folders.temporary()
  try {
    // Also of an installation that is started again.
    for (let start = 0; start < 2; start += 1) await SignerProcess.prepare('release', folders, 'gateway/prod')
    const kept = join(folders.keys, 'release.security-pin')
    const pin = readFileSync(kept, 'utf8').trim()
    expect(pin).not.toBe('')
    expect(statSync(kept).mode & 0o777).toBe(0o600)
    const seen = readdirSync(folders.path('release'), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map(({ parentPath, name }) => readFileSync(join(parentPath, name), 'latin1'))
    expect(seen.length).toBeGreaterThan(1)
    expect(seen.filter((text) => text.includes(pin))).toEqual([])
  } finally {
    folders.remove()
  }
}, 60_000)
