import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { compileFilter, type CompiledFilter } from '../../domain/targeting/compile-filter.js'
import { groupsNamedBy, type Filter } from '../../domain/targeting/filter.js'
import { parseFilter } from '../../domain/targeting/parse-filter.js'
import { reportStates } from '../../domain/trust/report.js'
import type { SqlParameters } from '../sql-parameters.js'
import { DeviceClasses } from '../rollout/device-classes.service.js'

/** Filters over the devices of one namespace. */
@Injectable()
export class Filters {
  constructor(
    private readonly classes: DeviceClasses,
    private readonly database: DataSource,
  ) {}

  /** One that was understood before. @throws Refusal `FILTER_INVALID` naming the column. */
  parse(namespace: string, text: string): Filter {
    return parseFilter(text, { isClass: this.isClassOf(namespace) })
  }

  /** One that somebody has just written: a group or a state that does not exist is a slip, and would find nobody. @throws as `parse`. */
  async understand(namespace: string, text: string): Promise<Filter> {
    const names = { isClass: this.isClassOf(namespace), states: reportStates }
    const filter = parseFilter(text, names)
    const groups = groupsNamedBy(filter)
    if (groups.length === 0) return filter
    const rows = await this.database.query<{ name: string }[]>(
      'SELECT name FROM device_group WHERE namespace = $1 AND name = ANY ($2::text[])',
      [namespace, groups],
    )
    const known = new Set(rows.map(({ name }) => name))
    return parseFilter(text, { ...names, isGroup: (name) => known.has(name) })
  }

  /**
   * The condition for a query over `device` as `d`; its parameters follow those given. No device that was put out fits.
   * The namespace is the query's affair.
   */
  compile(namespace: string, filter: Filter, parameters: readonly unknown[]): CompiledFilter {
    const findClassId = (name: string): Uint8Array | null => this.classes.findId(namespace, name)
    const compiled = compileFilter(filter, { alias: 'd', parameters, findClassId })
    return { ...compiled, sql: `d.decommissioned_at IS NULL AND (${compiled.sql})` }
  }

  /** The same for a query that is being put together. @param text that was understood when it was stored. */
  conditionOf(namespace: string, text: string, parameters: SqlParameters): string {
    return parameters.adopt((before) => this.compile(namespace, this.parse(namespace, text), before))
  }

  private isClassOf(namespace: string): (name: string) => boolean {
    return (name) => this.classes.findId(namespace, name) !== null
  }
}
