import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../../test/support/cli-bench.js'

let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

const rules = {
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
    download: [],
    install: ['mon-fri 22:00-05:00'],
    blackout: ['2026-12-20..2027-01-06'],
  },
  siteBudget: { percent: 10 },
}
const page = {
  id: 'w1',
  state: 'planned',
  plan: '',
  planSha256: '0'.repeat(64),
  priority: 7,
  failureLimit: { count: 2, percent: 5 },
  rules,
  where: 'tag canary',
  stages: [
    {
      ...{ index: 0, size: 3, state: 'waiting', counts: {}, gate: { confirmedPercent: 95 }, soakSeconds: 7_200 },
      where: 'site = "a"',
    },
  ],
}

beforeEach(() => {
  bench.courier.calls.length = 0
  bench.courier.on('POST /rollouts', () => page)
})
const sent = (): unknown => bench.courier.posted('/rollouts')[0]

const least = [
  ...['--release', 'r8', '--stage', '3', '--gate', '90%', '--failure-limit', '2'],
  ...['--devices-per-hour', '500', '--devices-total', '5000'],
]
const leastBody = {
  releaseId: 'r8',
  stages: [{ devices: 3 }],
  gate: { confirmedPercent: 90 },
  failureLimit: { count: 2 },
  devicesPerHour: 500,
  devicesTotal: 5_000,
}

describe('rollout create', () => {
  it('sends what was said and nothing else', async () => {
    await bench.must('rollout', 'create', ...least)
    expect(sent()).toEqual(leastBody)
  })

  it('has an option for every rule, and says them again in words', async () => {
    const output = await bench.must(
      ...[
        'rollout',
        'create',
        ...least,
        '--stage',
        '10%,gate=95%,soak=2h:site = "a,b:c"',
        '--soak',
        '30m',
        '--failure-limit',
        '5%',
      ],
      ...['--on-failure', 'roll-back', '--fallback', 'r9', '--mode', 'soft', '--priority', '7', '--retries', '2'],
      ...['--retry-after', '10m', '--rate', '10,factor=2,every=100,most=500', '--in-flight', '50'],
      ...['--bytes-per-second', '1000000', '--site-budget', '10%', '--not-before', '2026-03-01T00:00:00Z'],
      ...['--expires', '1775000000', '--time-zone', 'Europe/Berlin', '--download-window', '20:00-06:00'],
      ...['--install-window', 'mon-fri 22:00-05:00', '--blackout', '2026-12-20..2027-01-06', '--silence', '1d'],
      ...['--jitter', '30', '--class', 'gateway-r2', '--device', 'd1', '--where', 'tag canary'],
    )
    expect(sent()).toEqual({
      ...leastBody,
      stages: [
        { devices: 3 },
        { percent: 10, gate: { confirmedPercent: 95 }, soakSeconds: 7_200, where: 'site = "a,b:c"' },
      ],
      failureLimit: { count: 2, percent: 5 },
      soakSeconds: 1_800,
      onFailure: 'roll-back',
      fallbackReleaseId: 'r9',
      mode: 'soft',
      priority: 7,
      retries: 2,
      retryAfterSeconds: 600,
      rates: {
        perMinute: { base: 10, factor: 2, everyConfirmed: 100, most: 500 },
        inFlight: 50,
        bytesPerSecond: 1_000_000,
      },
      siteBudget: { percent: 10 },
      notBefore: 1_772_323_200,
      expires: 1_775_000_000,
      schedule: {
        timeZone: 'Europe/Berlin',
        download: ['20:00-06:00'],
        install: ['mon-fri 22:00-05:00'],
        blackout: ['2026-12-20..2027-01-06'],
      },
      silenceSeconds: 86_400,
      jitterSeconds: 30,
      filter: { className: 'gateway-r2', deviceIds: ['d1'], where: 'tag canary' },
    })
    expect(output.slice(2)).toEqual([
      '  devices       tag canary',
      '  mode          soft: devices may ask a person first',
      '  failures      2 and 5 % are borne; one more rolls back to the fallback',
      '  stage 1       95 % confirmed opens the next, after it held for 2 hours; only site = "a"',
      '  retries       2, 10 minutes after a failure',
      '  rate          10 offers a minute, times 2 for each 100 confirmed, at most 500',
      '  in flight     at most 50 devices at a time',
      '  bandwidth     1,000,000 bytes a second over the fleet',
      "  install       mon-fri 22:00-05:00, by the device's clock (Europe/Berlin where nobody said)",
      '  never on      2026-12-20..2027-01-06',
      '  site budget   of one site at most 10 % of its devices at a time',
      '  priority      7',
      'next: countersign rollout plan w1',
    ])
  })

  it('takes a file, above which options stand', async () => {
    const schedule = { timeZone: 'UTC', install: ['01:00-02:00'] }
    writeFileSync(bench.path('rollout.json'), JSON.stringify({ ...leastBody, retries: 1, schedule }))
    await bench.must(
      ...['rollout', 'create', '--file', bench.path('rollout.json'), '--release', 'r9', '--fallback', 'none'],
      ...['--time-zone', 'Asia/Tokyo'],
    )
    expect(sent()).toEqual({
      ...leastBody,
      releaseId: 'r9',
      fallbackReleaseId: null,
      retries: 1,
      schedule: { timeZone: 'Asia/Tokyo', install: ['01:00-02:00'] },
    })
  })

  it('names every option that is missing, and the one that makes no sense', async () => {
    const missing = await bench.run('rollout', 'create', '--release', 'r8')
    const names = '--stage, --gate, --failure-limit, --devices-per-hour, --devices-total'
    expect(missing.errors[0]).toBe(`refused: CONFIGURATION (name=${names} why=a rollout needs it)`)
    expect(missing.exitCode).toBe(1)
    for (const words of [
      ['--stage', '0%'],
      ['--stage', '101%'],
      ['--stage', '3,pause=1'],
      ['--stage', '10%:'],
      ['--not-before', '2026-02-30T00:00:00Z'],
      ['--soak', '1w'],
      ['--expires', 'tomorrow'],
      ['--expires', '2026-13-01T00:00:00Z'],
      ['--rate', '10,factor=2'],
      ['--mode', 'gentle'],
      ['--priority', '100'],
      ['--gate', '90'],
    ])
      expect([words, (await bench.run('rollout', 'create', ...least, ...words)).exitCode]).toEqual([words, 2])
    expect(sent()).toBeUndefined()
  })
})

