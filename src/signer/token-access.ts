import { pinFromFile } from '../token/pin-file.js'
import type { TokenAccess } from '../token/token-session.js'
import type { TokenConfig } from './config.js'

/** In production a token that keeps its keys in files is refused. */
export const tokenAccessOf = (config: TokenConfig): TokenAccess => ({
  modulePath: config.PKCS11_MODULE,
  label: config.PKCS11_TOKEN_LABEL,
  readPin: pinFromFile(config.PKCS11_PIN_FILE),
  refuseSoftToken: config.PROFILE === 'production',
})

/** Signatures under way at once; each has a session of the token. */
export const SESSIONS = 8
