import { describe, expect, it } from '@jest/globals'
import { backOffMs } from './back-off.js'
import {
  beginBoot,
  confirmBoot,
  encodeBootRecord,
  factoryBoot,
  fallBack,
  parseBootRecord,
  switchTo,
} from './boot-record.js'
import { react, type DeviceEvent, type Session, type Update, type Why } from './device.js'
import { parseFaults } from './fleet-options.js'
import type { SlotImage } from './slot-image.js'
import { wakeUpDelayMs } from './wake-up.js'

const image: SlotImage = {
  manifestSha256: new Uint8Array(32).fill(1),
  sequence: 7,
  imageSha256: new Uint8Array(32).fill(2),
  imageSizeBytes: 10,
  rolloutId: 'rollout-1',
}
const update: Update = {
  image,
  offer: { roots: [], krl: null, freshness: null, assignment: null, envelope: null },
  nonce: null,
  payloadUrls: [],
  terms: {},
}
const why: Why = { code: 'SLOT_MISMATCH', step: 16, detail: {} }

describe('the state machine of a device', () => {
  const sessions: Session[] = [
    { phase: 'idle' },
    { phase: 'polling' },
    { phase: 'downloading', update },
    { phase: 'downloaded', update },
    { phase: 'installing', update },
    { phase: 'rebooting', image },
    { phase: 'confirmed', image },
    { phase: 'failed', rolloutId: 'rollout-1', why },
  ]
  const events: DeviceEvent[] = [
    { happened: 'update-accepted', update },
    { happened: 'payload-stored' },
    { happened: 'still-accepted' },
    { happened: 'slot-verified' },
    { happened: 'healthy' },
  ]

  it('takes each step from its own phase only: nothing skips the judgement, the check or the health gate', () => {
    const moves = sessions.flatMap((session) =>
      events.flatMap((event) => {
        const { session: next, effects } = react(session, event)
        if (next === session) {
          expect(effects).toEqual([])
          return []
        }
        return [`${session.phase} --${event.happened}--> ${next.phase}`]
      }),
    )
    expect(moves).toEqual([
      'polling --update-accepted--> downloading',
      'downloading --payload-stored--> downloaded',
      'downloaded --still-accepted--> installing',
      'installing --slot-verified--> rebooting',
      'rebooting --healthy--> confirmed',
    ])
  })

  it('switches the slot before it says that it reboots', () => {
    const { effects } = react({ phase: 'installing', update }, { happened: 'slot-verified' })
    expect(effects.map(({ perform }) => perform)).toEqual(['switch-slot', 'report', 'reboot'])
  })
})

describe('the boot record', () => {
  it('lets a new image try twice, then goes back', () => {
    const switched = switchTo(factoryBoot, 1, image)
    const first = beginBoot(switched)
    const second = beginBoot(first.record)
    const third = beginBoot(second.record)
    expect([first.boot, second.boot, third.boot]).toEqual(['trial', 'trial', 'fell-back'])
    expect(third.record).toMatchObject({ active: 0, trialBoots: null, fellBack: true })
    expect(beginBoot(confirmBoot(first.record))).toMatchObject({ boot: 'confirmed', record: { active: 1 } })
  })

  it('is the same after a round through its bytes', () => {
    for (const record of [factoryBoot, switchTo(factoryBoot, 1, image), fallBack(switchTo(factoryBoot, 1, image))])
      expect(parseBootRecord(encodeBootRecord(record))).toEqual(record)
  })
})

describe('waiting', () => {
  it('spreads a fleet evenly over the window, each device at its own moment', () => {
    const delays = Array.from({ length: 1_000 }, (_, at) => wakeUpDelayMs(`device ${at}`, 'offer', 60))
    expect(wakeUpDelayMs('device 1', 'offer', 60)).toBe(delays[1])
    expect(wakeUpDelayMs('device 1', 'another offer', 60)).not.toBe(delays[1])
    const quarters = [0, 1, 2, 3].map((quarter) => delays.filter((ms) => Math.floor(ms / 15_000) === quarter).length)
    for (const count of quarters) expect(count).toBeGreaterThan(200)
  })

  it('backs off exponentially, with full jitter, up to a minute', () => {
    expect([0, 1, 2, 3].map((failures) => backOffMs(failures, 0.5))).toEqual([250, 500, 1_000, 2_000])
    expect(backOffMs(1_000, 0.999_999)).toBeLessThanOrEqual(60_000)
    expect(backOffMs(9, 0)).toBe(0)
  })
})

describe('the option --fault', () => {
  it('names devices by index', () => {
    expect([...parseFaults(['unhealthy-boot=3,17', 'slow=3'], 20)]).toEqual([
      [3, ['unhealthy-boot', 'slow']],
      [17, ['unhealthy-boot']],
    ])
  })
  it.each([['explode=1'], ['slow=20'], ['slow'], ['slow=x']])('refuses %s', (row) => {
    expect(() => parseFaults([row], 20)).toThrow(expect.objectContaining({ code: 'CONFIGURATION' }))
  })
})
