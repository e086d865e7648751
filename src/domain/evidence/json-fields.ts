import { Refusal } from '../refusal.js'

/** An object of a JSON document, read member by member. What is not asked for is left alone, as these formats want it. */
export class JsonFields {
  private constructor(
    private readonly document: string,
    private readonly at: string,
    private readonly members: Readonly<Record<string, unknown>>,
  ) {}

  /** @throws Refusal `DOCUMENT_MALFORMED` for anything but an object in well-formed UTF-8. */
  static parse(document: string, bytes: Uint8Array): JsonFields {
    let value: unknown
    try {
      value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes))
    } catch (error) {
      throw new Refusal('DOCUMENT_MALFORMED', { document, field: '', why: 'no JSON' }, { cause: error })
    }
    if (!isObject(value)) throw new Refusal('DOCUMENT_MALFORMED', { document, field: '', why: 'not an object' })
    return new JsonFields(document, '', value)
  }

  has(key: string): boolean {
    return this.value(key) !== undefined && this.value(key) !== null
  }

  text(key: string, maxLength = 2_048): string {
    const value = this.value(key)
    if (typeof value !== 'string' || value.length === 0 || value.length > maxLength)
      throw this.refusal(key, `not a text of 1 to ${maxLength} characters`)
    return value
  }

  /** Absent, null and empty are one: tools write all three. */
  findText(key: string, maxLength = 2_048): string | null {
    return this.has(key) && this.value(key) !== '' ? this.text(key, maxLength) : null
  }

  object(key: string): JsonFields {
    const value = this.value(key)
    if (!isObject(value)) throw this.refusal(key, 'not an object')
    return new JsonFields(this.document, this.path(key), value)
  }

  findObject(key: string): JsonFields | null {
    return this.has(key) ? this.object(key) : null
  }

  /** Objects of an array, 1,000 at most. */
  objects(key: string): JsonFields[] {
    return this.array(key).map((item, index) => {
      const name = `${key}.${index}`
      if (!isObject(item)) throw this.refusal(name, 'not an object')
      return new JsonFields(this.document, this.path(name), item)
    })
  }

  array(key: string): readonly unknown[] {
    const value = this.value(key)
    if (!Array.isArray(value) || value.length > 1_000) throw this.refusal(key, 'not an array of 1,000 at most')
    return value
  }

  refusal(key: string, why: string): Refusal {
    return new Refusal('DOCUMENT_MALFORMED', { document: this.document, field: this.path(key), why })
  }

  private value(key: string): unknown {
    // Members of the object itself: what it inherits is no part of the document.
    return Object.hasOwn(this.members, key) ? this.members[key] : undefined
  }

  private path(key: string): string {
    return this.at === '' ? key : `${this.at}.${key}`
  }
}

const isObject = (value: unknown): value is Readonly<Record<string, unknown>> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)
