import { InvalidArgumentError } from 'commander'

/** Words for the reasons 0 to 6 of a revocation list; for people, no decision uses them. */
export const revocationReasons = [
  'unspecified',
  'compromise',
  'superseded',
  'lost',
  'owner-left',
  'retired',
  'withdrawn',
] as const

export function parseReason(text: string): number {
  const reason = (revocationReasons as readonly string[]).indexOf(text)
  if (reason < 0) throw new InvalidArgumentError(`one of ${revocationReasons.join(', ')}`)
  return reason
}

export const reasonText = (reason: number): string => revocationReasons[reason] ?? String(reason)
