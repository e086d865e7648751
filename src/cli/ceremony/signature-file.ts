import { z } from 'zod'
import { findBase64Url, sha256, toBase64Url, toHex } from '../../domain/bytes.js'
import { parseProtected } from '../../domain/cose/headers.js'
import { encodeSign, makeOneSignature, type OneSignature } from '../../domain/cose/sign.js'
import type { MessageSigner } from '../../domain/cose/sign1.js'
import { Refusal } from '../../domain/refusal.js'
import { labelOf } from '../../domain/trust/labels.js'
import { createLocalFile } from '../local-file.js'
import { readSpecFile } from './spec-file.js'

/** Documents that several holders sign, each on their own machine. */
export type CeremonyDocument = 'root' | 'policy'

const bytes = z.string().refine((text) => findBase64Url(text) !== null, 'not base64url')
const SignatureFile = z.strictObject({
  format: z.literal('countersign-signature/v1'),
  document: z.enum(['root', 'policy']),
  payloadSha256: z.string().regex(/^[0-9a-f]{64}$/),
  signer: z.string(),
  protected: bytes,
  signature: bytes,
})

/** Signs the payload as one holder and writes the signature to a file of its own. @throws Refusal `FILE_EXISTS`. */
export async function writeSignatureFile(
  document: CeremonyDocument,
  payload: Uint8Array,
  holder: { readonly person: string; readonly signer: MessageSigner },
  path: string,
): Promise<void> {
  const one = await makeOneSignature(holder.signer, payload, labelOf(document))
  const file: z.infer<typeof SignatureFile> = {
    format: 'countersign-signature/v1',
    document,
    payloadSha256: toHex(sha256(payload)),
    signer: holder.person,
    protected: toBase64Url(one.protectedBytes),
    signature: toBase64Url(one.signature),
  }
  createLocalFile(path, `${JSON.stringify(file, null, 2)}\n`, 0o644)
}

function readSignatureFile(path: string, document: CeremonyDocument, payload: Uint8Array): OneSignature {
  const file = readSpecFile(path, SignatureFile)
  const expected = toHex(sha256(payload))
  if (file.document !== document)
    throw new Refusal('REQUEST_INVALID', {
      field: path,
      why: `a signature of a ${file.document}, not of a ${document}`,
    })
  if (file.payloadSha256 !== expected)
    throw new Refusal('DIGEST_MISMATCH', { what: path, expected, found: file.payloadSha256 })
  const protectedBytes = findBase64Url(file.protected) ?? new Uint8Array(0)
  const signature = findBase64Url(file.signature) ?? new Uint8Array(0)
  return { ...parseProtected(protectedBytes), protectedBytes, signature }
}

/**
 * Puts the signatures of all holders to the payload. Whether they suffice is judged by the caller, on the whole document.
 * @throws Refusal `DIGEST_MISMATCH` for a signature over another payload, `REQUEST_INVALID`, `FILE_UNREADABLE`.
 */
export const assembleDocument = (
  document: CeremonyDocument,
  payload: Uint8Array,
  files: readonly string[],
): Uint8Array =>
  encodeSign(
    payload,
    files.map((path) => readSignatureFile(path, document, payload)),
  )
