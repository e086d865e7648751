import { z } from 'zod'
import { findBase64Url, toBase64Url } from '../../domain/bytes.js'
import { decodeCbor } from '../../domain/cbor/decode.js'
import { encodeCbor } from '../../domain/cbor/encode.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, type CoseKey } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import { isNamespace } from '../../domain/trust/fields.js'
import { readLocalText } from '../local-file.js'

/** Seconds since the epoch, or a UTC time such as 2026-03-01T00:00:00Z. */
export const Time = z.union([
  z.number().int().min(0),
  z.iso.datetime().transform((text) => Math.floor(Date.parse(text) / 1000)),
])
export const Namespace = z.string().refine(isNamespace, 'not product/environment')
export const Whole = z.number().int().min(0)

/** A public key as `key show` and the signer's `keygen` print it; a keyId beside it must be its thumbprint. */
export const KeyEntry = z.looseObject({
  publicKey: z.string().refine((text) => findBase64Url(text) !== null, 'not base64url'),
  keyId: z.string().optional(),
})

/** @throws Refusal `REQUEST_INVALID` at `field`, `KEY_MALFORMED`. */
export function readKeyEntry(entry: z.infer<typeof KeyEntry>, field: string): CoseKey {
  const key = coseKeyFromCbor(decodeCbor(findBase64Url(entry.publicKey) ?? new Uint8Array(0)))
  if (entry.keyId !== undefined && entry.keyId !== keyIdHexOf(key))
    throw new Refusal('REQUEST_INVALID', { field, why: 'keyId is not the thumbprint of publicKey' })
  return key
}

/** A public key as `KeyEntry` reads it. */
export const publicKeyText = (key: CoseKey): string => toBase64Url(encodeCbor(coseKeyToCbor(key)))

/** Reads a JSON file of a ceremony. @throws Refusal `FILE_UNREADABLE`, `REQUEST_INVALID` naming the field. */
export function readSpecFile<T>(path: string, schema: z.ZodType<T>): T {
  let json: unknown
  try {
    json = JSON.parse(readLocalText(path))
  } catch (error) {
    if (error instanceof Refusal) throw error
    throw new Refusal('FILE_UNREADABLE', { path, why: 'no JSON' }, { cause: error })
  }
  const parsed = schema.safeParse(json)
  if (parsed.success) return parsed.data
  const issue = parsed.error.issues[0]
  throw new Refusal('REQUEST_INVALID', { field: issue?.path.join('.') ?? '', why: issue?.message ?? 'malformed' })
}
