import { expect, it } from '@jest/globals'
import { Temporal } from 'temporal-polyfill'
import { RolloutWorld, type Answer, type WorldDevice, type WorldRules } from '../../../test/support/rollout-world.js'
import { countsOf, doneOf, totalOf } from './counts.js'
import { forecast } from './forecast.js'
import type { Rollout } from './rollout-state.js'
import { stageSizes, type StageReach } from './stage.js'
import { parseBlackout, parseWindow } from './window.js'

const zones = [
  'Europe/Berlin',
  'America/New_York',
  'America/Santiago',
  'Australia/Lord_Howe',
  'Asia/Kathmandu',
  'Africa/Casablanca',
]
const reach: readonly StageReach[] = [{ devices: 3 }, { percent: 10 }, { percent: 100 }]
const DEVICES = 60
const DAY = 86_400

/** Each device has its own kind of trouble: some fail once, one reverts each release, one is never heard of. */
function answerOf(index: number): (attempt: number) => Answer {
  if (index === 7) return () => 'reverts'
  if (index === 11) return () => 'is silent'
  return (attempt) => (index % 10 === 3 && attempt === 1 ? 'fails' : 'confirms')
}
const devices: readonly WorldDevice[] = Array.from({ length: DEVICES }, (_, index) => ({
  id: `device-${index}`,
  zone: zones[index % zones.length] ?? 'UTC',
  site: index % 5 === 0 ? null : `site-${index % 4}`,
  answer: answerOf(index),
  downloadSeconds: 600 + index * 60,
}))
const rules: WorldRules = {
  deployment: { mode: 'forced', retries: 2, retryAfterSeconds: 3_600 },
  rates: { perMinute: { constant: 4 }, inFlight: 25 },
  pace: { devicesPerHour: 20, devicesTotal: DEVICES },
  siteBudget: { devices: 6 },
  imageSizeBytes: 20_000_000,
  download: { windows: [parseWindow('download', '20:00-06:00')], blackouts: [] },
  install: {
    windows: [parseWindow('install', 'mon-thu 01:30-04:00'), parseWindow('install', 'sun 02:15-02:45')],
    blackouts: [parseBlackout('blackout', '2026-12-18..2027-01-03')],
  },
  silenceSeconds: 4 * 3_600,
}
const begin = (month: number): number => Date.UTC(2026, month, 1) / 1_000
const planned = (month: number): Rollout => ({
  state: 'running',
  pauseReason: null,
  pauseCode: null,
  notBefore: begin(month),
  expires: begin(month + 1) + 14 * DAY,
  failureLimit: { count: 5 },
  onFailure: 'pause',
  hasFallback: false,
  stages: reach.map((each) => ({
    state: 'waiting',
    reach: each,
    gate: { confirmedPercent: 66 },
    soakSeconds: DAY,
    wanted: null,
    filledAt: null,
    heldSince: null,
    acceptedFailures: 0,
    counts: countsOf(),
  })),
})

/** The clock on the wall by an implementation that is not ours. */
const wallOf = (at: number, zone: string) => Temporal.Instant.fromEpochMilliseconds(at * 1_000).toZonedDateTimeISO(zone)

function isNight(at: number, zone: string): boolean {
  const wall = wallOf(at, zone)
  const minute = wall.hour * 60 + wall.minute
  const isWeekday = wall.dayOfWeek <= 4 && minute >= 90 && minute < 240
  return isWeekday || (wall.dayOfWeek === 7 && minute >= 135 && minute < 165)
}

it('a year of monthly rollouts keeps to the nights of every place, over every change of the clocks', () => {
  const offsets = new Map(zones.map((zone) => [zone, new Set<string>()]))
  let sundays = 0
  for (let month = 0; month < 12; month += 1) {
    const rollout = planned(month)
    const world = new RolloutWorld(`rollout-${month}`, rollout, rules, devices, begin(month) - DAY)
    world.run(rollout.expires + DAY)
    expect([month, world.rollout.state]).toEqual([month, 'finished'])
    expect(world.counts).toEqual(countsOf({ confirmed: DEVICES - 2, reverted: 1, timedOut: 1 }))
    for (const { at, what, device } of world.log) {
      const zone = devices.find((each) => each.id === device)?.zone
      if (zone === undefined) continue
      const wall = wallOf(at, zone)
      if (what === 'offered') expect(wall.hour >= 20 || wall.hour < 6).toBe(true)
      if (what !== 'installing') continue
      expect([wall.toString(), isNight(at, zone)]).toEqual([wall.toString(), true])
      expect(wall.toPlainDate().toString() >= '2026-12-18' && wall.toPlainDate().toString() <= '2027-01-03').toBe(false)
      offsets.get(zone)?.add(wall.offset)
      if (wall.dayOfWeek === 7) sundays += 1
    }
  }
  // Both halves of the year were lived through wherever clocks are put.
  expect([...offsets].map(([zone, seen]) => [zone, seen.size])).toEqual(
    zones.map((zone) => [zone, zone === 'Asia/Kathmandu' ? 1 : 2]),
  )
  expect(sundays).toBeGreaterThan(0)
})

