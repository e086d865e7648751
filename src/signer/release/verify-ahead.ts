import { equalBytes } from '../../domain/bytes.js'
import { nativeAlgorithms, type Algorithm, type AlgorithmTable } from '../../domain/cose/algorithms.js'
import type { CoseKey } from '../../domain/cose/cose-key.js'
import { Refusal } from '../../domain/refusal.js'
import { openPersonSigned } from '../../domain/trust/person-signature.js'
import { revokedKeysOf } from '../../domain/trust/trust-state.js'
import { requirePolicy } from '../checks/policy.check.js'
import type { ReleaseContext } from './release-context.js'

/** More than a usual quorum; whoever sends a hundred approvals waits for the checks to come to them. */
const MOST = 8

interface Question {
  readonly row: Algorithm
  readonly key: CoseKey
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** What people signed, of a request. */
export type PersonDocument = readonly [document: 'submission' | 'approval', bytes: Uint8Array]

/**
 * Verifies people's signatures before the checks begin, which may not pause: by other threads. Who is alone has this thread to
 * spare, which takes all but one upon itself: waking two others took longer than that.
 * Nothing is decided here: that a signature is good under a key stays true whatever happens meanwhile. Whose key it is, whether it
 * still counts and for what is asked by the checks, and what was not found good here they verify themselves.
 * @returns the algorithms for those checks.
 */
export async function verifyAhead(
  documents: readonly PersonDocument[],
  now: number,
  context: ReleaseContext,
): Promise<AlgorithmTable> {
  const questions = questionsOf(documents.slice(0, MOST), now, context)
  const hereFrom = context.isAlone() ? 1 : questions.length
  const answers = await Promise.all(
    questions.map(async ({ row, key, message, signature }, index) => {
      const aside = index < hereFrom ? row.verifyAside?.(key, message, signature) : undefined
      return aside ?? row.verify(key, message, signature)
    }),
  )
  const good = questions.filter((_, index) => answers[index] === true)
  return tableOf(
    (row) => (key, message, signature) =>
      good.some((one) => isSame(one, { row, key, message, signature })) || row.verify(key, message, signature),
  )
}

/** What the checks will ask, as far as they would come; a refusal is theirs to tell. */
function questionsOf(documents: readonly PersonDocument[], now: number, context: ReleaseContext): Question[] {
  const { held } = context.state
  const questions: Question[] = []
  const collecting = tableOf((row) => (key, message, signature) => {
    questions.push({ row, key, message, signature })
    return true
  })
  try {
    const policy = context.verdicts.find(held, now, 'policy', [], () => requirePolicy(held, now))
    const revoked = revokedKeysOf(held.state)
    for (const [document, bytes] of documents)
      openPersonSigned(document, bytes, policy, held.state.root.algorithms, revoked, now, collecting)
  } catch (error) {
    if (!(error instanceof Refusal)) throw error
  }
  return questions
}

const isSame = (a: Question, b: Question): boolean =>
  a.row === b.row && a.key === b.key && equalBytes(a.message, b.message) && equalBytes(a.signature, b.signature)

const tableOf = (verify: (row: Algorithm) => Algorithm['verify']): AlgorithmTable =>
  new Map([...nativeAlgorithms].map(([alg, row]) => [alg, { ...row, verify: verify(row) }]))
