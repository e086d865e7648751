import { describe, expect, it } from '@jest/globals'
import { problemIn } from '../support/fleet-device.js'
import { RolloutScene } from '../support/rollout-scene.js'

const scene = new RolloutScene({ policy: { limits: { approvalLifeSeconds: 604_800, minRolloutApprovers: 2 } } })

describe('a policy that wants two fleet managers', () => {
  it('lets a rollout start with the second approval and not before, nor with the first one twice', async () => {
    const devices = await scene.set(1)
    const rollout = await scene.fleet.rollout(scene.release, devices)
    const start = () => scene.fleet.raw('POST', `/rollouts/${rollout.id}/start`)
    const refusal = { status: 409, code: 'QUORUM_NOT_MET', detail: { operation: 'rollout' } }
    expect(problemIn(await start())).toEqual(refusal)
    await expect(scene.fleet.approve(rollout)).rejects.toThrow(/CONFLICT/)
    expect(problemIn(await start())).toEqual(refusal)
    await scene.fleet.approve(rollout, 'fleet-2')
    expect((await start()).statusCode).toBe(200)
  })
})