describe('rollout plan', () => {
  const plan = {
    rolloutId: 'w1',
    devices: { target: 1_500, reached: 1_200, alreadyOnIt: 200, newer: 60, noPath: 40 },
    legacyClients: { devices: 7, refusal: 'BUNDLE_UNVERIFIED' as string | null },
    stages: [
      { index: 0, devices: 3 },
      { index: 1, devices: 1_197 },
    ],
    bytesToMove: 6_000_000,
    earliestEnd: 0,
    impossible: null as string | null,
    staleTrust: { behindRoot: 0, behindKrl: 5, neverReported: 1 },
    ways: [
      // Two releases of one version.
      { version: '1.0.0', devices: 10, via: ['1.2.0', '1.3.0'] },
      { version: '1.0.0', devices: 20, via: ['1.2.0', '1.3.0'] },
      { version: null, devices: 10, via: null },
    ],
  }

  it('says who is reached and who is not, in which stages, and when it can be over', async () => {
    bench.courier.on('GET /rollouts/w1/plan', () => ({ ...plan, earliestEnd: bench.trust.now + 8_640 }))
    expect((await bench.must('rollout', 'plan', 'w1')).slice(1)).toEqual([
      '  it can be done',
      '  devices       1,500 meant, 1,200 reached',
      '                200 run it already',
      '                60 run something newer, and would refuse it',
      '                40 have no way to it as they are',
      '                30 on 1.0.0: first 1.2.0, then 1.3.0',
      '                10 on nothing of ours: no release leads from there to it',
      '                7 that may have it speak DDI, and will not get it, BUNDLE_UNVERIFIED: no registered key has signed their bundle (`countersign firmware show`), and the policy does not waive it',
      '  stage 1       3 devices',
      '  stage 2       1,197 devices',
      '  to move       6,000,000 bytes',
      expect.stringMatching(
        /^ {2}earliest end {2}\S+, 2 hours 24 minutes from now, when every device answers at once$/,
      ),
      '                5 hold an older revocation list, and catch up at their next contact',
      '                1 never said what they run',
    ])
  })

  it.each([
    ['no-members', 'no device is meant: the filter matches none of this class'],
    ['window-never-opens', 'the windows never open for some device before the plan ends: widen them, or the plan'],
    ['something-new', 'the server says so'],
  ])('says why %s is impossible, and ends with 2', async (impossible, words) => {
    bench.courier.on('GET /rollouts/w1/plan', () => ({ ...plan, earliestEnd: null, impossible }))
    const { exitCode, output } = await bench.run('rollout', 'plan', 'w1')
    expect([exitCode, output[1]]).toEqual([2, `  IMPOSSIBLE    ${impossible}: ${words}`])
    expect(output).toContain('  earliest end  never')
    const json = await bench.run('rollout', 'plan', 'w1', '--json')
    expect(JSON.parse(json.output.join(''))).toMatchObject({ impossible })
  })
})

