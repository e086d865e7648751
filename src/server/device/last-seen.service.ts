import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'

const FLUSH_MS = 5_000
const BATCH = 1_000

/** When each device was last heard of. Gathered in memory, written together: a poll costs no write of its own. */
@Injectable()
export class LastSeen implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** By namespace and device. */
  private seen = new Map<string, Map<string, number>>()
  private readonly rounds: RepeatedRound

  constructor(
    private readonly database: DataSource,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {
    this.rounds = new RepeatedRound(
      FLUSH_MS,
      () => this.flush(),
      (error) => this.log.error('device.last-seen.lost', error),
    )
  }

  onApplicationBootstrap(): void {
    this.rounds.begin()
  }

  async beforeApplicationShutdown(): Promise<void> {
    await this.rounds.end()
    await this.flush()
  }

  note(namespace: string, deviceId: string): void {
    let devices = this.seen.get(namespace)
    if (devices === undefined) this.seen.set(namespace, (devices = new Map()))
    devices.set(deviceId, this.clock.nowSeconds())
  }

  /** What cannot be written is lost: the next poll of the device says it again. */
  async flush(): Promise<void> {
    // In one order everywhere, so that two instances wait for each other instead of blocking each other.
    const seen = [...this.seen].toSorted(([a], [b]) => (a < b ? -1 : 1))
    this.seen = new Map()
    for (const [namespace, devices] of seen) {
      const ids = [...devices.keys()].sort(byCodeUnits)
      try {
        for (let at = 0; at < ids.length; at += BATCH) await this.write(namespace, ids.slice(at, at + BATCH), devices)
      } catch (error) {
        this.log.error('device.last-seen.lost', error, { devices: ids.length })
      }
    }
  }

  private async write(namespace: string, ids: readonly string[], devices: ReadonlyMap<string, number>): Promise<void> {
    await this.database.query(
      `WITH seen AS (SELECT $1::text AS namespace, s.* FROM unnest($2::text[], $3::bigint[]) AS s (id, at)),
         held AS (SELECT d.namespace, d.id FROM device d JOIN seen USING (namespace, id) ORDER BY d.namespace, d.id FOR NO KEY UPDATE OF d)
       UPDATE device d SET last_seen_at = greatest(d.last_seen_at, seen.at) FROM seen JOIN held USING (namespace, id)
       WHERE d.namespace = seen.namespace AND d.id = seen.id`,
      [namespace, ids, ids.map((id) => devices.get(id) ?? 0)],
    )
  }
}

const byCodeUnits = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0)
