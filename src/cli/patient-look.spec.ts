import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { CliBench, RecordingTerminal } from '../../test/support/cli-bench.js'

let bench: CliBench
beforeEach(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterEach(() => bench.close())

const call = 'GET /rollouts/w1'
const plan = { plan: 'AA', planSha256: '00'.repeat(32) }
const shows = (state: string) => () => bench.courier.on(call, () => ({ id: 'w1', state, stages: [], ...plan }))
const refuses = (status: number, code: string) => () => bench.courier.refuse(call, status, code, {})

/** What the server says, another thing after each pause. */
async function watch(...says: readonly (() => void)[]) {
  const rest = [...says]
  rest.shift()?.()
  let pauses = 0
  const sleep = async (): Promise<void> => {
    pauses += 1
    rest.shift()?.()
  }
  const { exitCode, output, errors } = await bench.runAt(new RecordingTerminal(), ['rollout', 'watch', 'w1'], { sleep })
  return { exitCode, output, errors, pauses }
}

describe('whoever follows something', () => {
  it('goes on when a server was away for a while', async () => {
    const seen = await watch(
      shows('running'),
      refuses(503, 'DATABASE_UNAVAILABLE'),
      refuses(502, ''),
      () => bench.courier.on(call, () => 'no rollout'),
      shows('finished'),
    )
    expect(seen).toMatchObject({ exitCode: 0, output: ['rollout w1: running', 'rollout w1: finished'] })
    expect(seen.errors).toEqual(['DATABASE_UNAVAILABLE: asking again, for five minutes', 'the server answers again'])
  })

  it('is told at once of a server that was never there', async () => {
    const seen = await watch(refuses(503, 'DATABASE_UNAVAILABLE'), shows('finished'))
    expect(seen).toMatchObject({ exitCode: 1, output: [], pauses: 0 })
  })

  it('is told at once what asking again does not mend', async () => {
    const seen = await watch(shows('running'), refuses(401, 'UNAUTHENTICATED'), shows('finished'))
    expect(seen).toMatchObject({ exitCode: 1, output: ['rollout w1: running'], pauses: 1 })
    expect(seen.errors[0]).toContain('UNAUTHENTICATED')
  })

  it('gives up on a server that stays away', async () => {
    const seen = await watch(shows('running'), refuses(503, 'DATABASE_UNAVAILABLE'))
    expect(seen).toMatchObject({ exitCode: 1, pauses: 150 })
    expect(seen.errors.at(-2)).toContain('DATABASE_UNAVAILABLE')
  })
})
