import { setTimeout as sleep } from 'node:timers/promises'
import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { Clock } from '../../domain/clock.js'
import { PreparedQueries } from '../database/prepared-queries.service.js'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'

const ROUND_MS = 5_000
/** Of a round, so that it ends before the next begins. */
const SPREAD_MS = 4_000
const LONGEST_PAUSE_MS = 100
/** Few enough that the database is back at once for whoever waits behind them. */
const BATCH = 100

/** When each device was last heard of, to a round. Gathered in memory, written together: a poll costs no write of its own. */
@Injectable()
export class LastSeen implements OnApplicationBootstrap, BeforeApplicationShutdown {
  /** By namespace and device. */
  private seen = new Map<string, Map<string, number>>()
  private readonly rounds: RepeatedRound
  private count = 0

  constructor(
    private readonly prepared: PreparedQueries,
    private readonly clock: Clock,
    private readonly log: DecisionLog,
  ) {
    this.rounds = new RepeatedRound(
      ROUND_MS,
      () => this.flush(SPREAD_MS),
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

  /** Who was noted in this round need not be noted again. */
  get round(): number {
    return this.count
  }

  note(namespace: string, deviceId: string): void {
    let devices = this.seen.get(namespace)
    if (devices === undefined) this.seen.set(namespace, (devices = new Map()))
    devices.set(deviceId, this.clock.nowSeconds())
  }

  /**
   * What cannot be written is lost: the next poll of the device says it again.
   * @param withinMs the writes are spread over as long as this: all at once they would take processor and disk from the polls.
   */
  async flush(withinMs = 0): Promise<void> {
    const { seen } = this
    this.seen = new Map()
    this.count += 1
    const batches = [...seen].flatMap(([namespace, devices]) => batchesOf(namespace, [...devices]))
    const pauseMs = Math.min(withinMs / batches.length, LONGEST_PAUSE_MS)
    try {
      for (const batch of batches) {
        await this.write(batch)
        if (pauseMs > 0 && !this.rounds.isStopping) await sleep(pauseMs)
      }
    } catch (error) {
      this.log.error('device.last-seen.lost', error, { batches: batches.length })
    }
  }

  private async write({ namespace, devices }: Batch): Promise<void> {
    // In one order everywhere, so that two instances wait for each other instead of blocking each other.
    await this.prepared.query(
      'last seen',
      `WITH seen AS (SELECT $1::text AS namespace, s.* FROM unnest($2::text[], $3::bigint[]) AS s (id, at)),
         held AS (SELECT d.namespace, d.id FROM device d JOIN seen USING (namespace, id) ORDER BY d.namespace, d.id FOR NO KEY UPDATE OF d)
       UPDATE device d SET last_seen_at = greatest(d.last_seen_at, seen.at) FROM seen JOIN held USING (namespace, id)
       WHERE d.namespace = seen.namespace AND d.id = seen.id`,
      [namespace, devices.map(([id]) => id), devices.map(([, at]) => at)],
    )
  }
}

interface Batch {
  readonly namespace: string
  readonly devices: readonly (readonly [id: string, atSeconds: number])[]
}

const batchesOf = (namespace: string, devices: Batch['devices']): Batch[] =>
  Array.from({ length: Math.ceil(devices.length / BATCH) }, (_, index) => ({
    namespace,
    devices: devices.slice(index * BATCH, (index + 1) * BATCH),
  }))
