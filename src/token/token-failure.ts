import { Refusal } from '../domain/refusal.js'
import { CKR } from './cryptoki.js'

/** What a PKCS#11 module answered: `CKR_…` and its number. */
export interface CryptokiResult {
  readonly name: string
  readonly code: number
}

/** Later than the binding's own list, which calls them CKR_VENDOR_DEFINED. */
const laterNames: ReadonlyMap<number, string> = new Map([
  [CKR.ACTION_PROHIBITED, 'CKR_ACTION_PROHIBITED'],
  [CKR.CURVE_NOT_SUPPORTED, 'CKR_CURVE_NOT_SUPPORTED'],
])

const pinReasons: ReadonlyMap<number, string> = new Map([
  [CKR.PIN_INCORRECT, 'the token does not accept this PIN'],
  [CKR.PIN_INVALID, 'the PIN has characters that the token does not take'],
  [CKR.PIN_LEN_RANGE, 'the PIN is too short or too long for the token'],
  [CKR.PIN_EXPIRED, 'the PIN has expired and must be changed'],
  [CKR.PIN_LOCKED, 'the PIN is locked after too many wrong tries'],
  [CKR.USER_PIN_NOT_INITIALIZED, 'the token has no user PIN yet'],
])

/** @returns null for an error that did not come out of a PKCS#11 call. Follows `cause`, so it reads refusals too. */
export function findCryptokiResult(error: unknown): CryptokiResult | null {
  // Not `instanceof`: errors made by native code belong to another realm wherever this code runs inside a vm context.
  if (typeof error !== 'object' || error === null || !('message' in error) || typeof error.message !== 'string')
    return null
  if ('code' in error && typeof error.code === 'number' && error.message.startsWith('CKR_'))
    return named(error.message, error.code)
  // A few functions of the binding throw the raw form, `CKR_NAME:number`.
  const raw = /^(CKR_\w+):(\d+)/.exec(error.message)
  if (raw !== null) return named(raw[1] ?? '', Number(raw[2]))
  return 'cause' in error ? findCryptokiResult(error.cause) : null
}

function named(name: string, code: number): CryptokiResult {
  if (name !== 'CKR_VENDOR_DEFINED') return { name, code }
  return { name: laterNames.get(code) ?? `${name} 0x${code.toString(16)}`, code }
}

/** Turns what a PKCS#11 call threw into `TOKEN_PIN` or `TOKEN_FAILED`; a refusal passes as it is. */
export function toRefusal(step: string, error: unknown): Refusal {
  if (error instanceof Refusal) return error
  const result = findCryptokiResult(error)
  const pinReason = result === null ? undefined : pinReasons.get(result.code)
  if (pinReason !== undefined) return new Refusal('TOKEN_PIN', { why: pinReason }, { cause: error })
  const why = result?.name ?? 'the PKCS#11 binding refused its arguments'
  return new Refusal('TOKEN_FAILED', { step, why }, { cause: error })
}

/** Runs one step against the token. `step` is in words, for the person who has to find out what the token cannot do. */
export function atTokenStep<T>(step: string, call: () => T): T {
  try {
    return call()
  } catch (error) {
    throw toRefusal(step, error)
  }
}
