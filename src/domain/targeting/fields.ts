/** What kind of thing a column of a device is compared with. */
export type FieldType = 'text' | 'number' | 'version'

/** Facts that every device has a place for. Any other name is an attribute that the device, or people, gave it. */
export const columnTypes = {
  id: 'text',
  class: 'text',
  state: 'text',
  version: 'version',
  sequence: 'number',
  root: 'number',
  krl: 'number',
} as const satisfies Readonly<Record<string, FieldType>>
export type ColumnName = keyof typeof columnTypes

export type Field =
  { readonly kind: 'column'; readonly name: ColumnName } | { readonly kind: 'attribute'; readonly name: string }

const isColumn = (name: string): name is ColumnName => Object.hasOwn(columnTypes, name)

/** A bare name is a column where there is one of that name, else an attribute; a name in quotes is always an attribute. */
export const fieldOf = (name: string, isQuoted: boolean): Field =>
  !isQuoted && isColumn(name) ? { kind: 'column', name } : { kind: 'attribute', name }

/** What a device is, for a filter. Null: not known, for instance before its first report. */
export interface DeviceFacts {
  readonly id: string
  readonly class: string | null
  /** State of its last verified report. */
  readonly state: string | null
  /** Of the release that it runs. */
  readonly version: string | null
  readonly sequence: number | null
  readonly root: number | null
  readonly krl: number | null
  readonly tags: ReadonlySet<string>
  readonly groups: ReadonlySet<string>
  readonly attributes: ReadonlyMap<string, string>
}
