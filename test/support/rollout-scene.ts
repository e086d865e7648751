import { afterAll, beforeAll } from '@jest/globals'
import { RolloutEngine } from '../../src/server/rollout/rollout-engine.service.js'
import type { FleetDevice } from './fleet-device.js'
import { eventually, FleetFixture, type TestRelease } from './fleet-fixture.js'
import type { FleetOptions } from './fleet-options.js'

/** Rollouts of one spec file, each with devices of its own and a newer release, so that no test sees another's. */
export class RolloutScene {
  private held: { readonly fleet: FleetFixture; release: TestRelease } | undefined
  sequence = 10

  constructor(options: FleetOptions = {}) {
    beforeAll(async () => {
      const fleet = await FleetFixture.start(options)
      this.held = { fleet, release: await fleet.release(this.sequence) }
    }, 120_000)
    afterAll(async () => {
      await this.held?.fleet.stop()
    }, 60_000)
  }

  get fleet(): FleetFixture {
    return this.current.fleet
  }
  get release(): TestRelease {
    return this.current.release
  }
  private get current() {
    if (this.held === undefined) throw new Error('not started')
    return this.held
  }

  async newRelease(): Promise<TestRelease> {
    this.sequence += 1
    this.current.release = await this.fleet.release(this.sequence)
    return this.release
  }

  /** Ends what the test before left running. */
  async set(count: number): Promise<readonly FleetDevice[]> {
    const { fleet } = this
    const { items } = await fleet.call<{ items: { id: string; state: string }[] }>('GET', '/rollouts')
    for (const { id, state } of items) if (state === 'running') await fleet.call('POST', `/rollouts/${id}/cancel`)
    await this.newRelease()
    fleet.signers.refusal = null
    fleet.signers.assigned.clear()
    fleet.signers.assignmentLifeSeconds = 3_600
    return fleet.enrolDevices(count)
  }

  /** Creates, approves and starts it. @returns its id. */
  async start(devices: readonly FleetDevice[], change: object = {}): Promise<string> {
    const { id } = await this.fleet.rollout(this.release, devices, change)
    await this.fleet.call('POST', `/rollouts/${id}/start`)
    return id
  }

  /** Two rounds: the first may be one that had begun before. Then all is done that can be done at this time. */
  async settle(): Promise<void> {
    const engine = this.fleet.app.get(RolloutEngine)
    await engine.tick()
    await engine.tick()
  }

  offered(id: string, count: number): Promise<readonly FleetDevice[]> {
    return eventually(async () => {
      const devices = await this.fleet.in(id, 'offered')
      return devices.length === count ? devices : null
    })
  }
}
