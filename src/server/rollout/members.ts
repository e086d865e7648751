import type { Filters } from '../targeting/filters.service.js'
import { ACTIVE } from './deployment-sql.js'
import type { StepRule } from './release-paths.service.js'
import type { RolloutRecord } from './rollout-record.js'
import { targetOf } from './rollout-target.js'
import { SqlParameters } from '../sql-parameters.js'

/** A query about the devices of one rollout. */
export interface Query {
  readonly text: string
  readonly values: readonly unknown[]
}

/** Devices whose release is news for them, and who may step onto it from what they run. */
function isNewsFor(rollout: RolloutRecord, rule: StepRule, parameters: SqlParameters): string {
  const conditions = [
    `d.running_manifest_sha256 IS DISTINCT FROM ${parameters.add(rollout.manifest_sha256, 'bytea')}`,
    // A device refuses what is older than what it runs (trust.md §5, step 13).
    `coalesce(d.running_sequence, 0) < ${parameters.add(rollout.sequence, 'bigint')}`,
  ]
  if (rule.isRestricted) conditions.push(mayStep(rule, parameters))
  return conditions.join(' AND ')
}

export function mayStep(rule: StepRule & { isRestricted: true }, parameters: SqlParameters): string {
  const from = `d.running_manifest_sha256 = ANY (${parameters.add(rule.from, 'bytea[]')})`
  if (!rule.fromUnknown) return `(${from})`
  const isKnown = `coalesce(d.running_manifest_sha256 = ANY (${parameters.add(rule.known, 'bytea[]')}), false)`
  return `(${from} OR NOT ${isKnown})`
}

/** What decides beside the rollout's own row. */
export interface About {
  readonly rule: StepRule
  readonly filters: Filters
  /** Of one stage, which takes no others. */
  readonly stageFilter?: string | null
}

/** Devices that the rollout, or that stage of it, is about, and for whom its release is news. */
export function isWanted(rollout: RolloutRecord, about: About, parameters: SqlParameters): string {
  const { rule, filters, stageFilter = null } = about
  const conditions = [targetOf(rollout, filters, parameters), isNewsFor(rollout, rule, parameters)]
  if (stageFilter !== null) conditions.push(`(${filters.conditionOf(rollout.namespace, stageFilter, parameters)})`)
  return conditions.join(' AND ')
}

/** How many devices the rollout would still reach that it has not. */
export function countWaiting(rollout: RolloutRecord, about: About): Query {
  const parameters = new SqlParameters()
  const text = `SELECT count(*) AS devices FROM device d WHERE ${isWanted(rollout, about, parameters)}
    AND NOT EXISTS (SELECT 1 FROM deployment p WHERE p.rollout_id = ${parameters.add(rollout.id, 'uuid')} AND p.device_id = d.id)`
  return { text, values: parameters.values }
}

/** @param placed begins a look for the device's place in the rollout. */
const hasPlace: Readonly<Record<Sought, (placed: string) => string>> = {
  new: (placed) => `NOT EXISTS ${placed})`,
  placed: (placed) => `EXISTS ${placed} AND p.state = 'superseded')`,
  any: (placed) => `NOT EXISTS ${placed} AND p.state <> 'superseded')`,
}

/** Ids of devices, separated by spaces: as rows of their own a hundred thousand of them would hold up the event loop. */
export interface IdBatch {
  readonly ids: string
}

/** Devices that have no place in the rollout yet, those that have one and were superseded, or both. */
export type Sought = 'new' | 'placed' | 'any'

/**
 * The next devices of a rollout in its order, `batch` of them a row: not reached yet, or superseded and free again; held by no other
 * rollout, or by one that gives way.
 */
export function findNext(rollout: RolloutRecord, about: About, sought: Sought, most: number, batch: number): Query {
  const parameters = new SqlParameters()
  const wanted = isWanted(rollout, about, parameters)
  const id = parameters.add(rollout.id, 'uuid')
  const next = `SELECT d.id FROM device d WHERE ${wanted}
    AND ${hasPlace[sought](`(SELECT 1 FROM deployment p WHERE p.rollout_id = ${id} AND p.device_id = d.id`)}
    AND NOT EXISTS (SELECT 1 FROM deployment p
      WHERE p.namespace = d.namespace AND p.device_id = d.id AND p.state IN (${ACTIVE}) AND NOT ${givesWay(rollout, parameters)})
    ORDER BY rollout_place(${id}, d.id) LIMIT ${parameters.add(most, 'bigint')}`
  const text = `SELECT string_agg(id, ' ' ORDER BY number) AS ids FROM (SELECT id, row_number() OVER () AS number FROM (${next}) next) numbered
    GROUP BY (number - 1) / ${parameters.add(batch, 'bigint')} ORDER BY min(number)`
  return { text, values: parameters.values }
}

/** `takesOver` of the domain: whether deployment `p` leaves its device to this rollout. */
export function givesWay(rollout: RolloutRecord, parameters: SqlParameters): string {
  const [priority, sequence] = [
    parameters.add(rollout.priority, 'smallint'),
    parameters.add(rollout.sequence, 'bigint'),
  ]
  return `(p.state IN ('queued', 'offered')
    AND p.rollout_id IN (SELECT h.id FROM rollout h WHERE (h.priority, h.sequence) < (${priority}, ${sequence})))`
}
