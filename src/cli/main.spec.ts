import { execFile, spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { isBuiltin } from 'node:module'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'

const run = promisify(execFile)

let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

/** The program itself, whose standard output nobody reads from the beginning on. @returns its exit code and what it complained of. */
async function unread(...words: readonly string[]): Promise<[number | null, string]> {
  const environment = { PATH: process.env['PATH'], COUNTERSIGN_HOME: bench.path('home') }
  const stdio: ['ignore', 'pipe', 'pipe'] = ['ignore', 'pipe', 'pipe']
  const child = spawn(process.execPath, ['dist/src/cli/main.js', ...words], { env: environment, stdio })
  child.stdout.destroy()
  let complaint = ''
  child.stderr.on('data', (chunk: Buffer) => (complaint += chunk.toString('utf8')))
  return new Promise((resolve) => child.once('close', (code) => resolve([code, complaint])))
}

const rows = { target: 0, reached: 0, alreadyOnIt: 0, newer: 0, noPath: 0 }
const staleTrust = { behindRoot: 0, behindKrl: 0, neverReported: 0 }
const plan = (impossible: string | null): object => ({
  ...{ rolloutId: 'r1', devices: rows, stages: [], bytesToMove: 0, earliestEnd: null },
  ...{ impossible, staleTrust, ways: [], legacyClients: { devices: 0, refusal: null } },
})

describe('a command whose output nobody reads', () => {
  it.each([
    ['no-members', 2],
    [null, 0],
  ])('ends as it would have: a plan that says %p with %i', async (impossible, code) => {
    bench.courier.on('GET /rollouts/r1/plan', () => plan(impossible))
    expect(await unread('rollout', 'plan', 'r1')).toEqual([code, ''])
  })

  it('goes on to the end with what it was told to do', async () => {
    let isDone = false
    bench.courier.on('POST /rollouts/r1/pause', () => {
      isDone = true
      return { id: 'r1', state: 'paused', plan: 'AA', planSha256: '0'.repeat(64), stages: [] }
    })
    expect([await unread('rollout', 'pause', 'r1'), isDone]).toEqual([[0, ''], true])
  })

  it('does not follow for ever what it cannot tell', async () => {
    let looks = 0
    bench.courier.on('GET /rollouts/r1', () => {
      looks += 1
      return { id: `r${looks}`, state: 'running', plan: 'AA', planSha256: '0'.repeat(64), stages: [] }
    })
    expect(await unread('rollout', 'watch', 'r1', '--interval-ms', '50')).toEqual([141, ''])
    bench.courier.on('GET /events', () => ({
      items: [{ position: 1, atMs: 1, type: 'rollout.started', data: {} }],
      next: null,
    }))
    expect(await unread('events', '--follow')).toEqual([141, ''])
  })
})

it('says which version it is', async () => {
  const { version } = JSON.parse(readFileSync('package.json', 'utf8')) as { version: string }
  const { stdout } = await run(process.execPath, ['dist/src/cli/main.js', '--version'])
  expect(stdout).toBe(`${version}\n`)
})

it('is one file, beside Node and the way to a token: three hundred to link would take as long as a command', () => {
  const imported = [...readFileSync('dist/src/cli/main.js', 'utf8').matchAll(/^import .*from ["'](.+)["'];?$/gm)]
  const names = imported.map(([, name]) => name ?? '')
  expect(names).toContain('node:crypto')
  expect(new Set(names.filter((name) => !isBuiltin(name)))).toEqual(new Set(['pkcs11js']))
})
