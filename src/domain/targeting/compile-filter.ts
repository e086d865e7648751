import type { ColumnName, Field } from './fields.js'
import type { Filter } from './filter.js'

/** A condition for WHERE; `$n` in it are places of `parameters`. */
export interface CompiledFilter {
  readonly sql: string
  readonly parameters: readonly unknown[]
}
export interface CompileOptions {
  /** Name of the device table in the query. */
  readonly alias: string
  /** Parameters of the query so far; those of the filter come behind them. */
  readonly parameters?: readonly unknown[]
  /** @returns the class id, 16 bytes; null where there is no such class any more. */
  findClassId(name: string): Uint8Array | null
}

const COLUMNS: Readonly<Record<ColumnName, string>> = {
  id: 'id',
  class: 'class_id',
  state: 'reported_state',
  version: 'version_key',
  sequence: 'running_sequence',
  root: 'root_version',
  krl: 'krl_number',
}
/** As NUMBER of this room reads it. */
const NUMBER_SQL = String.raw`'^-?[0-9]{1,9}(\.[0-9]{1,6})?$'`
/** So many values of an attribute are looked up in the index one by one; more are compared row by row. */
const MAX_LOOKUPS = 8

/**
 * The same filter for PostgreSQL, over the columns of `device` and the function `version_key`. Nothing of the filter's text is
 * in the SQL: names and values are parameters.
 */
export function compileFilter(filter: Filter, options: CompileOptions): CompiledFilter {
  const compiling = new Compiling(options)
  return { sql: compiling.write(filter, false), parameters: compiling.parameters }
}

class Compiling {
  readonly parameters: unknown[]
  constructor(private readonly options: CompileOptions) {
    this.parameters = [...(options.parameters ?? [])]
  }

  /**
   * @param isUnderNot whether a `not` stands above. There "not known" has to be told from "known": SQL's NOT NULL is NULL. Elsewhere
   *   NULL counts as false by itself, and the bare comparison can use an index.
   */
  write(filter: Filter, isUnderNot: boolean): string {
    switch (filter.kind) {
      case 'all':
        return 'true'
      case 'and':
      case 'or':
        return `(${filter.filters.map((each) => this.write(each, isUnderNot)).join(` ${filter.kind.toUpperCase()} `)})`
      case 'not':
        return `NOT ${this.write(filter.filter, true)}`
      case 'tag':
        return `(${this.column('tags')} @> ${this.add([filter.name])}::text[])`
      case 'group':
        return `(${this.column('groups')} @> ${this.add([filter.name])}::text[])`
      case 'has':
        return `(${this.column('attributes')} ? ${this.add(filter.attribute)}::text)`
      case 'text':
        return known(this.text(filter.field, filter.values), isUnderNot)
      case 'number':
        return known(`${this.number(filter.field)} ${filter.is} ${this.add(filter.value)}::numeric`, isUnderNot)
      case 'version':
        return known(`${this.version(filter.field)} ${filter.is} ${this.add(filter.value)}::int[]`, isUnderNot)
    }
  }

  private add(value: unknown): string {
    this.parameters.push(value)
    return `$${this.parameters.length}`
  }

  private column(name: string): string {
    return `${this.options.alias}.${name}`
  }

  private attribute(name: string): string {
    return `(${this.column('attributes')} ->> ${this.add(name)}::text)`
  }

  private text(field: Field, values: readonly string[]): string {
    if (field.kind === 'attribute') return this.attributeText(field.name, values)
    if (field.name !== 'class') return `${this.column(COLUMNS[field.name])} = ANY (${this.add(values)}::text[])`
    const ids = values.flatMap((name) => this.options.findClassId(name) ?? [])
    return `${this.column(COLUMNS.class)} = ANY (${this.add(ids)}::bytea[])`
  }

  private attributeText(name: string, values: readonly string[]): string {
    if (values.length > MAX_LOOKUPS) return `${this.attribute(name)} = ANY (${this.add(values)}::text[])`
    const lookUp = (value: string): string =>
      `${this.column('attributes')} @> ${this.add(JSON.stringify({ [name]: value }))}::jsonb`
    return values.map(lookUp).join(' OR ')
  }

  /** CASE keeps PostgreSQL from reading a text as a number before it has been looked at. */
  private number(field: Field): string {
    if (field.kind === 'column') return this.column(COLUMNS[field.name])
    const text = this.attribute(field.name)
    return `CASE WHEN ${text} ~ ${NUMBER_SQL} THEN ${text}::numeric END`
  }

  private version(field: Field): string {
    return field.kind === 'column' ? this.column(COLUMNS[field.name]) : `version_key(${this.attribute(field.name)})`
  }
}

const known = (condition: string, isUnderNot: boolean): string =>
  isUnderNot ? `((${condition}) IS TRUE)` : `(${condition})`
