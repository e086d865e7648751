import { describe, expect, it } from '@jest/globals'
import { countsOf } from './counts.js'
import { isLimitPassed, judgeGate } from './gate.js'

describe('a gate', () => {
  it.each([
    ['holds', { confirmed: 9, failed: 1 }],
    ['open', { confirmed: 8, failed: 1, offered: 1 }],
    ['missed', { confirmed: 8, failed: 2 }],
    // Stored counts where a release is only to be downloaded.
    ['holds', { stored: 9, failed: 1 }],
    // Devices taken away from the rollout do not judge the release.
    ['holds', { confirmed: 9, superseded: 40, cancelled: 2 }],
    ['holds', {}],
  ] as const)('%s at %j', (verdict, counts) => {
    expect(judgeGate({ confirmedPercent: 90 }, countsOf(counts))).toBe(verdict)
  })
  it('counts every kind of failure, and only what no person has accepted', () => {
    const counts = countsOf({ failed: 1, reverted: 1, refused: 1, timedOut: 1, confirmed: 6 })
    expect(isLimitPassed({ count: 3 }, [{ counts, acceptedFailures: 0 }])).toBe(true)
    expect(isLimitPassed({ count: 4 }, [{ counts, acceptedFailures: 0 }])).toBe(false)
    expect(isLimitPassed({ count: 3 }, [{ counts, acceptedFailures: 1 }])).toBe(false)
    expect(isLimitPassed({ percent: 39 }, [{ counts, acceptedFailures: 0 }])).toBe(true)
    expect(isLimitPassed({ percent: 40 }, [{ counts, acceptedFailures: 0 }])).toBe(false)
  })
})
