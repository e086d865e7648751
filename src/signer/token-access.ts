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

const MOST_SESSIONS = 8

/**
 * Signatures under way at once; each has a session of the token and a thread that waits for it. One thread is left for the disk and for
 * people's signatures: a token that hangs in every session keeps nobody else waiting.
 */
export const sessionsOf = ({ UV_THREADPOOL_SIZE: threads = '4' }: Pick<TokenConfig, 'UV_THREADPOOL_SIZE'>): number =>
  Math.min(MOST_SESSIONS, Number(threads) - 1)
