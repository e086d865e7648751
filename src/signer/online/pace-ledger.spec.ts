import { describe, expect, it } from '@jest/globals'
import { Refusal } from '../../domain/refusal.js'
import { requirePace } from '../checks/pace.check.js'
import { PaceLedger } from './pace-ledger.js'

const DAY = 86_400
const plan = new Uint8Array(32).fill(1)
const manifest = new Uint8Array(32).fill(2)
const signed = { devicesPerHour: 1_000, devicesTotal: 1_000 } as Parameters<typeof requirePace>[0]

describe('assignments that are given again', () => {
  let ledger: PaceLedger
  const give = (device: number, time: number): void =>
    ledger.apply({
      time,
      entry: {
        kind: 'assignment',
        planSha256: plan,
        planExpires: 100 * DAY,
        manifestSha256: manifest,
        deviceId: `device-${device}`,
        keyId: 'ab',
      },
    })
  const judged = (now: number): string => {
    try {
      requirePace(signed, ledger.counted(plan, manifest, 'device-0', now))
      return 'given'
    } catch (error) {
      return error instanceof Refusal ? error.code : 'failed'
    }
  }

  it.each([
    ['a hundred times to a few devices', 3, 100],
    ['four times a device to many', 50, 200],
  ])('%s in one day, and again the next', (_, devices, most) => {
    ledger = new PaceLedger()
    for (let device = 0; device < devices; device += 1) give(device, DAY)
    for (let n = 1; n < most; n += 1) give(n % devices, DAY + n)
    expect(judged(2 * DAY - 1)).toBe('given')
    give(0, 2 * DAY - 1)
    expect(judged(2 * DAY - 1)).toBe('RATE_EXCEEDED')
    expect(judged(2 * DAY)).toBe('given')
    give(0, 2 * DAY)
    expect(ledger.counted(plan, manifest, 'device-0', 2 * DAY).renewedToday).toBe(1)
  })
})
