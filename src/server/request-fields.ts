import { z } from 'zod'
import { findBase64Url, fromHex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'

/** Shapes that many calls share. Bytes come as base64url, digests and key ids as lower-case hex. */
export const bytesField = (maxBytes: number): z.ZodType<Uint8Array, string> =>
  z
    .string()
    .max(Math.ceil((maxBytes * 4) / 3))
    .transform((text, context) => {
      const bytes = findBase64Url(text)
      if (bytes !== null && bytes.length > 0) return bytes
      context.addIssue({ code: 'custom', message: 'not unpadded base64url' })
      return z.NEVER
    })

const DEFAULT_LIMIT = 100
const MAX_LIMIT = 1_000

/** `?limit=&after=`: every list ends, and goes on after the id that `next` named. */
export const pageQuery = z.object({
  limit: z.coerce.number().int().min(1).max(MAX_LIMIT).default(DEFAULT_LIMIT),
  after: z.string().max(128).optional(),
})
export type PageQuery = Readonly<z.infer<typeof pageQuery>>

export interface Page<T> {
  readonly items: readonly T[]
  /** Pass as `after` for what follows; null at the end. */
  readonly next: string | null
}

/** @param rows one more than `limit` was asked for; so a further page is known without counting. */
export function pageOf<R, T>(
  rows: readonly R[],
  limit: number,
  idOf: (row: R) => string,
  view: (row: R) => T,
): Page<T> {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return { items: shown.map(view), next: rows.length > limit && last !== undefined ? idOf(last) : null }
}

/** @throws Refusal `REQUEST_INVALID` for anything but 64 lower-case hex digits. */
export function requireSha256(field: string, text: string): Uint8Array {
  if (!/^[0-9a-f]{64}$/.test(text)) throw new Refusal('REQUEST_INVALID', { field, why: 'not 64 lower-case hex digits' })
  return fromHex(text)
}

/** An id that cannot exist is answered like one that does not. */
export function requireUuid(what: string, id: string): string {
  if (!/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(id))
    throw new Refusal('NOT_FOUND', { what, id: id.slice(0, 64) })
  return id
}

/** A place in a list that is numbered. @throws Refusal `REQUEST_INVALID`. */
export function requirePosition(field: string, text: string, what: string): number {
  const position = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  if (Number.isSafeInteger(position)) return position
  throw new Refusal('REQUEST_INVALID', { field, why: `not the position of ${what}` })
}
