import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { execFile } from 'node:child_process'
import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { promisify } from 'node:util'
import { listProcesses, withDescendants } from '../../src/embedded/process-table.js'
import { projectFolder } from '../../src/embedded/program-file.js'
import { sandboxed, type SandboxKind } from '../../src/embedded/sandbox.js'
import { SignerFixture } from '../support/signer-fixture.js'
import { SignerProcess } from '../support/signer-process.js'

jest.setTimeout(60_000)
const run = promisify(execFile)
const probe = readFileSync(join(projectFolder(), 'test/compose/egress-probe.mjs'), 'utf8')

let fixture: SignerFixture
let tcp: Server
let named: Server
let udp: Socket
let arrived = 0
const abstractSocket = `countersign-egress-${process.pid}`
beforeAll(async () => {
  fixture = await SignerFixture.make()
  const answer = () => createServer((socket) => socket.on('error', () => undefined).end('reached'))
  tcp = answer().listen(0, '127.0.0.1')
  named = answer().listen(`\0${abstractSocket}`)
  udp = createSocket('udp4').on('message', () => (arrived += 1))
  udp.bind(0, '127.0.0.1')
  await Promise.all([once(tcp, 'listening'), once(named, 'listening'), once(udp, 'listening')])
})
afterAll(async () => {
  tcp.close()
  named.close()
  udp.close()
  await fixture.dispose()
})

/** Ways out: of this machine's loopback, and, where nothing can leave, of the world. */
const targets = (isInside: boolean) => ({
  tcp: [
    ['127.0.0.1', (tcp.address() as AddressInfo).port],
    // TEST-NET-1 (RFC 5737), and where clouds tell a machine its secrets.
    ...(isInside ? [['192.0.2.1', 443] as const, ['169.254.169.254', 80] as const] : []),
  ],
  udp: [['127.0.0.1', udp.address().port], ...(isInside ? [['192.0.2.1', 53] as const] : [])],
  name: 'countersign.invalid',
  abstractSocket,
})

async function tryWaysOut(before: readonly string[]): Promise<Record<string, string>> {
  const isInside = before.length > 0
  const [program, ...args] = [...before, process.execPath, '--input-type=module', '-e', probe]
  const { stdout } = await run(program, [...args, JSON.stringify(targets(isInside))], { timeout: 30_000 })
  return JSON.parse(stdout) as Record<string, string>
}

it('outside of a sandbox the ways that can be tried are open', async () => {
  const before = arrived
  const found = await tryWaysOut([])
  const open = Object.entries(found).filter(([, how]) => how === 'reached')
  expect(open.map(([way]) => way.replace(/\d+$/, 'n')).slice(0, 3)).toEqual([
    'tcp 127.0.0.1:n',
    'udp 127.0.0.1:n',
    'abstract socket',
  ])
  while (arrived === before) await nextTurn()
})

describe.each<SandboxKind>(['bwrap', 'unshare'])('a signer that serves inside %s', (kind) => {
  let signer: SignerProcess
  let pid = 0
  beforeAll(async () => {
    const project = projectFolder()
    const readable = ['dist', 'node_modules', 'package.json'].map((name) => join(project, name))
    const plan = { command: [], readable, writable: [fixture.folder, fixture.token.folder] }
    const environment = { SIGNER_SANDBOX: 'required' }
    signer = await SignerProcess.start(fixture, 'release', { before: sandboxed(kind, plan), environment })
    const family = withDescendants(listProcesses(), new Set([signer.pid]))
    pid = family.map((row) => row.pid).findLast((each) => commandOf(each).includes('signer/main')) ?? 0
  })
  afterAll(() => signer.stop())

  it('says that it is sandboxed, and has no core dumps', async () => {
    expect(await signer.client().request('status', {})).toMatchObject({ sandboxed: true })
    expect(signer.output).not.toContain('signer.core-dumps-on')
    expect(readFileSync(`/proc/${pid}/limits`, 'utf8')).toMatch(/^Max core file size\s+0\s+0\s/m)
  })

  it('is where no way out leads anywhere', async () => {
    const before = arrived
    // Into all that the process is in, and with more rights there than it has itself.
    const enter = ['nsenter', '-t', String(pid), '-U', '-n', '-m', '-i', '-u', '--preserve-credentials', '--']
    const found = await tryWaysOut(enter)
    expect(Object.keys(found)).toHaveLength(9)
    const open = Object.entries(found).filter(([, how]) => how === 'reached')
    // A loopback of its own takes a datagram; what counts is that the machine's did not get it.
    expect(open.filter(([way]) => !way.startsWith('udp 127.0.0.1'))).toEqual([])
    expect(arrived).toBe(before)
  })
})

/** Empty for one that has ended. */
function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').replaceAll('\0', ' ')
  } catch {
    return ''
  }
}
