import { Refusal } from '../refusal.js'
import { columnTypes, fieldOf, type Field, type FieldType } from './fields.js'
import type { Comparison, Filter } from './filter.js'
import { filterRefusal, NUMBER, tokensOf, type Token } from './tokens.js'
import { versionKeyOf } from './version-key.js'

/** Far more than a person writes, far less than the stack holds. */
const MAX_NESTING = 100
const RESERVED = new Set(['and', 'or', 'not', 'in', 'tag', 'group', 'has', 'all'])
const COMPARISONS: ReadonlySet<string> = new Set(['=', '!=', '<', '<=', '>', '>='])

/** What names in a filter may mean where it is used. */
export interface FilterNames {
  isClass(name: string): boolean
  /** Left out where the group was there when the filter was written, and may have been removed since. */
  isGroup?(name: string): boolean
  /** What devices can say they are in; left out where the filter was written before. */
  readonly states?: readonly string[]
}

/**
 * Reads a filter: `all`, `class = "gateway-r2" and (tag canary or version < 1.4.0)`, `not site in ("berlin", "lyon")`, `has serial`.
 * `not` binds closest, then `and`, then `or`. @returns one form for one meaning; `formatFilter` writes it.
 * @throws Refusal `FILTER_INVALID` naming the column, counted from 1.
 */
export const parseFilter = (text: string, names: FilterNames): Filter => new Reading(tokensOf(text), names).whole()

class Reading {
  private at = 0
  private nesting = 0
  constructor(
    private readonly tokens: readonly Token[],
    private readonly names: FilterNames,
  ) {}

  whole(): Filter {
    const filter = this.either()
    const { kind, column, value } = this.next
    if (kind !== 'end')
      throw filterRefusal(column, `${JSON.stringify(value)} is one too many: and, or or the end was expected`)
    return filter
  }

  private get next(): Token {
    return this.tokens[this.at] ?? { kind: 'end', value: '', column: 1 }
  }

  private take(): Token {
    const token = this.next
    if (token.kind !== 'end') this.at += 1
    return token
  }

  private takes(kind: Token['kind'], value: string): boolean {
    const isIt = this.next.kind === kind && this.next.value === value
    if (isIt) this.at += 1
    return isIt
  }

  private either(): Filter {
    return this.chain('or', () => this.both())
  }

  private both(): Filter {
    return this.chain('and', () => this.one())
  }

  /** Flat, however long: a chain of a thousand does not nest. */
  private chain(word: 'and' | 'or', part: () => Filter): Filter {
    const filters = [part()]
    while (this.takes('word', word)) filters.push(part())
    return joined(word, filters)
  }

  private one(): Filter {
    const { column } = this.next
    if (this.takes('word', 'not')) return { kind: 'not', filter: this.nested(column, () => this.one()) }
    if (this.takes('sign', '(')) {
      const filter = this.nested(column, () => this.either())
      this.require(')')
      return filter
    }
    if (this.takes('word', 'all')) return { kind: 'all' }
    if (this.takes('word', 'tag')) return { kind: 'tag', name: this.name('a tag') }
    if (this.takes('word', 'group')) return this.group()
    if (this.takes('word', 'has')) return { kind: 'has', attribute: this.name('an attribute') }
    return this.comparison()
  }

  private group(): Filter {
    const { column } = this.next
    const name = this.name('a group')
    if (this.names.isGroup?.(name) === false) throw filterRefusal(column, `no group ${JSON.stringify(name)} here`)
    return { kind: 'group', name }
  }

  private nested(column: number, part: () => Filter): Filter {
    this.nesting += 1
    if (this.nesting > MAX_NESTING) throw filterRefusal(column, `more than ${MAX_NESTING} levels of brackets and not`)
    const filter = part()
    this.nesting -= 1
    return filter
  }

  private require(sign: string): void {
    const { column } = this.next
    if (!this.takes('sign', sign)) throw filterRefusal(column, `${sign} was expected`)
  }

