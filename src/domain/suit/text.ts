import { decodeCbor } from '../cbor/decode.js'
import { encodeCbor } from '../cbor/encode.js'
import { cborMap } from '../cbor/value.js'
import { Refusal } from '../refusal.js'

/** What people read about a release. Severed: devices need it not, signers and approvers do. */
export interface ManifestText {
  /** manifest-description, at most 4,096 characters. */
  readonly description: string
}

const LIMIT = 4_096

/** CDDL: { "en" => { 1 => tstr } } */
export const encodeText = (text: ManifestText): Uint8Array =>
  encodeCbor(cborMap([['en', cborMap([[1, text.description]])]]))

/** @throws Refusal `MANIFEST_TEMPLATE` for anything beyond one English description. */
export function parseText(bytes: Uint8Array): ManifestText {
  const map = decodeCbor(bytes, { maxBytes: 32_768, maxDepth: 3 })
  const english = map instanceof Map && map.size === 1 ? map.get('en') : undefined
  const description = english instanceof Map && english.size === 1 ? english.get(1) : undefined
  if (typeof description !== 'string' || description.length > LIMIT)
    throw new Refusal('MANIFEST_TEMPLATE', {
      at: 'text',
      why: `not one English description of at most ${LIMIT} characters`,
    })
  return { description }
}
