import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKF, CKR, CKU } from './cryptoki.js'
import { readPin } from './pin-file.js'
import { atTokenStep, findCryptokiResult, toRefusal } from './token-failure.js'
import { requireHardware, requireTokenSlot, type TokenSlot } from './token-slot.js'

/** Which token, and how to log in to it. */
export interface TokenAccess {
  /** The PKCS#11 module, a shared library. */
  readonly modulePath: string
  /** The token's label. */
  readonly label: string
  /** A file with the user PIN in its first line. */
  readonly pinFile: string
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
  const token = requireTokenSlot(cryptoki, access.label)
  if (access.refuseSoftToken) requireHardware(token)
  const session = openSession(cryptoki, token.slot, kind)
  try {
    logIn(cryptoki, session, readPin(access.pinFile))
    return { token, session }
  } catch (error) {
    closeSession(cryptoki, session)
    throw toRefusal('log in', error)
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

function logIn(cryptoki: Cryptoki, session: Handle, pin: string): void {
  try {
    cryptoki.C_Login(session, CKU.USER, pin)
  } catch (error) {
    // Another user of this module in this process logged in before; the token does not ask for the PIN again.
    if (findCryptokiResult(error)?.code !== CKR.USER_ALREADY_LOGGED_IN) throw error
  }
}
