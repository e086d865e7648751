import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { sha256, toHex, utf8 } from '../../src/domain/bytes.js'
import { FleetFixture } from '../../test/support/fleet-fixture.js'

/** In one statement; a multiple of what the server itself would write at once. */
const AT_ONCE = 100_000
/** What the n-th device does not share with the model. */
const OWN: Readonly<Record<string, string>> = {
  id: `encode(sha256(n::text::bytea), 'hex')`,
  public_key: `overlay(m.public_key PLACING sha256(('key ' || n)::bytea) FROM length(m.public_key) - 31)`,
  credential_sha256: `sha256(('csd_' || lpad(n::text, 43, '0'))::bytea)`,
  attributes: `jsonb_build_object('site', 'site-' || n % 100)`,
  tags: `CASE WHEN n % 20 = 0 THEN ARRAY['canary'] ELSE '{}' END`,
}
const credentialOf = (index: number): string => `csd_${String(index).padStart(43, '0')}`

/** The whole server, its database and its broker, with devices that were written in bulk as if each had enrolled and reported. */
export class RolloutScene {
  devices = 0
  private sequence = 10

  private constructor(
    readonly fleet: FleetFixture,
    readonly port: number,
    /** The owner of the tables, who may do what the server may not. */
    readonly owner: pg.Client,
    /** A device that came in by the usual way: what the others are like. */
    private readonly model: string,
  ) {}

  static async start(): Promise<RolloutScene> {
    const fleet = await FleetFixture.start()
    await fleet.app.listen(0, '127.0.0.1')
    const { port } = fleet.app.getHttpServer().address() as AddressInfo
    const owner = new pg.Client({ connectionString: fleet.databaseUrl })
    await owner.connect()
    return new RolloutScene(fleet, port, owner, await makeModel(fleet))
  }

  async stop(): Promise<void> {
    await this.owner.end()
    await this.fleet.stop()
  }

  /**
   * Devices by number, from `from` on. Each has a name, a key, a credential, a site and tags of its own; everything else is the model's:
   * so each takes the room that a device takes which enrolled, was updated and has reported that.
   */
  async fill(from: number, to: number): Promise<void> {
    const { fields } = await this.owner.query('SELECT * FROM device LIMIT 0')
    const values = fields.map(({ name }) => OWN[name] ?? `m.${name}`)
    for (let at = from; at < to; at += AT_ONCE)
      await this.owner.query(
        `INSERT INTO device SELECT ${values.join(', ')} FROM device m, generate_series($3::int, $4::int - 1) n
         WHERE m.namespace = $1 AND m.id = $2`,
        [this.fleet.namespace, this.model, at, Math.min(at + AT_ONCE, to)],
      )
    await this.owner.query(
      `INSERT INTO krl_acknowledgement SELECT namespace, krl_number, received_ms + n
       FROM (SELECT * FROM krl_acknowledgement LIMIT 1) model, generate_series($1::int, $2::int - 1) n`,
      [from, to],
    )
    await this.owner.query('VACUUM ANALYZE device, krl_acknowledgement')
    this.devices = to
  }

  /** Nothing of what was written in bulk is still on its way to the disk. */
  async settle(): Promise<void> {
    await this.owner.query('CHECKPOINT')
  }

  /** The n-th poll, whole: never the same twice, so that none is answered from what was kept; devices in no order. */
  poll(index: number): Buffer {
    const device = (index * 7_919) % this.devices
    const id = this.idOf(device)
    return Buffer.from(
      `GET /device/v1/${this.fleet.namespace}/${id}/update?root=${index + 1}&krl=1 HTTP/1.1\r\nHost: updates.example\r\n` +
        `Authorization: Device ${credentialOf(device)}\r\n\r\n`,
    )
  }

  /** A rollout to all devices whose first stage is the one that is asked for, approved and not started. @returns its id. */
  async plan(stage: object): Promise<string> {
    this.sequence += 1
    const release = await this.fleet.release(this.sequence, new TextEncoder().encode(randomUUID()))
    const { id } = await this.fleet.rollout(release, [], {
      stages: [stage, { percent: 100 }],
      devicesTotal: Math.max(10_000, this.devices * 2),
      filter: undefined,
    })
    return id
  }

  private idOf(device: number): string {
    return toHex(sha256(utf8(String(device))))
  }
}

/** Enrolled, updated by a rollout, and confirmed. @returns its id. */
async function makeModel(fleet: FleetFixture): Promise<string> {
  const [device] = await fleet.enrolDevices(1)
  if (device === undefined) throw new Error('no device')
  const release = await fleet.release(10, utf8('the image that devices run'))
  const { id } = await fleet.rollout(release, [device], { stages: [{ percent: 100 }] })
  await fleet.call('POST', `/rollouts/${id}/start`)
  await fleet.until(id, ({ stages }) => stages[0]?.counts.offered === 1)
  device.krlNumber = 1
  await fleet.confirm(device, release, id)
  await fleet.until(id, ({ state }) => state === 'finished')
  return device.id
}
