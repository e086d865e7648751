import { createServer } from 'node:net'
import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from '@jest/globals'
import { ProgramRun } from '../support/program-run.js'

let run: ProgramRun
afterEach(() => run.dispose())

/** What a person sees: a code and its facts, perhaps advice; never where in our code it happened. */
async function failsPlainly(words: readonly string[]): Promise<void> {
  const code = await run.ended
  const lines = run.output.split('\n').filter((line) => line.trim() !== '')
  expect({ code, stack: run.output.includes('    at ') }).toEqual({ code: 1, stack: false })
  for (const word of words) expect(run.output).toContain(word)
  expect(lines.length).toBeLessThanOrEqual(4)
}

describe('says plainly what is wrong and ends with 1:', () => {
  it('a busy port', async () => {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as { port: number }
    run = new ProgramRun('demo/start.js', ['--port', String(port)])
    await failsPlainly(['PORT_BUSY', String(port), 'choose another port'])
    await new Promise((resolve) => server.close(resolve))
  }, 30_000)

  it('an option that does not exist', async () => {
    run = new ProgramRun('demo/main.js', ['--colour'])
    await failsPlainly(['CONFIGURATION', '--colour'])
  }, 30_000)

  it('a firmware file that is not there', async () => {
    run = new ProgramRun('demo/main.js', ['--firmware', 'nowhere.bin'])
    await failsPlainly(['FILE_UNREADABLE', 'nowhere.bin'])
  }, 30_000)

  it('a database that is down', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'down-'))
    const file = join(folder, 'url')
    // Port 1 of loopback: nobody listens there.
    writeFileSync(file, 'postgresql://nobody:secret-word@127.0.0.1:1/none\n')
    run = new ProgramRun('src/server/main.js', ['migrate'], { DATABASE_URL_FILE: file, PROFILE: 'laptop' })
    await failsPlainly(['DATABASE_UNAVAILABLE'])
    expect(run.output).not.toContain('secret-word')
  }, 60_000)

  it('a server without its configuration', async () => {
    run = new ProgramRun('src/server/main.js', [])
    await failsPlainly(['CONFIGURATION', 'DATABASE_URL_FILE'])
  }, 30_000)

  it('a signer without its configuration', async () => {
    run = new ProgramRun('src/signer/main.js', [])
    await failsPlainly(['CONFIGURATION'])
  }, 30_000)
})
