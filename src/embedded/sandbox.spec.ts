import { execFile } from 'node:child_process'
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { requireSandbox, sandboxed, type SandboxKind } from './sandbox.js'

const run = promisify(execFile)

it('finds a sandbox here', async () => {
  expect(['bwrap', 'unshare']).toContain(await requireSandbox())
})

describe.each<SandboxKind>(['bwrap', 'unshare'])('inside %s', (kind) => {
  let folder = ''
  let port = 0
  const servers: Server[] = []
  const abstractName = `\0cs-sandbox-${kind}-${process.pid}`
  const inside = (...path: string[]) => join(folder, ...path)

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-sandbox-'))
    for (const name of ['given', 'changeable', 'private']) await mkdir(inside(name))
    await writeFile(inside('private', 'key'), 'secret')
    await writeFile(inside('given', 'code'), 'code')
    const [tcp] = await Promise.all(
      [{ port: 0, host: '127.0.0.1' }, { path: inside('private', 'socket') }, { path: abstractName }].map(
        async (at) => {
          const server = createServer((socket) => socket.end('reached'))
          servers.push(server)
          await once(server.listen(at), 'listening')
          return server
        },
      ),
    )
    port = (tcp?.address() as AddressInfo | undefined)?.port ?? 0
  })
  afterAll(async () => {
    servers.forEach((server) => server.close())
    await rm(folder, { recursive: true })
  })

  /** Runs a function body of JavaScript; returns what it returns or the code of what it throws. */
  const evaluate = async (body: string, wrap = true): Promise<unknown> => {
    const script = `
      const net = require('node:net'), fs = require('node:fs'), dgram = require('node:dgram'), dns = require('node:dns')
      const reach = (at) => new Promise((done, fail) => net.connect(at).on('data', (d) => done(String(d))).on('error', fail))
      ;(async () => { ${body} })().catch((e) => e.code).then((r) => { console.log(JSON.stringify(r ?? null)); process.exit() })`
    const command = [process.execPath, '-e', script]
    const plan = { command, readable: [inside('given')], writable: [inside('changeable')] }
    const [program = '', ...args] = wrap ? sandboxed(kind, plan) : command
    return JSON.parse((await run(program, args, { timeout: 20_000 })).stdout)
  }

  it('no TCP port of the machine answers, which answers outside', async () => {
    const attempt = `return reach({ port: ${port}, host: '127.0.0.1' })`
    expect(await evaluate(attempt, false)).toBe('reached')
    expect(await evaluate(attempt)).toMatch(/^(ECONNREFUSED|ENETUNREACH)$/)
  })

  it('no abstract UNIX socket answers, which answers outside', async () => {
    const attempt = `return reach({ path: ${JSON.stringify(abstractName)} })`
    expect(await evaluate(attempt, false)).toBe('reached')
    expect(await evaluate(attempt)).toBe('ECONNREFUSED')
  })

  it('nothing of /run is there, where container engines and the system bus have their sockets', async () => {
    const attempt = `fs.readdirSync('/run'); return 'open'`
    expect(await evaluate(attempt, false)).toBe('open')
    expect(await evaluate(attempt)).toMatch(/^(ENOENT|EACCES)$/)
  })

  it('no datagram arrives, and no name is resolved', async () => {
    const receiver = createSocket('udp4')
    const arrived: string[] = []
    receiver.on('message', (message) => arrived.push(String(message)))
    await new Promise<void>((resolve) => receiver.bind(0, '127.0.0.1', resolve))
    const send = (text: string) =>
      `return new Promise((done, fail) => dgram.createSocket('udp4').send('${text}', ${receiver.address().port}, '127.0.0.1', (e) => e ? fail(e) : done('sent')))`
    await evaluate(send('outside'), false)
    await evaluate(send('inside'))
    receiver.close()
    expect(arrived).toEqual(['outside'])
    expect(await evaluate(`return dns.promises.lookup('countersign.invalid')`)).toMatch(/^(EAI_AGAIN|ENOTFOUND)$/)
    // TEST-NET-1 (RFC 5737): there is no route out at all.
    const beyond = `return new Promise((done, fail) => dgram.createSocket('udp4').send('x', 9, '192.0.2.1', (e) => e ? fail(e) : done('sent')))`
    expect(await evaluate(beyond)).toBe('ENETUNREACH')
  })

  it('there is no capability and no way to one', async () => {
    const status = String(await evaluate(`return fs.readFileSync('/proc/self/status', 'utf8')`))
    expect(status).toMatch(/^CapEff:\t0{16}$/m)
    expect(status).toMatch(/^CapBnd:\t0{16}$/m)
    expect(status).toMatch(/^NoNewPrivs:\t1$/m)
  })

  it('what was given can be read, and changed where that was allowed', async () => {
    expect(await evaluate(`return fs.readFileSync(${JSON.stringify(inside('given', 'code'))}, 'utf8')`)).toBe('code')
    await evaluate(`fs.writeFileSync(${JSON.stringify(inside('changeable', 'state'))}, 'written')`)
    expect(await readFile(inside('changeable', 'state'), 'utf8')).toBe('written')
  })

  if (kind === 'bwrap') {
    it('nothing else can be read, changed or reached by a path', async () => {
      expect(await evaluate(`return fs.readFileSync(${JSON.stringify(inside('private', 'key'))}, 'utf8')`)).toBe(
        'ENOENT',
      )
      expect(await evaluate(`fs.writeFileSync(${JSON.stringify(inside('given', 'code'))}, 'x')`)).toBe('EROFS')
      const attempt = `return reach({ path: ${JSON.stringify(inside('private', 'socket'))} })`
      expect(await evaluate(attempt, false)).toBe('reached')
      expect(await evaluate(attempt)).toBe('ENOENT')
    })

    it('no process of the machine is seen', async () => {
      expect(
        await evaluate(`return fs.existsSync('/proc/${process.pid}/stat') && fs.readFileSync('/proc/1/comm', 'utf8')`),
      ).not.toBe(await readFile('/proc/1/comm', 'utf8'))
    })
  }
})
