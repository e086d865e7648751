import { describe, expect, it } from '@jest/globals'
import { RolloutScene } from '../support/rollout-scene.js'
import { first } from '../support/fleet-device.js'

const scene = new RolloutScene()

describe('a fallback', () => {
  it('is not ended by a device that only now confirms what it takes back', async () => {
    const { fleet } = scene
    const devices = await scene.set(1)
    const [device] = first(devices)
    const fallback = await fleet.release(scene.sequence + 1_000)
    const id = await scene.start(devices, { fallbackReleaseId: fallback.id })
    await scene.offered(id, 1)
    await device.report({ state: 'installing', rolloutId: id })
    await fleet.call('POST', `/rollouts/${id}/roll-back`)
    await scene.settle()
    const { fallbackId: child } = await fleet.show(id)
    await scene.offered(child ?? '', 1)
    await fleet.confirm(device, scene.release, id)
    expect(await fleet.in(child ?? '', 'offered')).toHaveLength(1)
    await fleet.confirm(device, fallback, id)
    expect(await fleet.in(child ?? '', 'confirmed')).toHaveLength(1)
  }, 60_000)
})
