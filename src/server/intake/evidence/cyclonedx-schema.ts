import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import type { Spec } from '@cyclonedx/cyclonedx-library'
import { Ajv, type ValidateFunction } from 'ajv'
import formats from 'ajv-formats'

/** The first thing that a schema does not allow. */
export interface SchemaIssue {
  /** JSON pointer to it. */
  readonly at: string
  readonly why: string
}

const require = createRequire(import.meta.url)
const folder = join(dirname(require.resolve('@cyclonedx/cyclonedx-library/package.json')), 'res/schema')
/** It ships no types. */
const draft2019 = require('ajv-formats-draft2019') as (
  ajv: Ajv,
  options: { readonly formats: readonly string[] },
) => Ajv
const readSchema = (name: string): object =>
  JSON.parse(readFileSync(join(folder, `${name}.SNAPSHOT.schema.json`), 'utf8')) as object
const validators = new Map<Spec.Version, ValidateFunction>()

/**
 * Holds a document against the strict schema of its version, as the CycloneDX library ships it. The library's own validator compares
 * each component with each other one for `uniqueItems`; 5,000 of them take it 20 seconds.
 * @returns null for a valid one.
 */
export function findSchemaIssue(version: Spec.Version, json: unknown): SchemaIssue | null {
  const validate = validators.get(version) ?? compile(version)
  validators.set(version, validate)
  if (validate(json)) return null
  const [first] = validate.errors ?? []
  return { at: first?.instancePath ?? '', why: first?.message ?? 'not valid' }
}

function compile(version: Spec.Version): ValidateFunction {
  const ajv = new Ajv({ strict: false, addUsedSchema: false })
  formats.default(ajv)
  draft2019(ajv, { formats: ['idn-email'] })
  // What it adds to a URI reference nobody here has a check for.
  ajv.addFormat('iri-reference', true)
  ajv.removeKeyword('uniqueItems')
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (isWanted: boolean, items: readonly unknown[]) => !isWanted || areUnique(items),
    error: { message: 'must NOT have duplicate items' },
  })
  for (const name of ['spdx', 'cryptography-defs', 'jsf-0.82']) {
    ajv.addSchema(readSchema(name), `http://cyclonedx.org/schema/${name}.SNAPSHOT.schema.json`)
  }
  const isApart = version === '1.2' || version === '1.3'
  return ajv.compile(readSchema(`bom-${version}${isApart ? '-strict' : ''}`))
}

const areUnique = (items: readonly unknown[]): boolean => new Set(items.map(textOf)).size === items.length

/** The same for values that JSON Schema takes for equal: members have no order (draft 7, §6.4.5). */
const textOf = (value: unknown): string => JSON.stringify(value, (_, each: unknown) => sorted(each))

const sorted = (value: unknown): unknown =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
    ? Object.fromEntries(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : value
