import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Clock } from '../../domain/clock.js'
import { Refusal } from '../../domain/refusal.js'
import { factsNamedBy } from '../../domain/targeting/filter.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { pageOf, type Page, type PageQuery } from '../request-fields.js'
import { Filters } from './filters.service.js'

export interface GroupRow {
  readonly namespace: string
  readonly name: string
  /** Null: people name the members. */
  readonly filter: string | null
  readonly facts: readonly string[]
  /** Devices up to this id have been looked at; null: all. */
  readonly filled_to: string | null
  readonly changed_at: number
  readonly changed_by: string
}

/** Named sets of devices. */
@Injectable()
export class GroupService {
  constructor(
    private readonly database: DataSource,
    private readonly filters: Filters,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /**
   * Makes a group, or gives it another filter. Its members follow within moments.
   * @throws Refusal `FILTER_INVALID`; `REQUEST_INVALID` for a filter over groups; `CONFLICT` for a change between filter and list.
   */
  async put(name: string, filter: string | null, caller: Caller): Promise<GroupRow> {
    const { namespace } = caller
    const facts = filter === null ? [] : this.factsOf(namespace, filter)
    const changedBy = caller.person ?? caller.label
    await this.database.transaction(async (manager) => {
      const held = await findGroup(manager, namespace, name)
      if (held !== null && (held.filter === null) !== (filter === null))
        throw new Refusal('CONFLICT', {
          what: 'group',
          why: 'a list of devices cannot become a filter, nor the other way',
        })
      if (held?.filter === filter) return
      await manager.query(
        `INSERT INTO device_group (namespace, name, filter, facts, filled_to, changed_at, changed_by)
         VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (namespace, name) DO UPDATE
         SET filter = $3, facts = $4, filled_to = $5, changed_at = $6, changed_by = $7`,
        [namespace, name, filter, facts, filter === null ? null : '', this.clock.nowSeconds(), changedBy],
      )
      const detail = { group: name, filter: filter ?? '' }
      await this.audit.record(manager, { namespace, actor: changedBy, event: 'group.changed', detail })
    })
    return this.get(namespace, name)
  }

  /** @throws Refusal `NOT_FOUND`. */
  async get(namespace: string, name: string): Promise<GroupRow> {
    const row = await findGroup(this.database.manager, namespace, name)
    if (row === null) throw new Refusal('NOT_FOUND', { what: 'group', id: name.slice(0, 64) })
    return row
  }

  async list(namespace: string, page: PageQuery): Promise<Page<GroupRow>> {
    const rows = await this.database.query<GroupRow[]>(
      'SELECT * FROM device_group WHERE namespace = $1 AND name > $2 ORDER BY name LIMIT $3',
      [namespace, page.after ?? '', page.limit + 1],
    )
    return pageOf(
      rows,
      page.limit,
      (row) => row.name,
      (row) => row,
    )
  }

  /** The group is gone at once, its mark on devices within moments. */
  async remove(name: string, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.get(namespace, name)
    await this.database.transaction(async (manager) => {
      await manager.query('DELETE FROM device_group WHERE namespace = $1 AND name = $2', [namespace, name])
      await manager.query(
        'UPDATE device SET groups = array_remove(groups, $2) WHERE namespace = $1 AND groups @> $3::text[]',
        [namespace, name, [name]],
      )
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'group.removed', detail: { group: name } })
    })
  }

  /** Puts devices into a group that people list, and takes others out. @returns how many are in it that were named, now. */
  async change(name: string, add: readonly string[], remove: readonly string[], caller: Caller): Promise<number> {
    const { namespace } = caller
    return this.database.transaction(async (manager) => {
      const group = await findGroup(manager, namespace, name)
      if (group === null) throw new Refusal('NOT_FOUND', { what: 'group', id: name.slice(0, 64) })
      if (group.filter !== null) throw new Refusal('CONFLICT', { what: 'group', why: 'its filter says who is in it' })
      await manager.query(
        'UPDATE device SET groups = array_remove(groups, $2) WHERE namespace = $1 AND id = ANY ($3::text[])',
        [namespace, name, remove],
      )
      const [, added] = await manager.query<[unknown, number]>(
        `UPDATE device SET groups = array_append(array_remove(groups, $2), $2) WHERE namespace = $1 AND id = ANY ($3::text[])`,
        [namespace, name, add],
      )
      const detail = { group: name, added, removed: remove.length }
      const actor = caller.person ?? caller.label
      await this.audit.record(manager, { namespace, actor, event: 'group.members-changed', detail })
      return added
    })
  }

  private factsOf(namespace: string, text: string): string[] {
    const facts = [...factsNamedBy(this.filters.parse(namespace, text))]
    if (facts.includes('group'))
      throw new Refusal('REQUEST_INVALID', { field: 'filter', why: 'a group is not made of groups' })
    return facts
  }
}

async function findGroup(manager: EntityManager, namespace: string, name: string): Promise<GroupRow | null> {
  const [row] = await manager.query<GroupRow[]>('SELECT * FROM device_group WHERE namespace = $1 AND name = $2', [
    namespace,
    name,
  ])
  return row ?? null
}
