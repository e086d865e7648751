import { afterAll, beforeAll, jest } from '@jest/globals'
import { toHex } from '../../src/domain/bytes.js'
import type { LegacyWaiver } from '../../src/domain/trust/legacy-clients.js'
import { DdiClient } from './ddi-client.js'
import { eventually, FleetFixture, type TestRelease } from './fleet-fixture.js'
import type { FleetOptions } from './fleet-options.js'
import { CLASS_ID } from './trust-fixture.js'

export const legacyPolicy = (waived: readonly LegacyWaiver[] = ['bundle-signature']): FleetOptions['policy'] => ({
  legacy: new Map([['ddi', { classes: [toHex(CLASS_ID)], waived }]]),
})

/** A server whose policy lets in DDI clients; each test has clients and a release of its own. */
export class DdiScene {
  private held: FleetFixture | undefined
  private sequence = 10
  private count = 0

  constructor(options: FleetOptions = {}) {
    // Nothing here depends on time: a busy machine takes as long as it takes.
    jest.setTimeout(120_000)
    beforeAll(async () => {
      this.held = await FleetFixture.start({ policy: legacyPolicy() ?? {}, ...options })
    }, 240_000)
    afterAll(async () => {
      await this.held?.stop()
    }, 120_000)
  }

  get fleet(): FleetFixture {
    if (this.held === undefined) throw new Error('not started')
    return this.held
  }

  get tenant(): string {
    return this.fleet.namespace.replace('/', '.')
  }

  async client(controllerId = `device-${(this.count += 1)}`, token?: string): Promise<DdiClient> {
    const body = { controllerId, className: 'gateway-r2', ...(token === undefined ? {} : { token }) }
    const made = await this.fleet.call<{ deviceId: string; token: string }>('POST', '/ddi/targets', body)
    return this.as(controllerId, `TargetToken ${made.token}`, made.deviceId)
  }

  as(controllerId: string, authorization: string, deviceId = '', tenant = this.tenant): DdiClient {
    return new DdiClient(() => this.fleet.app, deviceId, controllerId, authorization, tenant)
  }

  async release(image?: Uint8Array): Promise<TestRelease> {
    this.sequence += 1
    const release = await this.fleet.release(this.sequence, image)
    if (image !== undefined) await this.fleet.storeImage(image)
    return release
  }

  /** Creates, approves and starts a rollout of `release` and waits until each client has an assignment. @returns its id. */
  async rollout(release: TestRelease, clients: readonly DdiClient[], change: object = {}): Promise<string> {
    const { id } = await this.fleet.rollout(release, clients, { stages: [{ percent: 100 }], ...change })
    await this.fleet.call('POST', `/rollouts/${id}/start`)
    await eventually(async () => ((await this.countIn(id, 'offered')) === clients.length ? true : null), 60_000)
    return id
  }

  async stateOf(rollout: string, client: DdiClient): Promise<string> {
    const [row] = await this.fleet.sql<{ state: string }>(
      'SELECT state FROM deployment WHERE rollout_id = $1 AND device_id = $2',
      [rollout, client.id],
    )
    return row?.state ?? 'none'
  }

  private async countIn(rollout: string, state: string): Promise<number> {
    const rows = await this.fleet.sql('SELECT 1 FROM deployment WHERE rollout_id = $1 AND state = $2', [rollout, state])
    return rows.length
  }
}