  /** After `tag`, `group`, `has`, and before a comparison: a bare word, or anything in quotes. */
  private name(what: string): string {
    const { kind, value, column } = this.take()
    if (kind === 'text' || (kind === 'word' && !RESERVED.has(value))) return value
    throw filterRefusal(column, `the name of ${what} was expected`)
  }

  private comparison(): Filter {
    const isQuoted = this.next.kind === 'text'
    const field = fieldOf(this.name('a column or an attribute'), isQuoted)
    if (this.takes('word', 'in')) return this.list(field)
    const { column } = this.next
    if (this.takes('word', 'not')) {
      if (!this.takes('word', 'in')) throw filterRefusal(this.next.column, 'in was expected')
      return this.nested(column, () => ({ kind: 'not', filter: this.list(field) }))
    }
    const { kind, value: sign, column: place } = this.take()
    if (kind !== 'sign' || !COMPARISONS.has(sign))
      throw filterRefusal(place, `one of = != < <= > >= in was expected after ${field.name}`)
    if (sign === '!=') return { kind: 'not', filter: this.compared(field, '=') }
    return this.compared(field, sign as Comparison)
  }

  /** What nobody can be is a slip, and would find nobody. */
  private requireKnown(name: string, value: string, column: number): void {
    const { states } = this.names
    if (name === 'class' && !this.names.isClass(value))
      throw filterRefusal(column, `no device class ${JSON.stringify(value)} here`)
    if (name === 'state' && states?.includes(value) === false)
      throw filterRefusal(column, `no state ${JSON.stringify(value)}: ${states.join(', ')}`)
  }

  private list(field: Field): Filter {
    this.require('(')
    const filters = [this.compared(field, '=')]
    while (this.takes('sign', ',')) filters.push(this.compared(field, '='))
    this.require(')')
    const texts = filters.flatMap((each) => (each.kind === 'text' ? each.values : []))
    const others = filters.filter((each) => each.kind !== 'text')
    return joined('or', [
      ...(texts.length > 0 ? [{ kind: 'text' as const, field, values: [...new Set(texts)] }] : []),
      ...others,
    ])
  }

  private compared(field: Field, is: Comparison): Filter {
    const token = this.take()
    const { value, column } = token
    const type = typeOf(field, token)
    if (type === 'number') return { kind: type, field, is, value: numberOf(token) }
    if (type === 'version') return { kind: type, field, is, value: versionOf(token) }
    if (is !== '=') throw filterRefusal(column, `${field.name} ${is} takes a number or a version, not a text`)
    if (field.kind === 'column') this.requireKnown(field.name, value, column)
    return { kind: 'text', field, values: [value] }
  }
}

/** A chain in a chain of the same word is one chain. */
function joined(kind: 'and' | 'or', parts: readonly Filter[]): Filter {
  const filters = parts.flatMap((each) => (each.kind === kind ? each.filters : [each]))
  const [only] = filters
  return filters.length === 1 && only !== undefined ? only : { kind, filters }
}

/** A column takes its own type; an attribute is compared as what it is compared with. */
function typeOf(field: Field, { kind, column }: Token): FieldType {
  if (kind !== 'text' && kind !== 'number' && kind !== 'version')
    throw filterRefusal(column, 'a text in quotes, a number or a version was expected')
  if (field.kind === 'attribute') return kind
  const type = columnTypes[field.name]
  if (kind !== type && !(type === 'version' && kind === 'text'))
    throw filterRefusal(column, `${field.name} is compared with a ${type}${type === 'text' ? ' in quotes' : ''}`)
  return type
}

function numberOf({ value, column }: Token): number {
  if (!NUMBER.test(value)) throw filterRefusal(column, 'a number has at most 9 digits, and 6 after the point')
  // -0 is 0, here as in the database.
  return Number(value) + 0
}

function versionOf({ value, column }: Token): ReturnType<typeof versionKeyOf> {
  try {
    return versionKeyOf(value)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
    throw filterRefusal(column, 'a version is like 1.4.0 or 1.4.0-rc.1', { cause: error })
  }
}
