import { randomUUID } from 'node:crypto'
import type { AddressInfo } from 'node:net'
import pg from 'pg'
import { sha256, toHex, utf8 } from '../../src/domain/bytes.js'
import { FleetFixture } from '../../test/support/fleet-fixture.js'
import { CLASS_ID } from '../../test/support/trust-fixture.js'

/** In one statement; a multiple of what the server itself would write at once. */
const AT_ONCE = 100_000
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
  ) {}

  static async start(): Promise<RolloutScene> {
    const fleet = await FleetFixture.start()
    await fleet.app.listen(0, '127.0.0.1')
    const { port } = fleet.app.getHttpServer().address() as AddressInfo
    const owner = new pg.Client({ connectionString: fleet.databaseUrl })
    await owner.connect()
    return new RolloutScene(fleet, port, owner)
  }

  async stop(): Promise<void> {
    await this.owner.end()
    await this.fleet.stop()
  }

  /** Devices by number, from `from` on. Their last reports have the length that real ones have, and do not compress. */
  async fill(from: number, to: number): Promise<void> {
    for (let at = from; at < to; at += AT_ONCE)
      await this.owner.query(
        `INSERT INTO device (namespace, id, class_id, public_key, credential_sha256, enrolled_at, last_seen_at, report_epoch,
           report_counter, reported_ms, report, reported_state, running_manifest_sha256, running_sequence, running_image_sha256,
           root_version, krl_number, attributes, tags)
         SELECT $1, encode(sha256(n::text::bytea), 'hex'), $2, '\\xa40101032720062158'::bytea || sha256(('key ' || n)::bytea),
           sha256(('csd_' || lpad(n::text, 43, '0'))::bytea), 1, 1, 1, 1, 1,
           (SELECT string_agg(sha256((n || ' ' || part)::bytea), '' ORDER BY part) FROM generate_series(1, 10) part),
           'idle', sha256('factory'), 1, sha256('factory image'), 1, 1,
           jsonb_build_object('site', 'site-' || n % 100), CASE WHEN n % 20 = 0 THEN ARRAY['canary'] ELSE '{}' END
         FROM generate_series($3::int, $4::int - 1) n`,
        [this.fleet.namespace, Buffer.from(CLASS_ID), at, Math.min(at + AT_ONCE, to)],
      )
    await this.owner.query('VACUUM ANALYZE device')
    this.devices = to
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
