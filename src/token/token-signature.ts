import { Refusal } from '../domain/refusal.js'
import type { Cryptoki, Handle } from './cryptoki-module.js'
import { CKU } from './cryptoki.js'
import type { PinSource } from './pin-file.js'
import type { SigningMechanism } from './signing-mechanism.js'
import { toRefusal } from './token-failure.js'

/** One private key, ready to sign in any session of the login that found it. */
export interface SigningKey {
  readonly handle: Handle
  readonly mechanism: SigningMechanism
  /** Set when the key wants the PIN before each use (CKA_ALWAYS_AUTHENTICATE). */
  readonly pinForEachUse: PinSource | null
}

/** More than any signature of ours: some modules want room for the longest form before they look what it comes to. */
const OUTPUT_BYTES = 256

/** The native call keeps bare pointers while another thread works; what is in here cannot be collected meanwhile. */
const underWay = new Set<object>()

/**
 * Has the token fetch the key: the first half of a signature, of which nothing comes out.
 * @throws what the module says; the session must be replaced then.
 */
export function beginSignature(cryptoki: Cryptoki, session: Handle, key: SigningKey): void {
  cryptoki.C_SignInit(session, { mechanism: key.mechanism.sign }, key.handle)
  if (key.pinForEachUse !== null) cryptoki.C_Login(session, CKU.CONTEXT_SPECIFIC, key.pinForEachUse())
}

/**
 * One single-part signature in one session that has no other operation.
 * @param thread `this` waits for the token with the whole process, `another` with nobody but the caller.
 * @param message at least one byte, and unchanged until the answer is there: the token reads these bytes themselves.
 * @param isBegun `beginSignature` was called for this session and this key.
 * @throws Refusal `TOKEN_FAILED`, `TOKEN_PIN`; the session may then hold a half-done operation and must be replaced.
 */
export async function signInSession(
  cryptoki: Cryptoki,
  session: Handle,
  key: SigningKey,
  message: Uint8Array,
  thread: 'this' | 'another',
  isBegun = false,
): Promise<Uint8Array> {
  const { mechanism } = key
  const { buffer, byteOffset, byteLength } = mechanism.prepare(message)
  const buffers = { input: Buffer.from(buffer, byteOffset, byteLength), output: Buffer.alloc(OUTPUT_BYTES) }
  underWay.add(buffers)
  try {
    if (!isBegun) beginSignature(cryptoki, session, key)
    const signature =
      thread === 'this'
        ? cryptoki.C_Sign(session, buffers.input, buffers.output)
        : await cryptoki.C_SignAsync(session, buffers.input, buffers.output)
    if (signature.length === mechanism.signatureBytes) return new Uint8Array(signature)
  } catch (error) {
    throw toRefusal(`sign with ${mechanism.mechanism}`, error)
  } finally {
    underWay.delete(buffers)
  }
  throw new Refusal('TOKEN_FAILED', {
    step: `sign with ${mechanism.mechanism}`,
    why: 'the signature has a wrong length',
  })
}
