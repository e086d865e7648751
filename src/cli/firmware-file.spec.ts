import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from '@jest/globals'
import { RecordingTerminal } from '../../test/support/cli-bench.js'
import { hashFile } from './firmware-bytes.js'
import { inspectHere } from './firmware-inspection.js'

const folder = mkdtempSync(join(tmpdir(), 'cs-file-'))
const pipe = join(folder, 'pipe')
execFileSync('mkfifo', [pipe])
afterAll(() => rmSync(folder, { recursive: true }))

it.each([
  [folder, 'it is a folder'],
  [pipe, 'it is no regular file'],
  [join(folder, 'none'), 'there is no such file'],
])('nothing is read where no regular file is: %s', async (path, why) => {
  const refused = { code: 'FILE_UNREADABLE', detail: { path, why } }
  await expect(hashFile(path, new RecordingTerminal())).rejects.toMatchObject(refused)
  await expect(inspectHere(path, [], 0)).rejects.toMatchObject(refused)
})