const input = (change: Partial<Parameters<typeof forecast>[0]> = {}) => {
  const sizes = stageSizes(reach, DEVICES)
  return {
    stages: planned(0).stages.map((stage, index) => {
      const share = new Map<string, number>()
      for (let each = 0; each < (sizes[index] ?? 0); each += 1) {
        const zone = zones[each % zones.length] ?? 'UTC'
        share.set(zone, (share.get(zone) ?? 0) + 1)
      }
      return { gate: stage.gate, soakSeconds: stage.soakSeconds, devicesByZone: share }
    }),
    notBefore: begin(5),
    expires: begin(7),
    rates: rules.rates,
    pace: rules.pace,
    imageSizeBytes: rules.imageSizeBytes,
    download: rules.download,
    install: rules.install,
    ...change,
  }
}

it('a forecast is never later than what comes about, and near it when every device answers at once', () => {
  const ideal = devices.map((device) => ({
    ...device,
    site: null,
    answer: () => 'confirms' as const,
    downloadSeconds: 1,
  }))
  for (let month = 0; month < 11; month += 1) {
    const rollout = planned(month)
    const world = new RolloutWorld(`rollout-${month}`, rollout, { ...rules, siteBudget: null }, ideal, begin(month))
    world.run(rollout.expires)
    expect(world.rollout.state).toBe('finished')
    // As the hash has put the devices into their stages, so the forecast is given them.
    const stages = rollout.stages.map((stage, index) => {
      const share = new Map<string, number>()
      for (const { device } of [...world.held.values()].filter((each) => each.stage === index))
        share.set(device.zone, (share.get(device.zone) ?? 0) + 1)
      return { gate: stage.gate, soakSeconds: stage.soakSeconds, devicesByZone: share }
    })
    const foreseen = forecast(
      { ...input({ stages }), notBefore: rollout.notBefore, expires: rollout.expires },
      begin(month),
    )
    expect(foreseen).toHaveProperty('endsAt')
    const { endsAt } = foreseen as { endsAt: number }
    expect(endsAt).toBeLessThanOrEqual(world.now + 3_600)
    expect(world.now - endsAt).toBeLessThan(3 * DAY)
    expect(doneOf(world.counts)).toBe(totalOf(world.counts))
  }
})

it.each<[string, Partial<Parameters<typeof forecast>[0]>, object]>([
  [
    'without limits it is the sum of the soaks',
    {
      install: { windows: [], blackouts: [] },
      download: { windows: [], blackouts: [] },
      rates: {},
      pace: { devicesPerHour: 60, devicesTotal: 60 },
    },
    { endsAt: begin(5) + 3 * DAY },
  ],
  [
    'the pace that was signed takes its hours',
    {
      install: { windows: [], blackouts: [] },
      download: { windows: [], blackouts: [] },
      rates: {},
      pace: { devicesPerHour: 10, devicesTotal: 60 },
    },
    { endsAt: begin(5) + 2 * DAY + 3 * 3_600 + DAY },
  ],
  [
    'a window that never opens is told',
    {
      install: {
        windows: [parseWindow('install', '02:00-03:00')],
        blackouts: [parseBlackout('blackout', '2026-05-01..2026-12-31')],
      },
    },
    { impossible: 'window-never-opens' },
  ],
  ['a plan that ends too soon is told', { expires: begin(5) + 2 * DAY }, { impossible: 'plan-ends-first' }],
  [
    'more devices than were signed are told',
    { pace: { devicesPerHour: 60, devicesTotal: 59 } },
    { impossible: 'more-devices-than-signed' },
  ],
])('of a forecast: %s', (_, change, expected) => {
  expect(forecast(input(change), begin(5))).toEqual(expected)
})
