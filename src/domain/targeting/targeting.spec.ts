import { describe, expect, it } from '@jest/globals'
import { refusedBy } from '../../../test/support/refused.js'
import { compileFilter } from './compile-filter.js'
import type { DeviceFacts } from './fields.js'
import { factsNamedBy } from './filter.js'
import { formatFilter } from './format-filter.js'
import { matches } from './matches.js'
import { parseFilter } from './parse-filter.js'

const names = { isClass: (name: string) => name === 'gateway-r2' }
const read = (text: string) => parseFilter(text, names)
const device: DeviceFacts = {
  id: 'a'.repeat(64),
  class: 'gateway-r2',
  state: null,
  version: '1.4.0-rc.2',
  sequence: 7,
  root: null,
  krl: 3,
  tags: new Set(['canary']),
  groups: new Set(['lab']),
  attributes: new Map([
    ['site', 'berlin'],
    ['slots', '4'],
    ['bootloader', '2.1.0'],
    ['serial "x"', 'S-1'],
  ]),
}

describe('a filter', () => {
  it.each([
    'all',
    'class = "gateway-r2" and site in ("berlin", "lyon") and version < 1.4.0 and tag canary and not tag frozen',
    'version >= 1.4.0-rc.1 and version <= "1.4.0-rc.2" and version != 1.4.0',
    'site != "lyon" and site not in ("lyon", "oslo") and has site and not has floor',
    'slots > 3.5 and slots <= 4 and slots = 4.0 and slots in (1, 4) and bootloader >= 2.0.9',
    'tag frozen or group lab and krl >= 3',
    '(tag frozen or group "lab") and not (sequence > 7 or sequence < 7)',
    '"serial \\"x\\"" = "S-1"',
    `id in ("b", "${'a'.repeat(64)}")`,
  ])('fits: %s', (text) => {
    expect(matches(read(text), device)).toBe(true)
  })

  it.each([
    'not all',
    'site = "Berlin"',
    'version < 1.4.0-beta.9',
    'bootloader < 2.1.0',
    'slots < 4',
    'tag canary and tag frozen',
    'has floor',
    // Not known: no comparison holds, whichever way it points.
    'root < 5',
    'root >= 5',
    'floor = "1"',
    'floor < 1.0.0',
    'site < 5',
    'site >= 1.0.0',
    'state = "confirmed"',
  ])('does not fit: %s', (text) => {
    expect(matches(read(text), device)).toBe(false)
    expect(matches(read(`not (${text})`), device)).toBe(true)
  })

  it.each([
    ['', 1, 'the name of a column or an attribute was expected'],
    ['tag canary and', 15, 'the name of a column or an attribute was expected'],
    ['site berlin', 6, 'one of = != < <= > >= in was expected after site'],
    ['site = berlin', 8, 'a text in quotes, a number or a version was expected'],
    ['site = "berlin', 8, 'a text that begins here has no closing quote, or an escape other than \\" and \\\\'],
    ['site = "a\\n"', 8, 'a text that begins here has no closing quote, or an escape other than \\" and \\\\'],
    ['site = "a\0"', 8, 'a text has a character that no device can have'],
    ['site = "\ud800"', 8, 'a text has a character that no device can have'],
    ['site < "berlin"', 8, 'site < takes a number or a version, not a text'],
    ['class = "gateway-r3"', 9, 'no device class "gateway-r3" here'],
    ['class in ("gateway-r2", "x")', 25, 'no device class "x" here'],
    ['class = 5', 9, 'class is compared with a text in quotes'],
    ['sequence = "5"', 12, 'sequence is compared with a number'],
    ['version < 1.4', 11, 'version is compared with a version'],
    ['version < 1.4.0-dev.1', 11, 'a version is like 1.4.0 or 1.4.0-rc.1'],
    ['version = "new"', 11, 'a version is like 1.4.0 or 1.4.0-rc.1'],
    ['slots = 1234567890', 9, 'a number has at most 9 digits, and 6 after the point'],
    ['slots = 1x', 9, 'a number has at most 9 digits, and 6 after the point'],
    ['site in "a"', 9, '( was expected'],
    ['site in ("a" "b")', 14, ') was expected'],
    ['site not "a"', 10, 'in was expected'],
    ['(tag a', 7, ') was expected'],
    ['tag a tag b', 7, '"tag" is one too many: and, or or the end was expected'],
    ['tag and', 5, 'the name of a tag was expected'],
    ['has in', 5, 'the name of an attribute was expected'],
    ['site = "a"; DROP', 11, '";" is not understood here'],
    [`${'('.repeat(101)}tag a`, 101, 'more than 100 levels of brackets and not'],
    [`${'not '.repeat(101)}tag a`, 401, 'more than 100 levels of brackets and not'],
  ])('is refused with its column: %j', (text, column, why) => {
    expect(refusedBy(() => read(text))).toEqual({ code: 'FILTER_INVALID', detail: { column, why } })
  })

  it('has no length that a person meets', () => {
    const sites = Array.from({ length: 5_000 }, (_, index) => `site = "s${index}"`).join(' or ')
    expect(matches(read(`${sites} or site = "berlin"`), device)).toBe(true)
    expect(
      matches(read(`site in (${Array.from({ length: 5_000 }, (_, index) => `"s${index}"`).join(', ')})`), device),
    ).toBe(false)
  })

  it('names the facts it looks at, and no others', () => {
    const text =
      'class = "gateway-r2" and (site = "a" or "class" = "b" or has x) and not (tag t or group g or version < 1.0.0) or all'
    expect([...factsNamedBy(read(text))].toSorted()).toEqual([
      'attribute/class',
      'attribute/site',
      'attribute/x',
      'class',
      'group',
      'tag',
      'version',
    ])
  })

  it('has one written form', () => {
    const text = 'site not in ("a", "a") and (version != 1.2.0-beta.3 or slots in (1, 2)) and "tag" = "x"'
    const written = 'not "site" = "a" and (not version = 1.2.0-beta.3 or "slots" = 1 or "slots" = 2) and "tag" = "x"'
    expect(formatFilter(read(text))).toBe(written)
    expect(read(written)).toEqual(read(text))
  })

  it('puts nothing of its text into the SQL', () => {
    const filter = read(`site = "'; DROP TABLE device --" and "a'b" < 5 and tag "'" and class = "gateway-r2"`)
    const { sql, parameters } = compileFilter(filter, { alias: 'd', parameters: ['first'], findClassId: () => null })
    expect(sql).not.toContain('DROP')
    expect(sql).not.toContain("'b")
    expect(parameters).toEqual(['first', `{"site":"'; DROP TABLE device --"}`, "a'b", 5, ["'"], []])
  })
})
