import { Refusal } from '../domain/refusal.js'
import { CKR } from './cryptoki.js'
import { findCryptokiResult } from './token-failure.js'

/** What may mend a call that failed: the same call in a fresh session, or in a token that was opened anew. */
type Recovery = 'fresh-session' | 'reopen' | 'none'

/**
 * By PKCS#11 result; what is not here is final. Signing again is always safe: nobody saw the first signature, and the journal
 * counted before it. A refused PIN is never here: trying it again would lock the token.
 */
const recoveries: ReadonlyMap<number, Recovery> = new Map<number, Recovery>([
  // Something half done was left in the session.
  [CKR.OPERATION_ACTIVE, 'fresh-session'],
  [CKR.OPERATION_NOT_INITIALIZED, 'fresh-session'],
  [CKR.FUNCTION_CANCELED, 'fresh-session'],
  // Sessions, handles or the login are gone, not the key.
  [CKR.SESSION_CLOSED, 'reopen'],
  [CKR.SESSION_HANDLE_INVALID, 'reopen'],
  [CKR.KEY_HANDLE_INVALID, 'reopen'],
  [CKR.OBJECT_HANDLE_INVALID, 'reopen'],
  [CKR.USER_NOT_LOGGED_IN, 'reopen'],
  // The token was pulled, reset or replaced.
  [CKR.DEVICE_REMOVED, 'reopen'],
  [CKR.TOKEN_NOT_PRESENT, 'reopen'],
  [CKR.TOKEN_NOT_RECOGNIZED, 'reopen'],
  [CKR.CRYPTOKI_NOT_INITIALIZED, 'reopen'],
  // The module cannot say what it is; a TPM whose resource manager was restarted answers so.
  [CKR.DEVICE_ERROR, 'reopen'],
  [CKR.GENERAL_ERROR, 'reopen'],
  [CKR.FUNCTION_FAILED, 'reopen'],
])

export function recoveryFor(error: unknown): Recovery {
  if (error instanceof Refusal && error.code === 'TOKEN_PIN') return 'none'
  const result = findCryptokiResult(error)
  return result === null ? 'none' : (recoveries.get(result.code) ?? 'none')
}

/** True for failures that a module started anew may not have: it did not find the token, or the token did not answer. */
export const mayRestartHelp = (error: unknown): boolean =>
  error instanceof Refusal && (error.code === 'TOKEN_FAILED' || error.code === 'TOKEN_MODULE')
