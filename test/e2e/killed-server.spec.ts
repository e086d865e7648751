import { randomBytes, randomUUID } from 'node:crypto'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { EmbeddedPostgres } from '../../src/embedded/postgres.js'
import { CliBench, RecordingTerminal } from '../support/cli-bench.js'
import { ServerProcess } from '../support/server-process.js'

/** Does something once, as soon as an upload has come so far. */
class WatchfulTerminal extends RecordingTerminal {
  private isDone = false
  constructor(
    private readonly percent: number,
    private readonly act: () => void,
  ) {
    super()
  }

  override status(text: string): void {
    const shown = Number(/^uploading .* (\d+) %/.exec(text)?.[1] ?? 0)
    if (this.isDone || shown < this.percent) return
    this.isDone = true
    this.act()
  }
}

/** The compiled server as a process, killed in the middle of an upload by the command line; nobody helps it to go on. */
describe('an upload', () => {
  let folder = ''
  let postgres: EmbeddedPostgres
  let server: ServerProcess
  let bench: CliBench
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'cs-killed-'))
    postgres = await EmbeddedPostgres.start({ folder: join(folder, 'pg'), isDurable: false })
    bench = await CliBench.make()
    const { namespace, rootBytes, policyBytes } = bench.trust
    const databaseUrl = await postgres.createDatabase('countersign')
    const options = { folder: join(folder, 'server'), databaseUrl, namespace, rootBytes, policyBytes }
    server = await ServerProcess.start(options)
    writeFileSync(bench.path('token'), `${await server.token(['engineer'], 'engineer-1')}\n`)
    writeFileSync(bench.path('root-1.cbor'), rootBytes)
    await bench.must('login', '--server', server.url, '--namespace', namespace, '--token-file', bench.path('token'))
    await bench.must('init', '--root', bench.path('root-1.cbor'), '--yes')
  }, 120_000)
  afterAll(async () => {
    await server.stop()
    await bench.close()
    await postgres.stop()
    rmSync(folder, { recursive: true })
  })

  const words = (file: string): string[] => {
    const about = ['--version', '1.4.0', '--class', 'gateway/rev-b/prod']
    return ['firmware', 'upload', file, ...about, ...bench.keyOf('engineer-1')]
  }

  it('goes on by itself after kill -9 of the server, where it was', async () => {
    const image = randomBytes(96 * 1_048_576)
    const file = bench.path('image.bin')
    writeFileSync(file, image)
    let restarted = Promise.resolve()
    const terminal = new WatchfulTerminal(40, () => {
      restarted = server.kill().then(() => server.launch())
    })
    const { exitCode, output, errors } = await bench.runAt(terminal, words(file), { sleep: () => restarted })
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: [] })
    expect(output).toContainEqual(expect.stringMatching(/^interrupted /))
    expect(output).toContainEqual(expect.stringMatching(/^going on at [1-9]/))
    const digest = toHex(sha256(image))
    const url = `${server.url}/api/v1/${bench.trust.namespace}/firmware/${digest}/content`
    const authorization = `Bearer ${await server.token(['auditor'])}`
    const bytes = new Uint8Array(await (await fetch(url, { headers: { authorization } })).arrayBuffer())
    expect(toHex(sha256(bytes))).toBe(digest)
    expect(readdirSync(join(server.storeDir, 'incoming'))).toEqual([])
  }, 240_000)

  it('that was stopped at this end goes on when the command is given again', async () => {
    const file = bench.path('second.bin')
    writeFileSync(file, randomBytes(64 * 1_048_576))
    const stopped = new WatchfulTerminal(40, () => {
      throw new Error('the person closed the lid')
    })
    expect((await bench.runAt(stopped, words(file), { newId: randomUUID })).exitCode).toBe(1)
    const { exitCode, output, errors } = await bench.runAt(new RecordingTerminal(), words(file), { newId: randomUUID })
    expect({ exitCode, errors }).toEqual({ exitCode: 0, errors: [] })
    expect(output).toContainEqual(expect.stringMatching(/^going on at [1-9]/))
    expect(readdirSync(join(server.storeDir, 'incoming'))).toEqual([])
    // Once more is no upload at all.
    const again = await bench.runAt(new RecordingTerminal(), words(file), { newId: randomUUID })
    expect(again.output).toContain('the server has these bytes already')
  }, 240_000)

  it.each([
    ['rotted', (path: string) => writeFileSync(path, randomBytes(100_000))],
    ['is gone', (path: string) => rmSync(path)],
  ])(
    'heals what %s in the store with the first command',
    async (_, spoil) => {
      const image = randomBytes(100_000)
      const file = bench.path('third.bin')
      writeFileSync(file, image)
      const run = () => bench.runAt(new RecordingTerminal(), words(file), { newId: randomUUID })
      expect((await run()).exitCode).toBe(0)
      const digest = toHex(sha256(image))
      const path = join(server.storeDir, 'firmware', digest.slice(0, 2), digest)
      spoil(path)
      expect(await run()).toMatchObject({ exitCode: 0, errors: [] })
      expect(toHex(sha256(readFileSync(path)))).toBe(digest)
    },
    240_000,
  )
})