describe('release path', () => {
  beforeEach(() => {
    bench.courier.on('POST /releases/r8/path', () => ({
      releaseId: 'r8',
      version: '1.4.0',
      leastVersion: '1.2.0',
      isSteppingStone: true,
    }))
  })

  it.each<[readonly string[], object]>([
    [['--least-version', '1.2.0', '--stepping-stone'], { leastVersion: '1.2.0', isSteppingStone: true }],
    [['--no-stepping-stone'], { isSteppingStone: false }],
    [['--least-version', 'none'], { leastVersion: null }],
  ])('%j', async (words, body) => {
    expect(await bench.must('release', 'path', 'r8', ...words)).toEqual([
      'release 1.4.0 (r8)',
      '  from            1.2.0 or newer',
      '  stepping stone  yes: no device steps over it',
    ])
    expect(bench.courier.posted('/releases/r8/path')).toEqual([body])
  })

  it('asks for what is to change', async () => {
    expect((await bench.run('release', 'path', 'r8')).errors[0]).toContain('CONFIGURATION (name=--least-version')
  })
})

describe('rollout clear', () => {
  const clear = (...words: string[]) => bench.run('rollout', 'clear', '--ended-days', '90', ...words)

  it('shows what would go before it goes, asks, and goes on until it is done', async () => {
    let left = 3
    bench.courier.on('POST /rollouts/clear', ({ body }) => {
      const { isDryRun } = JSON.parse(Buffer.from(body).toString('utf8')) as { isDryRun: boolean }
      if (!isDryRun) left -= 1
      const devices = isDryRun ? 3 : 1
      return { isDryRun, items: [{ id: 'w1', endedAt: 0, devices }], isDone: isDryRun || left === 0 }
    })
    const preview = ['w1  ended 1970-01-01T00:00:00Z  3 devices', '1 rollouts, 3 devices']
    expect(await clear('--dry-run')).toMatchObject({ exitCode: 0, output: preview })
    expect(await clear()).toMatchObject({
      exitCode: 1,
      errors: [expect.stringContaining('NOT_CONFIRMED'), expect.anything()],
    })
    const asked = () => bench.courier.posted('/rollouts/clear').map((body) => body['isDryRun'])
    expect(asked()).toEqual([true, true])
    expect(await clear('--yes')).toMatchObject({ exitCode: 0, output: [...preview, 'cleared away 3 devices'] })
    expect(asked().slice(2)).toEqual([true, false, false, false])
  })
})

it('every command of a rollout has an example', async () => {
  for (const name of [
    ...[
      'plan',
      'create',
      'approve',
      'start',
      'pause',
      'resume',
      'cancel',
      'roll-back',
      'list',
      'show',
      'watch',
      'clear',
    ],
  ]) {
    const { exitCode, output } = await bench.run('rollout', name, '--help')
    expect([name, exitCode]).toEqual([name, 0])
    expect(output.join('\n')).toContain(`$ countersign rollout ${name}`)
  }
})
