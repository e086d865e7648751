import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Filters } from '../targeting/filters.service.js'
import { zoneOf } from './device-zones.service.js'
import { countWaiting, isWanted } from './members.js'
import { ReleasePaths } from './release-paths.service.js'
import type { RolloutRecord } from './rollout-record.js'
import { targetOf } from './rollout-target.js'
import { SqlParameters } from '../sql-parameters.js'

/** Devices of a rollout by what they run and what they know. */
export interface Census {
  readonly target: number
  /** May have the release. */
  readonly reached: number
  readonly alreadyOnIt: number
  readonly newer: number
  readonly noPath: number
  /** Of those, clients that verify nothing of ours. */
  readonly legacy: number
  readonly staleTrust: { readonly behindRoot: number; readonly behindKrl: number; readonly neverReported: number }
  readonly ways: readonly {
    readonly version: string | null
    readonly devices: number
    readonly via: readonly string[] | null
  }[]
}

interface CensusRow {
  readonly manifest: Buffer | null
  readonly devices: number
  readonly newer: number
  readonly old_legacy: number
  readonly behind_root: number
  readonly behind_krl: number
  readonly silent: number
}

/** The zones of the first devices are looked up one by one; those of the others are as the whole fleet's. */
const EXACT_DEVICES = 2_000

/** Counts the devices a rollout is about: one look at each, whatever is asked. */
@Injectable()
export class PlanCensus {
  constructor(
    private readonly database: DataSource,
    private readonly paths: ReleasePaths,
    private readonly filters: Filters,
  ) {}

  async take(row: RolloutRecord, rootVersion: number, krlNumber: number): Promise<Census> {
    const parameters = new SqlParameters()
    const target = targetOf(row, this.filters, parameters)
    const isNewer = `d.running_sequence >= ${parameters.add(row.sequence, 'bigint')}`
    const rows = await this.database.query<CensusRow[]>(
      `SELECT d.running_manifest_sha256 AS manifest, count(*) AS devices, count(*) FILTER (WHERE ${isNewer}) AS newer,
         count(*) FILTER (WHERE d.protocol <> 'native' AND (${isNewer}) IS NOT TRUE) AS old_legacy,
         count(*) FILTER (WHERE d.root_version < ${parameters.add(rootVersion, 'bigint')}) AS behind_root,
         count(*) FILTER (WHERE d.krl_number < ${parameters.add(krlNumber, 'bigint')}) AS behind_krl,
         count(*) FILTER (WHERE d.reported_ms IS NULL) AS silent
       FROM device d WHERE ${target} GROUP BY d.running_manifest_sha256`,
      parameters.values,
    )
    const wayFrom = await this.paths.waysTo(row.namespace, row.class_id, row.manifest_sha256)
    const isOnIt = (each: CensusRow): boolean => each.manifest?.equals(row.manifest_sha256) === true
    const others = rows.filter((each) => !isOnIt(each)).map((each) => ({ ...each, ...wayFrom(each.manifest) }))
    const old = (each: CensusRow): number => each.devices - each.newer
    const blocked = others.filter((each) => each.path.kind !== 'direct')
    const sum = <T>(list: readonly T[], of: (each: T) => number): number =>
      list.reduce((total, each) => total + of(each), 0)
    return {
      target: sum(rows, (each) => each.devices),
      reached: sum(others, old) - sum(blocked, old),
      alreadyOnIt: sum(rows.filter(isOnIt), (each) => each.devices),
      newer: sum(others, (each) => each.newer),
      noPath: sum(blocked, old),
      legacy: sum(others, (each) => each.old_legacy) - sum(blocked, (each) => each.old_legacy),
      staleTrust: {
        behindRoot: sum(rows, (each) => each.behind_root),
        behindKrl: sum(rows, (each) => each.behind_krl),
        neverReported: sum(rows, (each) => each.silent),
      },
      ways: blocked
        .filter((each) => old(each) > 0)
        .map((each) => ({
          version: each.version,
          devices: old(each),
          via: each.path.kind === 'via' ? each.path.versions : null,
        })),
    }
  }

  /** How many devices a stage with a filter of its own can take at most. */
  async countFitting(row: RolloutRecord, stageFilter: string): Promise<number> {
    const rule = await this.paths.stepRule(row.namespace, row.class_id, row.manifest_sha256)
    const { text, values } = countWaiting(row, { rule, filters: this.filters, stageFilter })
    const [found] = await this.database.query<{ devices: number }[]>(text, [...values])
    return found?.devices ?? 0
  }

  /** Devices of each stage by time zone. */
  async zonesByStage(
    row: RolloutRecord,
    sizes: readonly number[],
    otherwise: string,
  ): Promise<readonly ReadonlyMap<string, number>[]> {
    const [first, all] = [await this.firstZones(row), await this.zoneCounts(row)]
    const devices = all.reduce((sum, each) => sum + each.devices, 0)
    let begin = 0
    return sizes.map((size) => {
      const share = new Map<string, number>()
      const add = (zone: string | null, count: number) => {
        const name = zoneOf(zone, otherwise)
        share.set(name, (share.get(name) ?? 0) + count)
      }
      const exact = first.slice(begin, begin + size)
      for (const zone of exact) add(zone, 1)
      const rest = size - exact.length
      if (rest > 0) for (const each of all) add(each.zone, (each.devices / devices) * rest)
      begin += size
      return share
    })
  }

  private async firstZones(row: RolloutRecord): Promise<readonly (string | null)[]> {
    const { where, parameters } = await this.reached(row)
    const rows = await this.database.query<{ zone: string | null }[]>(
      `SELECT d.attributes ->> 'timeZone' AS zone FROM device d WHERE ${where}
       ORDER BY rollout_place(${parameters.add(row.id, 'uuid')}, d.id) LIMIT ${EXACT_DEVICES}`,
      parameters.values,
    )
    return rows.map((each) => each.zone)
  }

  private async zoneCounts(row: RolloutRecord): Promise<readonly { zone: string | null; devices: number }[]> {
    const { where, parameters } = await this.reached(row)
    return this.database.query(
      `SELECT d.attributes ->> 'timeZone' AS zone, count(*) AS devices FROM device d WHERE ${where} GROUP BY 1`,
      parameters.values,
    )
  }

  private async reached(row: RolloutRecord): Promise<{ where: string; parameters: SqlParameters }> {
    const rule = await this.paths.stepRule(row.namespace, row.class_id, row.manifest_sha256)
    const parameters = new SqlParameters()
    return { where: isWanted(row, { rule, filters: this.filters }, parameters), parameters }
  }
}
