import { ED25519 } from '../../src/domain/cose/algorithms.js'
import { openModule, type Handle } from '../../src/token/cryptoki-module.js'
import { requireKeys } from '../../src/token/key-search.js'
import { findMechanism } from '../../src/token/signing-mechanism.js'
import { closeSession, openSession, openTokenSession, type TokenAccess } from '../../src/token/token-session.js'

/** The token with nothing around it: what `C_Sign` alone costs here. */
export interface BareToken {
  /** One signature, waited for by the whole process. */
  sign(message: Buffer): void
  /** One signature in session `index`, made by another thread. */
  signIn(index: number, message: Buffer): Promise<unknown>
  close(): void
}

/** @param keyId 64 hex digits. */
export function openBareToken(access: TokenAccess, keyId: string, sessions: number): BareToken {
  const module = openModule(access.modulePath)
  const { cryptoki } = module
  const login = openTokenSession(cryptoki, access, 'read')
  const [key] = requireKeys(cryptoki, login.session, [keyId])
  const mechanism = findMechanism(ED25519)
  if (key === undefined || mechanism === null) throw new Error('no key to measure with')
  const open = Array.from({ length: sessions }, () => ({
    session: openSession(cryptoki, login.token.slot, 'read'),
    output: Buffer.alloc(mechanism.signatureBytes),
  }))
  const begin = (session: Handle): void => cryptoki.C_SignInit(session, { mechanism: mechanism.sign }, key.handle)
  const inSession = (index: number): (typeof open)[number] => {
    const found = open[index]
    if (found === undefined) throw new Error(`there is no session ${index}`)
    return found
  }
  return {
    sign: (message) => {
      const { session, output } = inSession(0)
      begin(session)
      cryptoki.C_Sign(session, message, output)
    },
    signIn: (index, message) => {
      const { session, output } = inSession(index)
      begin(session)
      return cryptoki.C_SignAsync(session, message, output)
    },
    close: () => {
      for (const { session } of open) closeSession(cryptoki, session)
      closeSession(cryptoki, login.session)
      module.release()
    },
  }
}
