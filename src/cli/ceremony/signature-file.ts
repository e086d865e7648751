import { z } from 'zod'
import { findBase64Url, sha256Hex, toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { createLocalFile } from '../local-file.js'
import type { CeremonyName } from './ceremony-kind.js'
import { readSpecFile } from './spec-file.js'

const digest = z.string().regex(/^[0-9a-f]{64}$/)
const SignatureFile = z.strictObject({
  format: z.literal('countersign-signature/v1'),
  document: z.enum(['root', 'policy', 'krl', 'resume-signer', 'clock-reset']),
  payloadSha256: digest,
  signer: z.string().max(64),
  keyId: digest,
  /** By the holder's own clock. */
  signedAt: z.number().int().min(0),
  /** SHA-256 of the version before that the holder saw the difference to; null for a first one. */
  comparedWith: digest.nullable(),
  /** A COSE object with this holder's signature. */
  part: z.string().refine((text) => findBase64Url(text) !== null, 'not base64url'),
})
type SignatureFile = z.infer<typeof SignatureFile>

/** One holder's signature, and what they say about it. */
export interface HolderPart extends Omit<SignatureFile, 'format' | 'document' | 'part' | 'payloadSha256'> {
  readonly part: Uint8Array
}

/** @throws Refusal `FILE_EXISTS`. */
export function writeSignatureFile(
  path: string,
  document: CeremonyName,
  payload: Uint8Array,
  { part, ...holder }: HolderPart,
): void {
  const file: SignatureFile = {
    format: 'countersign-signature/v1',
    document,
    payloadSha256: sha256Hex(payload),
    ...holder,
    part: toBase64Url(part),
  }
  createLocalFile(path, `${JSON.stringify(file, null, 2)}\n`, 0o644)
}

/**
 * Reads a holder's signature of a payload; whether it is good is judged on the whole document.
 * @param comparedWith what the holder had to see the difference to.
 * @throws Refusal `DIGEST_MISMATCH` for another payload or another version before, `REQUEST_INVALID`, `FILE_UNREADABLE`.
 */
export function readSignatureFile(
  path: string,
  document: CeremonyName,
  payload: Uint8Array,
  comparedWith: string | null,
): HolderPart {
  const { format: _, document: found, payloadSha256, part, ...holder } = readSpecFile(path, SignatureFile)
  if (found !== document)
    throw new Refusal('REQUEST_INVALID', { field: path, why: `a signature of a ${found}, not of a ${document}` })
  requireSame(path, sha256Hex(payload), payloadSha256)
  requireSame(`the version before, in ${path}`, comparedWith ?? 'none', holder.comparedWith ?? 'none')
  return { ...holder, part: findBase64Url(part) ?? new Uint8Array(0) }
}

function requireSame(what: string, expected: string, found: string): void {
  if (expected !== found) throw new Refusal('DIGEST_MISMATCH', { what, expected, found })
}
