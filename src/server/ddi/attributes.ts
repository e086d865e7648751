import { Refusal } from '../../domain/refusal.js'

export type Attributes = Readonly<Record<string, string>>

const MAX_LENGTH = 128
const MAX_ATTRIBUTES = 100

/** @throws Refusal `REQUEST_INVALID`, `RATE_EXCEEDED`: what hawkBit answers with 400 and 429. */
export function mergeAttributes(held: Attributes, data: Attributes, mode: 'merge' | 'replace' | 'remove'): Attributes {
  const names = new Set(Object.keys(data))
  if (mode === 'remove') return Object.fromEntries(Object.entries(held).filter(([name]) => !names.has(name)))
  for (const [name, value] of Object.entries(data)) requireShort(name, value)
  const merged = mode === 'replace' ? { ...data } : { ...held, ...data }
  if (Object.keys(merged).length > MAX_ATTRIBUTES)
    throw new Refusal('RATE_EXCEEDED', { limit: MAX_ATTRIBUTES, what: 'attributes' })
  return merged
}

function requireShort(name: string, value: string): void {
  const why = `a name or value that is empty or longer than ${MAX_LENGTH} characters`
  if (name.length < 1 || name.length > MAX_LENGTH || value.length > MAX_LENGTH)
    throw new Refusal('REQUEST_INVALID', { field: `data.${name.slice(0, 32)}`, why })
  if (`${name}${value}`.includes('\0')) throw new Refusal('REQUEST_INVALID', { field: `data`, why: 'a NUL character' })
}
