import { Refusal } from '../../domain/refusal.js'

/** Check 16: a request-id pays for one signature, whatever became of it. @throws Refusal `REQUEST_SPENT`. */
export function requireUnspent(requestId: string, isSpent: boolean): void {
  if (isSpent) throw new Refusal('REQUEST_SPENT', { requestId })
}
