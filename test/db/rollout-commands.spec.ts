import { readFileSync, writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { RolloutView } from '../../src/server/rollout/rollout-views.service.js'
import { CliBench, RecordingTerminal, type CommandResult } from '../support/cli-bench.js'
import { first } from '../support/fleet-device.js'
import { eventually } from '../support/fleet-fixture.js'
import { RolloutScene } from '../support/rollout-scene.js'

const scene = new RolloutScene()
let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  const { server, app, namespace } = scene.fleet
  await app.listen(0, '127.0.0.1')
  writeFileSync(bench.path('token'), `${await server.token(['fleet-manager'], null, namespace)}\n`)
  const login = ['--server', await app.getUrl(), '--namespace', namespace, '--token-file', bench.path('token')]
  await bench.must('login', ...login)
}, 120_000)
afterAll(() => bench.close())

const json = async (...words: readonly string[]): Promise<RolloutView> =>
  JSON.parse((await bench.must(...words, '--json')).join('')) as RolloutView

async function create(devices: readonly { readonly id: string }[], ...words: readonly string[]): Promise<RolloutView> {
  const least = ['--release', scene.release.id, '--gate', '100%', '--failure-limit', '0', '--devices-total', '100']
  const ids = devices.flatMap(({ id }) => ['--device', id])
  return json('rollout', 'create', ...least, '--devices-per-hour', '1000', ...ids, ...words)
}

/** Watches in the background, as fast as it is told of something. */
function watch(id: string): { readonly terminal: RecordingTerminal; readonly result: Promise<CommandResult> } {
  const terminal = new RecordingTerminal()
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))
  const words = ['rollout', 'watch', id, '--interval-ms', '50']
  return { terminal, result: bench.runAt(terminal, words, { sleep }) }
}

