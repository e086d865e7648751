import { z } from 'zod'
import { findHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { encodeClockResetOrder, encodeResumeOrder, type SignerName } from '../../domain/trust/signer-order.js'
import type { HeldTrust } from '../trust-store.js'
import type { ClassNumber } from './krl-proposal.js'
import { readSpecFile } from './spec-file.js'

const HOUR_SECONDS = 3_600
const sequences = z.record(z.string().regex(/^[0-9a-f]{32}$/), z.number().int().min(0))

/** What `countersign signer status --json` printed. */
export const SignerStatusFile = z.looseObject({
  namespace: z.string(),
  process: z.enum(['release', 'online']),
  suspended: z.boolean(),
  suspensionId: z.string().regex(/^([0-9a-f]{32})?$/),
  lastSeen: z.number().int().min(0),
  krlNumber: z.number().int().min(0),
  sequences,
  /** Highest sequence of a class that the server knows to be signed, whatever the signer remembers. */
  signedSequences: sequences.default({}),
})
export type SignerStatusFile = z.infer<typeof SignerStatusFile>

/** Reads it, and refuses one of another signer. */
function readStatus(path: string, process: SignerName, held: HeldTrust): SignerStatusFile {
  const status = readSpecFile(path, SignerStatusFile)
  const { namespace } = held.state.root
  if (status.namespace !== namespace)
    throw new Refusal('WRONG_NAMESPACE', { expected: namespace, found: status.namespace })
  if (status.process !== process) throw new Refusal('ORDER_MISMATCH', { field: 'process' })
  return status
}

export interface OrderProposal {
  readonly process: SignerName
  readonly status: string
}

/**
 * The order that lets a suspended signer go on. For every class the highest of what the signer remembers, the server knows and
 * people say counts as signed: one number too high costs nothing, one too low could be signed twice.
 */
export function proposeResume(
  held: HeldTrust,
  { process, status: path, sequence }: OrderProposal & { readonly sequence?: readonly ClassNumber[] },
): Uint8Array {
  const status = readStatus(path, process, held)
  if (!status.suspended)
    throw new Refusal('STATE', { what: `${process} signer`, state: 'serving', wanted: 'suspended' })
  const highest = new Map<string, number>()
  const known = [...Object.entries(status.sequences), ...Object.entries(status.signedSequences), ...(sequence ?? [])]
  for (const [classId, number] of known) highest.set(classId, Math.max(number, highest.get(classId) ?? 0))
  return encodeResumeOrder({
    namespace: status.namespace,
    process,
    suspensionId: findHex(status.suspensionId) ?? new Uint8Array(16),
    sequences: highest,
    leastKrlNumber: held.state.krl?.number ?? 0,
  })
}

/** The order that lets a signer believe its clock again, from now on for some hours: people read a clock of their own. */
export function proposeClockReset(
  held: HeldTrust,
  { process, status: path, hours }: OrderProposal & { readonly hours: number },
  now: number,
): Uint8Array {
  const { namespace, lastSeen } = readStatus(path, process, held)
  // A minute's slack: clocks of people run a little ahead.
  const notBefore = now - 60
  return encodeClockResetOrder({ namespace, process, lastSeen, notBefore, expires: notBefore + hours * HOUR_SECONDS })
}
