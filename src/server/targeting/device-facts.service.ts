import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import type { Caller } from '../access/caller.decorator.js'
import { AuditService } from '../audit/audit.service.js'
import { Filters } from './filters.service.js'
import { GroupMembership } from './group-membership.service.js'

const MAX_ATTRIBUTES = 100
const MAX_TAGS = 100
/** Devices changed in one transaction. */
const WINDOW = 1_000

/** What is said about a device; null takes an attribute away. */
export interface FactChange {
  readonly attributes: Readonly<Record<string, string | null>>
  readonly addTags: readonly string[]
  readonly removeTags: readonly string[]
}

/** Attributes and tags, as people and clients set them. */
@Injectable()
export class DeviceFactsService {
  constructor(
    private readonly database: DataSource,
    private readonly filters: Filters,
    private readonly membership: GroupMembership,
    private readonly audit: AuditService,
  ) {}

  /** @throws Refusal `NOT_FOUND`, `REQUEST_INVALID` for too many. */
  async changeOne(id: string, change: FactChange, caller: Caller): Promise<void> {
    const { namespace } = caller
    await this.database.transaction(async (manager) => {
      if ((await this.apply(manager, namespace, [id], change)) === 0)
        throw new Refusal('NOT_FOUND', { what: 'device', id: id.slice(0, 64) })
      await this.record(manager, caller, change, { device: id })
    })
  }

  /**
   * Changes the next devices that fit the filter, in the order of their ids. Safe to repeat.
   * @returns `next`: pass as `after` for those that follow; null when there are none.
   */
  async changeMany(
    text: string,
    change: FactChange,
    after: string,
    caller: Caller,
  ): Promise<{ devices: number; next: string | null }> {
    const { namespace } = caller
    const filter = await this.filters.understand(namespace, text)
    const { sql, parameters } = this.filters.compile(namespace, filter, [namespace, after, WINDOW])
    return this.database.transaction(async (manager) => {
      const rows = await manager.query<{ id: string }[]>(
        `SELECT d.id FROM device d WHERE d.namespace = $1 AND d.id > $2 AND (${sql}) ORDER BY d.id LIMIT $3`,
        [...parameters],
      )
      const ids = rows.map(({ id }) => id)
      await this.apply(manager, namespace, ids, change)
      const next = ids.length < WINDOW ? null : (ids.at(-1) ?? null)
      if (ids.length > 0) await this.record(manager, caller, change, { filter: text, devices: ids.length })
      return { devices: ids.length, next }
    })
  }

  /** Changes these devices and their groups in the caller's transaction. @returns how many there are. */
  async apply(manager: EntityManager, namespace: string, ids: readonly string[], change: FactChange): Promise<number> {
    const rows = await manager.query<{ id: string }[]>(
      'SELECT id FROM device WHERE namespace = $1 AND id = ANY ($2::text[]) ORDER BY id FOR NO KEY UPDATE',
      [namespace, ids],
    )
    if (rows.length === 0) return 0
    const names = Object.keys(change.attributes)
    const set = Object.fromEntries(Object.entries(change.attributes).filter(([, value]) => value !== null))
    const [full] = await manager.query<[{ attributes: number; tags: number }[], number]>(
      `UPDATE device d SET attributes = (d.attributes - $3::text[]) || $4::jsonb,
         tags = ARRAY(SELECT unnest(d.tags || $5::text[]) EXCEPT SELECT unnest($6::text[]) ORDER BY 1)
       WHERE d.namespace = $1 AND d.id = ANY ($2::text[])
       RETURNING (SELECT count(*) FROM jsonb_object_keys(d.attributes)) AS attributes, cardinality(d.tags) AS tags`,
      [namespace, rows.map(({ id }) => id), names, JSON.stringify(set), change.addTags, change.removeTags],
    )
    requireFewer(
      'attributes',
      MAX_ATTRIBUTES,
      full.map(({ attributes }) => attributes),
    )
    requireFewer(
      'tags',
      MAX_TAGS,
      full.map(({ tags }) => tags),
    )
    const tagged = change.addTags.length + change.removeTags.length > 0 ? ['tag'] : []
    const facts = [...names.map((name) => `attribute/${name}`), ...tagged]
    await this.membership.refresh(
      manager,
      namespace,
      rows.map(({ id }) => id),
      facts,
    )
    return rows.length
  }

  /** How many devices fit. */
  async count(namespace: string, text: string): Promise<number> {
    const { sql, parameters } = this.filters.compile(namespace, await this.filters.understand(namespace, text), [
      namespace,
    ])
    const [row] = await this.database.query<{ devices: number }[]>(
      `SELECT count(*) AS devices FROM device d WHERE d.namespace = $1 AND (${sql})`,
      [...parameters],
    )
    return row?.devices ?? 0
  }

  private async record(
    manager: EntityManager,
    caller: Caller,
    { attributes, addTags, removeTags }: FactChange,
    whom: Readonly<Record<string, string | number>>,
  ): Promise<void> {
    const detail = {
      ...whom,
      attributes: Object.keys(attributes).join(),
      added: addTags.join(),
      removed: removeTags.join(),
    }
    const actor = caller.person ?? caller.label
    await this.audit.record(manager, { namespace: caller.namespace, actor, event: 'device.facts-changed', detail })
  }
}

function requireFewer(field: string, limit: number, counts: readonly number[]): void {
  if (counts.some((count) => count > limit))
    throw new Refusal('REQUEST_INVALID', { field, why: `a device has at most ${limit}` })
}
