import { afterEach, beforeEach, expect, it, jest } from '@jest/globals'
import { DeviceLife } from './device-life.js'
import type { SimulatedDevice } from './simulated-device.js'

/** What a server said last, and how often the device asked it; no broker, no work behind it. */
const device = {
  id: 'ab'.repeat(32),
  memory: { record: { enrolment: undefined } },
  installsAt: null,
  asksAgainSeconds: null as number | null,
  retryAfterSeconds: null as number | null,
  polls: 0,
  pollOnce: async () => void (device.polls += 1),
  useWire: () => undefined,
  settled: async () => undefined,
}
const HOUR_MS = 3_600_000

let life: DeviceLife
beforeEach(async () => {
  jest.useFakeTimers()
  life = new DeviceLife(device as unknown as SimulatedDevice, {
    namespace: 'gateway/prod',
    pollMs: null,
    jitterSeconds: 0,
    random: () => 0,
    onError: (error) => {
      throw error
    },
  })
  device.asksAgainSeconds = device.retryAfterSeconds = null
  life.start()
  // The first poll comes within the first minute, and sets the pace.
  device.polls = 0
})
afterEach(async () => {
  await life.stop()
  jest.useRealTimers()
})

/** Polls in an hour, once the server has said this at every answer. */
async function pollsInAnHour(said: Partial<typeof device>): Promise<number> {
  Object.assign(device, said)
  while (device.polls === 0) await jest.advanceTimersByTimeAsync(1_000)
  device.polls = 0
  await jest.advanceTimersByTimeAsync(HOUR_MS)
  return device.polls
}

it.each([
  ['every second', { asksAgainSeconds: 1 }, 720],
  ['without a pause', { asksAgainSeconds: 0 }, 720],
  ['every 5 seconds', { asksAgainSeconds: 5 }, 720],
  ['every 6 seconds', { asksAgainSeconds: 6 }, 600],
  ['nothing', {}, 60],
  ['to come again at once, for it has no room', { retryAfterSeconds: 0, asksAgainSeconds: 60 }, 720],
  ['to come again in ten seconds, for it has no room', { retryAfterSeconds: 10, asksAgainSeconds: 60 }, 360],
  ['every minute', { asksAgainSeconds: 60 }, 60],
])('a device that a server tells to ask %s', async (_, said, polls) => {
  expect(await pollsInAnHour(said)).toBe(polls)
})

it('asks once a day, although the server wants it to come in a year', async () => {
  expect(await pollsInAnHour({ asksAgainSeconds: 365 * 86_400 })).toBe(0)
  await jest.advanceTimersByTimeAsync(24 * HOUR_MS)
  expect(device.polls).toBe(1)
})
