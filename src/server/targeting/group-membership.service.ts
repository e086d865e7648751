import { Injectable } from '@nestjs/common'
import type { EntityManager } from 'typeorm'
import type { FactName } from '../../domain/targeting/filter.js'
import { Filters } from './filters.service.js'

interface GroupFilter {
  readonly namespace: string
  readonly name: string
  readonly filter: string
}

/** Keeps `device.groups` true to the groups' filters. */
@Injectable()
export class GroupMembership {
  constructor(private readonly filters: Filters) {}

  /**
   * Asks the groups that name one of these facts again, for these devices. Their rows are locked by the caller, before this reads
   * which groups there are: a group that is made meanwhile waits for the row and finds it changed.
   */
  async refresh(
    manager: EntityManager,
    namespace: string,
    deviceIds: readonly string[],
    facts: readonly FactName[],
  ): Promise<void> {
    if (deviceIds.length === 0) return
    const groups = await manager.query<GroupFilter[]>(
      'SELECT namespace, name, filter FROM device_group WHERE namespace = $1 AND facts && $2::text[]',
      [namespace, facts],
    )
    for (const group of groups) await this.apply(manager, group, deviceIds)
  }

  /** Puts devices into the group or takes them out, as its filter says. @returns how many changed. */
  async apply(manager: EntityManager, group: GroupFilter, deviceIds: readonly string[]): Promise<number> {
    const { namespace, name } = group
    const filter = this.filters.parse(namespace, group.filter)
    const { sql, parameters } = this.filters.compile(namespace, filter, [namespace, deviceIds, name, [name]])
    const [, changed] = await manager.query<[unknown, number]>(
      `UPDATE device d SET groups = CASE WHEN d.groups @> $4::text[] THEN array_remove(d.groups, $3) ELSE array_append(d.groups, $3) END
       WHERE d.namespace = $1 AND d.id = ANY ($2::text[]) AND ((${sql}) IS TRUE) <> (d.groups @> $4::text[])`,
      [...parameters],
    )
    return changed
  }
}
