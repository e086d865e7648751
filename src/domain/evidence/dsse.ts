import { concat, utf8 } from '../bytes.js'
import { JsonFields } from './json-fields.js'

/** A DSSE envelope (https://github.com/secure-systems-lab/dsse, protocol 1.0.2). Its key ids are hints and prove nothing. */
export interface DsseEnvelope {
  readonly payloadType: string
  readonly payload: Uint8Array
  readonly signatures: readonly { readonly keyId: string; readonly signature: Uint8Array }[]
}

/** More signatures than this are nobody's honest envelope. */
const MAX_SIGNATURES = 16

/** @throws Refusal `DOCUMENT_MALFORMED` naming the member. */
export function parseDsse(bytes: Uint8Array): DsseEnvelope {
  const fields = JsonFields.parse('DSSE envelope', bytes)
  const signatures = fields.objects('signatures')
  if (signatures.length === 0 || signatures.length > MAX_SIGNATURES)
    throw fields.refusal('signatures', `not 1 to ${MAX_SIGNATURES}`)
  return {
    payloadType: fields.text('payloadType', 128),
    payload: readBase64(fields, 'payload', bytes.length),
    signatures: signatures.map((row) => ({
      keyId: row.findText('keyid', 256) ?? '',
      signature: readBase64(row, 'sig', 1_024),
    })),
  }
}

/** What is signed: PAE(type, body) = "DSSEv1" SP LEN(type) SP type SP LEN(body) SP body; lengths in bytes, in decimal. */
export function preAuthEncoding({ payloadType, payload }: DsseEnvelope): Uint8Array {
  const type = utf8(payloadType)
  return concat(utf8(`DSSEv1 ${type.length} `), type, utf8(` ${payload.length} `), payload)
}

/** Either alphabet is allowed, padded or not; stray bits are not. */
function readBase64(fields: JsonFields, key: string, maxLength: number): Uint8Array {
  const text = fields.text(key, maxLength)
  const bytes = Buffer.from(text, 'base64')
  const plain = text.replaceAll('-', '+').replaceAll('_', '/').replace(/=+$/, '')
  if (bytes.toString('base64').replace(/=+$/, '') !== plain) throw fields.refusal(key, 'not base64')
  return new Uint8Array(bytes)
}
