import { Refusal } from '../domain/refusal.js'

/** What a signer said last, as it is kept and shown: its code and the number of its check. */
export interface SignerNo {
  readonly code: string
  readonly check: number
}

/** The signer's own code when it spoke; else ours, with check 0. */
export function signerNoOf(refusal: Refusal): SignerNo {
  if (refusal.code !== 'SIGNER_REFUSED') return { code: refusal.code, check: 0 }
  const { code, check } = refusal.detail as SignerNo
  return { code, check }
}
