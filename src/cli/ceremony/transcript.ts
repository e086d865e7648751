import { isDeepStrictEqual } from 'node:util'
import { z } from 'zod'
import { sha256Hex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { CeremonyName, Counted, ReadDocument } from './ceremony-kind.js'
import type { HolderPart } from './signature-file.js'
import { readSpecFile } from './spec-file.js'

const Transcript = z.strictObject({
  format: z.literal('countersign-transcript/v1'),
  document: z.string(),
  title: z.string(),
  fingerprint: z.string(),
  payloadSha256: z.string(),
  /** The version before. */
  follows: z.string().nullable(),
  says: z.array(z.string()),
  changes: z.array(z.string()),
  signatures: z.array(
    z.strictObject({ signer: z.string(), keyId: z.string(), countsAs: z.string(), signedAt: z.number() }),
  ),
  assembledAt: z.number(),
})
type Transcript = z.infer<typeof Transcript>

/** What a ceremony made, in the words that its holders read, and who signed it when. For the minutes: it proves nothing itself. */
export const makeTranscript = (
  made: {
    readonly document: CeremonyName
    readonly read: ReadDocument
    readonly bytes: Uint8Array
    readonly payload: Uint8Array
    readonly counted: readonly Counted[]
  },
  parts: readonly HolderPart[],
  now: number,
): Transcript => ({
  format: 'countersign-transcript/v1',
  document: made.document,
  title: made.read.title,
  fingerprint: sha256Hex(made.bytes),
  payloadSha256: sha256Hex(made.payload),
  follows: made.read.comparedWith,
  says: [...made.read.says],
  changes: [...(made.read.changes ?? [])],
  signatures: parts.map(({ signer, keyId, signedAt }) => ({
    signer,
    keyId,
    countsAs: made.counted.find((each) => each.keyId === keyId)?.as ?? 'nothing',
    signedAt,
  })),
  assembledAt: now,
})

/**
 * Holds a transcript against the document itself: whoever reads the minutes reads what was signed.
 * @throws Refusal `DIGEST_MISMATCH` naming the member that tells something else.
 */
export function requireTranscript(path: string, expected: Transcript): void {
  const found = readSpecFile(path, Transcript)
  const signatures = (each: Transcript) => each.signatures.map(({ keyId, countsAs }) => `${keyId} ${countsAs}`).sort()
  const members: readonly (readonly [name: string, of: (each: Transcript) => unknown])[] = [
    ['document', (each) => each.document],
    ['title', (each) => each.title],
    ['fingerprint', (each) => each.fingerprint],
    ['payloadSha256', (each) => each.payloadSha256],
    ['follows', (each) => each.follows],
    ['says', (each) => each.says],
    ['changes', (each) => each.changes],
    ['signatures', signatures],
  ]
  for (const [name, of] of members)
    if (!isDeepStrictEqual(of(found), of(expected)))
      throw new Refusal('DIGEST_MISMATCH', {
        what: `${name} of the transcript`,
        expected: JSON.stringify(of(expected)).slice(0, 200),
        found: JSON.stringify(of(found)).slice(0, 200),
      })
}