/** The commands of the first block of a page, each in its words, as a shell would take them. */
function commandsOf(page: string): readonly (readonly string[])[] {
  const [, block = ''] = /```\n([^`]*)```/.exec(readFileSync(page, 'utf8')) ?? []
  const lines = block.replaceAll('\\\n', ' ').trim().split('\n')
  return lines.map((line) =>
    [...line.matchAll(/'([^']*)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? '').slice(1),
  )
}

describe('countersign rollout at a real server', () => {
  it('is led by the commands of docs/rollouts.md as they are written', async () => {
    const devices = await scene.set(5)
    for (const { id } of devices) await bench.must('device', 'set', id, '--attribute', 'site=berlin', '--tag', 'canary')
    let id = ''
    const known = (word: string): string => (word === '3f6c…' ? scene.release.id : word === '81d0…' ? id : word)
    const done: string[] = []
    for (const written of commandsOf('docs/rollouts.md')) {
      const words = written.map(known)
      const [, verb = ''] = words
      done.push(verb)
      // Whose key signs is told in rollout-approval.spec.ts; here it is one that this server's policy knows.
      if (verb === 'approve') await scene.fleet.approve(await scene.fleet.show(id))
      else if (verb === 'watch') {
        const { result } = watch(id)
        await scene.offered(id, 3)
        await json('rollout', 'cancel', id)
        expect((await result).exitCode).toBe(2)
      } else if (verb === 'create') ({ id } = await json(...words))
      else await bench.must(...words)
    }
    expect(done).toEqual(['create', 'plan', 'approve', 'start', 'watch'])
  }, 120_000)

  it('every option of create is taken as it was meant', async () => {
    const devices = await scene.set(3)
    const fallback = await scene.fleet.release(scene.sequence + 1_000)
    const rollout = await create(
      devices,
      ...['--stage', '1,gate=50%,soak=1s:tag canary', '--stage', '100%', '--soak', '2h', '--failure-limit', '5%'],
      ...['--on-failure', 'roll-back', '--fallback', fallback.id, '--mode', 'soft', '--priority', '7'],
      ...['--retries', '2', '--retry-after', '10m', '--rate', '10,factor=2,every=100,most=500', '--in-flight', '50'],
      ...['--bytes-per-second', '1000000', '--site-budget', '10%', '--time-zone', 'Europe/Berlin'],
      ...['--not-before', '2026-03-01T00:00:00Z', '--expires', String(scene.fleet.now + 86_400)],
      ...['--download-window', '20:00-06:00', '--install-window', 'mon-fri 22:00-05:00'],
      ...['--blackout', '2026-12-20..2027-01-06', '--silence', '1d', '--jitter', '30s', '--class', 'gateway-r2'],
      ...['--where', 'site in ("berlin", "lyon") or not tag frozen'],
    )
    expect(rollout).toMatchObject({
      state: 'planned',
      fallbackReleaseId: fallback.id,
      priority: 7,
      failureLimit: { count: 0, percent: 5 },
      devicesPerHour: 1_000,
      notBefore: 1_772_323_200,
      expires: expect.any(Number),
      rules: {
        mode: 'soft',
        onFailure: 'roll-back',
        retries: 2,
        retryAfterSeconds: 600,
        rates: {
          perMinute: { base: 10, factor: 2, everyConfirmed: 100, most: 500 },
          inFlight: 50,
          bytesPerSecond: 1_000_000,
        },
        schedule: {
          timeZone: 'Europe/Berlin',
          download: ['20:00-06:00'],
          install: ['mon-fri 22:00-05:00'],
          blackout: ['2026-12-20..2027-01-06'],
        },
        siteBudget: { percent: 10 },
      },
      stages: [
        { gate: { confirmedPercent: 50 }, soakSeconds: 1, reach: { devices: 1 } },
        { gate: { confirmedPercent: 100 }, soakSeconds: 7_200, reach: { percent: 100 } },
      ],
    })
    const [row] = await scene.fleet.sql<{ silence_seconds: number; jitter_seconds: number }>(
      'SELECT silence_seconds, jitter_seconds FROM rollout WHERE id = $1',
      [rollout.id],
    )
    expect(row).toEqual({ silence_seconds: 86_400, jitter_seconds: 30 })
  }, 120_000)

  it('plans, starts, pauses, resumes and finishes it, seen live by whoever watches', async () => {
    const devices = await scene.set(3)
    const { id } = await create(devices, '--stage', '1', '--stage', '100%')
    expect(await bench.must('rollout', 'plan', id)).toEqual(
      expect.arrayContaining(['  it can be done', '  devices       3 meant, 3 reached', '  stage 2       2 devices']),
    )
    const early = await bench.run('rollout', 'start', id)
    expect(early.errors[0]).toContain('refused by the server: ')
    await scene.fleet.approve(await scene.fleet.show(id))
    await json('rollout', 'start', id)
    const { terminal, result } = watch(id)
    const [one] = first(await scene.offered(id, 1))
    expect((await json('rollout', 'pause', id)).state).toBe('paused')
    expect((await result).exitCode).toBe(2)
    expect(terminal.output.join('\n')).toContain(`rollout ${id}: paused`)
    expect((await json('rollout', 'resume', id)).state).toBe('running')
    const second = watch(id)
    await scene.fleet.confirm(one, scene.release, id)
    for (const device of await scene.offered(id, 2)) await scene.fleet.confirm(device, scene.release, id)
    expect((await second.result).exitCode).toBe(0)
    expect(second.terminal.output.at(-1)).toContain('2 of 2 confirmed')
    const listed = (await bench.must('rollout', 'list')).find((line) => line.startsWith(id))
    expect(listed).toMatch(/^\S{36} {2}\d{4}-\d\d-\d\dT[\d:]+Z {2}finished$/)
  }, 120_000)

  it('is told of a change at once, long before it would have looked again', async () => {
    const devices = await scene.set(1)
    const { id } = await create(devices, '--stage', '100%')
    await scene.fleet.approve(await scene.fleet.show(id))
    await json('rollout', 'start', id)
    // Once events come it never looks again by itself: what ends this watch is an event.
    let isPatient = false
    const sleep = (ms: number): Promise<void> => {
      isPatient ||= ms > 50
      return new Promise((resolve) => ms > 50 || setTimeout(resolve, ms))
    }
    const words = ['rollout', 'watch', id, '--interval-ms', '50']
    const watching = bench.runAt(new RecordingTerminal(), words, { sleep })
    await eventually(() => (isPatient ? true : null))
    await json('rollout', 'cancel', id)
    expect((await watching).exitCode).toBe(2)
  }, 120_000)

  it('rolls back to the fallback, and says what a plan cannot do', async () => {
    const devices = await scene.set(1)
    const fallback = await scene.fleet.release(scene.sequence + 2_000)
    const { id } = await create(devices, '--stage', '100%', '--fallback', fallback.id)
    await scene.fleet.approve(await scene.fleet.show(id))
    await json('rollout', 'start', id)
    await scene.offered(id, 1)
    expect(await json('rollout', 'roll-back', id)).toMatchObject({ state: 'rolledBack' })
    const nobody = await create(devices, '--stage', '100%', '--where', 'site = "nowhere"')
    const plan = await bench.run('rollout', 'plan', nobody.id)
    expect([plan.exitCode, plan.output[1]]).toEqual([2, expect.stringContaining('IMPOSSIBLE    no-members: ')])
    expect((await bench.run('rollout', 'create', '--release', scene.release.id)).errors[0]).toContain('--stage')
  }, 120_000)

  it('says which devices may step onto a release', async () => {
    const path = await bench.must('release', 'path', scene.release.id, '--least-version', '1.1.0', '--stepping-stone')
    expect(path.slice(1)).toEqual([
      '  from            1.1.0 or newer',
      '  stepping stone  yes: no device steps over it',
    ])
    await bench.must('release', 'path', scene.release.id, '--least-version', 'none', '--no-stepping-stone')
  })
})
