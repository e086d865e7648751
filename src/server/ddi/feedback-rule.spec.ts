import { describe, expect, it } from '@jest/globals'
import type { Feedback } from './feedback.js'
import { meaningOf, type ToldAction } from './feedback-rule.js'

const feedback = (
  execution: Feedback['status']['execution'],
  finished: Feedback['status']['result']['finished'] = 'none',
) => ({ status: { execution, result: { finished } } }) as Feedback
const told = (change: Partial<ToldAction> = {}): ToldAction => ({
  state: 'downloading',
  mode: 'forced',
  toldUpdate: 'forced',
  ...change,
})

describe('a feedback', () => {
  it.each([
    ['closed with success', feedback('closed', 'success'), told(), 'FINISHED', 'installed', 'finished'],
    ['closed with nothing said', feedback('closed', 'none'), told(), 'FINISHED', 'installed', 'finished'],
    ['closed with failure', feedback('closed', 'failure'), told(), 'ERROR', 'failed', 'failed'],
    // SWUpdate says "Skipped Update." at once: nothing was installed.
    [
      'closed with success after "skip"',
      feedback('closed', 'success'),
      told({ toldUpdate: 'skip' }),
      'SCHEDULED',
      null,
      null,
    ],
    [
      'closed with failure after "skip"',
      feedback('closed', 'failure'),
      told({ toldUpdate: 'skip' }),
      'ERROR',
      'failed',
      'failed',
    ],
    ['downloaded', feedback('downloaded'), told(), 'DOWNLOADED', 'downloaded', null],
    [
      'downloaded, where that is all',
      feedback('downloaded'),
      told({ mode: 'download-only', toldUpdate: 'skip' }),
      'DOWNLOADED',
      'downloaded',
      'downloaded',
    ],
    ['download', feedback('download'), told({ state: 'offered' }), 'DOWNLOAD', 'downloading', null],
    ['proceeding at first', feedback('proceeding'), told({ state: 'offered' }), 'RUNNING', 'downloading', null],
    [
      'proceeding after the download',
      feedback('proceeding'),
      told({ state: 'downloaded' }),
      'RUNNING',
      'installing',
      null,
    ],
    ['proceeding on the way', feedback('proceeding'), told(), 'RUNNING', null, null],
    ['resumed', feedback('resumed'), told({ state: 'offered' }), 'RUNNING', 'downloading', null],
    ['scheduled', feedback('scheduled'), told(), 'SCHEDULED', null, null],
    // Neither ends a deployment: that is what cancelAction is for.
    ['canceled', feedback('canceled'), told(), 'WARNING', null, null],
    ['rejected', feedback('rejected', 'failure'), told(), 'WARNING', null, null],
  ] as const)('%s', (_, said, action, status, reported, outcome) => {
    expect(meaningOf(said, action)).toEqual({ status, reported, outcome })
  })
})
