import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKF, CKR, CKU } from './cryptoki.js'
import type { PinSource } from './pin-file.js'
import { atTokenStep, findCryptokiResult, toRefusal } from './token-failure.js'
import { requireHardware, requireTokenSlot, type TokenChoice, type TokenSlot } from './token-slot.js'

/** Which token, and how to log in to it. */
export interface TokenAccess extends TokenChoice {
  /** The PKCS#11 module, a shared library. */
  readonly modulePath: string
  /** The user PIN, asked for each login. */
  readonly readPin: PinSource
  /** True in profile production: a token that keeps its keys in plain files is refused. */
  readonly refuseSoftToken: boolean
}

/** A session of a logged-in user. The login is good for all sessions that this process has with the token (PKCS#11 §5.6). */
export interface TokenSession {
  readonly token: TokenSlot
  readonly session: Handle
}

/**
 * Finds the token, opens a session and logs in.
 * @throws Refusal `TOKEN_MODULE` for a refused manufacturer, `TOKEN_PIN`, `FILE_UNREADABLE`, `TOKEN_FAILED`
 */
export function openTokenSession(cryptoki: Cryptoki, access: TokenAccess, kind: 'read' | 'write'): TokenSession {
  const token = requireTokenSlot(cryptoki, access)
  if (access.refuseSoftToken) requireHardware(token)
  const session = openSession(cryptoki, token.slot, kind)
  try {
    logIn(cryptoki, { token, session }, access.readPin)
    return { token, session }
  } catch (error) {
    closeSession(cryptoki, session)
    throw error
  }
}

export function openSession(cryptoki: Cryptoki, slot: Handle, kind: 'read' | 'write'): Handle {
  const flags = kind === 'write' ? CKF.SERIAL_SESSION | CKF.RW_SESSION : CKF.SERIAL_SESSION
  return atTokenStep('open a session', () => cryptoki.C_OpenSession(slot, flags))
}

/** Closes a session. One that is gone already is closed as well as it can be, so errors are not told. */
export function closeSession(cryptoki: Cryptoki, session: Handle): void {
  try {
    cryptoki.C_CloseSession(session)
  } catch (error) {
    if (findCryptokiResult(error) === null) throw error
  }
}

/** @throws Refusal `TOKEN_PIN`, also for a PIN with one try left: a service that restarts by itself must never lock a token. */
export function logIn(cryptoki: Cryptoki, { token, session }: TokenSession, readPin: PinSource): void {
  if (token.pinState === 'locked')
    throw new Refusal('TOKEN_PIN', { why: 'the PIN is locked after too many wrong tries' })
  if (token.pinState === 'last-try')
    throw new Refusal('TOKEN_PIN', { why: 'one try is left before the token locks; log in once with its own tool' })
  const pin = readPin()
  try {
    cryptoki.C_Login(session, CKU.USER, pin)
  } catch (error) {
    // Another user of this module in this process logged in before; the token does not ask for the PIN again.
    if (findCryptokiResult(error)?.code !== CKR.USER_ALREADY_LOGGED_IN) throw toRefusal('log in', error)
  }
}
