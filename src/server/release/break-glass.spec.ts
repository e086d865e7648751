import { afterEach, expect, it } from '@jest/globals'
import { PeopleBench } from '../../../test/support/people-bench.js'
import { TrustFixture } from '../../../test/support/trust-fixture.js'

const DAY = 86_400
let bench: PeopleBench
afterEach(() => bench.stop())

/** A window that is open for one whole day of the week, so many days from now. */
async function signedUnderWindow(daysFromNow: number): Promise<string[]> {
  const now = Math.floor(Date.now() / 1_000)
  // 1970-01-01 was a Thursday, day 3 counted from Monday.
  const day = (Math.floor(now / DAY) + 3 + daysFromNow) % 7
  const windows = [
    { days: 1 << day, fromSecond: 0, toSecond: DAY },
    // A test that begins before midnight may end after it.
    { days: 1 << ((day + 1) % 7), fromSecond: 0, toSecond: DAY },
  ]
  const firmwareFormats = ['unknown'] as const
  const limits = { windows, breakGlass: '2 of release-manager and 1 of security', firmwareFormats }
  bench = await PeopleBench.start({ trust: await TrustFixture.make({ policy: { limits } }) })
  await bench.begin()
  const release = await bench.release()
  for (const person of ['manager-1', 'manager-2']) await bench.approve(release, person)
  const { body } = await bench.call('GET', '/events?type=release.*', 'auditor')
  return (body['items'] as { type: string }[]).map(({ type }) => type)
}

it('is an event when something is signed while the change window is closed', async () => {
  expect(await signedUnderWindow(3)).toEqual(expect.arrayContaining(['release.signed', 'release.break-glass']))
}, 60_000)

it('is none while it is open', async () => {
  const events = await signedUnderWindow(0)
  expect(events).toContain('release.signed')
  expect(events).not.toContain('release.break-glass')
}, 60_000)
