import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench } from '../../test/support/cli-bench.js'

let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())

describe('countersign device watch', () => {
  const device = (change: object = {}) => ({
    ...{
      id: 'd1',
      className: 'gateway-r2',
      protocol: 'native',
      enrolledAt: 1,
      lastSeenAt: 9,
      state: null,
      reason: null,
    },
    ...{
      reportedMs: null,
      runningSequence: null,
      runningManifestSha256: null,
      duplicateAt: null,
      decommissionedAt: null,
    },
    ...{ deployments: [], certificates: [], ...change },
  })
  const deployment = (state: string, changedAt: number, reason: string | null = null) => ({
    ...{ rolloutId: 'r1', stage: 0, state, changedAt, reason },
  })

  it('tells what was, then what comes, each once', async () => {
    const looks = [
      device({ deployments: [deployment('offered', 3)] }),
      device({ deployments: [deployment('downloading', 4)] }),
      device({ deployments: [deployment('downloading', 4)] }),
      device({
        ...{ deployments: [deployment('failed', 6, 'PAYLOAD_MISMATCH')], reportedMs: 6_500, state: 'failed' },
        ...{ reason: 'PAYLOAD_MISMATCH', runningSequence: 7, runningManifestSha256: 'ab'.repeat(32) },
      }),
    ]
    bench.courier.on('GET /devices/d1', () => {
      // A device that is gone ends the watch.
      if (looks.length === 1) bench.courier.refuse('GET /devices/d1', 404, 'NOT_FOUND', { what: 'device', id: 'd1' })
      return looks.shift()
    })
    const { output, exitCode } = await bench.run('device', 'watch', 'd1', '--interval-ms', '100')
    expect(exitCode).toBe(1)
    expect(output).toEqual([
      '1970-01-01T00:00:01Z  enrolled as gateway-r2, speaks native',
      '1970-01-01T00:00:03Z  rollout r1, stage 1: offered',
      '1970-01-01T00:00:04Z  rollout r1, stage 1: downloading',
      '1970-01-01T00:00:06Z  rollout r1, stage 1: failed (PAYLOAD_MISMATCH)',
      '1970-01-01T00:00:06Z  says it is failed (PAYLOAD_MISMATCH) and runs sequence 7, manifest abababababababab',
    ])
  })

  it('tells of its certificates', async () => {
    const certificates = [{ serial: '50f3', issuedAt: 2, notAfter: 86_402 }]
    bench.courier.on('GET /devices/d1', () => device({ certificates }))
    expect(await bench.must('device', 'watch', 'd1', '--once')).toContain(
      '1970-01-01T00:00:02Z  has certificate 50f3 until 1970-01-02T00:00:02Z',
    )
  })

  it('tells what a client of another protocol said, in its words', async () => {
    bench.courier.on('GET /devices/d1', () => device({ protocol: 'ddi' }))
    const entry = { by: 'client', code: 7, progress: [2, 5], messages: ['Installing'] }
    const entries = [
      { ...entry, atMs: 3_000, status: 'RUNNING' },
      { ...entry, atMs: 5_400, status: 'FINISHED', code: null, progress: null, messages: [] },
    ]
    const action = { id: '4', rolloutId: 'r1', outcome: 'finished', createdAt: 2, closedAt: 5, repeats: 3, entries }
    bench.courier.on('GET /ddi/targets/d1/actions', () => ({ items: [action], next: null }))
    expect(await bench.must('device', 'watch', 'd1', '--once')).toEqual([
      '1970-01-01T00:00:01Z  enrolled as gateway-r2, speaks ddi',
      '1970-01-01T00:00:02Z  action 4 for rollout r1',
      '1970-01-01T00:00:03Z  action 4, client: RUNNING 2 of 5 code 7 "Installing"',
      '1970-01-01T00:00:05Z  action 4, client: FINISHED',
      '1970-01-01T00:00:05Z  action 4 is over: finished, 3 times the same words again',
    ])
  })
})
