import { type BeforeApplicationShutdown, Injectable, type OnApplicationBootstrap } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { DecisionLog } from '../http/decision-log.service.js'
import { RepeatedRound } from '../repeated-round.js'
import { GroupMembership } from './group-membership.service.js'
import type { GroupRow } from './group.service.js'

const ROUND_MS = 500
/** Devices looked at in one transaction: locks are held for some ten milliseconds. */
const WINDOW = 2_000

/** Fills groups whose filter is new: all devices, window by window. Any instance; the group's row decides who. */
@Injectable()
export class GroupFilling implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly rounds: RepeatedRound

  constructor(
    private readonly database: DataSource,
    private readonly membership: GroupMembership,
    log: DecisionLog,
  ) {
    const failed = (error: unknown): void => log.error('group.filling.failed', error)
    this.rounds = new RepeatedRound(ROUND_MS, () => this.work(), failed)
  }

  onApplicationBootstrap(): void {
    this.rounds.begin()
  }

  beforeApplicationShutdown(): Promise<void> {
    return this.rounds.end()
  }

  /** Until nothing is left to fill. */
  fill(): Promise<void> {
    return this.rounds.round()
  }

  private async work(): Promise<void> {
    while (!this.rounds.isStopping && (await this.window()));
  }

  /** One window of one group. @returns whether there may be more. */
  private window(): Promise<boolean> {
    return this.database.transaction(async (manager) => {
      const [group] = await manager.query<GroupRow[]>(
        `SELECT * FROM device_group WHERE filled_to IS NOT NULL ORDER BY namespace, name LIMIT 1 FOR UPDATE SKIP LOCKED`,
      )
      if (group === undefined || group.filter === null) return false
      const { namespace, name, filter, filled_to: from } = group
      const rows = await manager.query<{ id: string }[]>(
        'SELECT id FROM device WHERE namespace = $1 AND id > $2 ORDER BY id LIMIT $3 FOR NO KEY UPDATE',
        [namespace, from, WINDOW],
      )
      const ids = rows.map(({ id }) => id)
      await this.membership.apply(manager, { namespace, name, filter }, ids)
      const reached = ids.length < WINDOW ? null : (ids.at(-1) ?? null)
      await manager.query('UPDATE device_group SET filled_to = $3 WHERE namespace = $1 AND name = $2', [
        namespace,
        name,
        reached,
      ])
      return true
    })
  }
}
