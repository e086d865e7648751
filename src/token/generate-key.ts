import { randomBytes } from 'node:crypto'
import { Refusal } from '../domain/refusal.js'
import { openModule, type Cryptoki, type Handle, type OpenModule } from './cryptoki-module.js'
import { CKA, CKR } from './cryptoki.js'
import { labelOf } from './key-search.js'
import { privateTemplate, publicTemplate, type PairNames } from './key-template.js'
import { findMechanism, type SigningMechanism } from './signing-mechanism.js'
import { findCryptokiResult, toRefusal } from './token-failure.js'
import { TokenOpening } from './token-opening.js'
import { closeSession, openTokenSession, type TokenAccess } from './token-session.js'
import type { TokenKey } from './token.port.js'

/** What an administrator asks for at a ceremony. */
export interface NewKey {
  /** A role of trust.md §2, `manifest-a` for instance: lower-case letters, digits and hyphens. */
  readonly role: string
  /** COSE number of the algorithm. */
  readonly algorithm: number
  /** Ask for the PIN before each use, where the token can. */
  readonly alwaysAuthenticate?: boolean
  /** CKA_EC_PARAMS; without it every spelling of the curve that we know is tried. */
  readonly curveParameter?: Uint8Array
}

/**
 * Generates a key pair inside the token, with every attribute of the private half set for good, and proves it before it is named to anybody.
 * The private half is labelled `<role> <tag>` and the public one `<role> <key id>`. CKA_ID is the tag and not the key id:
 * the key id is known only afterwards, and by then nothing of the private half can be changed any more.
 * A key that fails its checks is destroyed.
 * @throws Refusal `REQUEST_INVALID`, `ALGORITHM_NOT_ALLOWED`, `TOKEN_MODULE`, `TOKEN_PIN`, `TOKEN_KEY_ATTRIBUTE`, `TOKEN_FAILED`
 */
export async function generateKey(
  access: TokenAccess,
  wanted: NewKey,
  open: OpenModule = openModule,
): Promise<TokenKey> {
  if (!/^[a-z][a-z0-9-]{0,30}$/.test(wanted.role))
    throw new Refusal('REQUEST_INVALID', { field: 'role', why: 'lower-case letters, digits and hyphens, at most 31' })
  const mechanism = findMechanism(wanted.algorithm)
  if (mechanism === null) throw new Refusal('ALGORITHM_NOT_ALLOWED', { alg: wanted.algorithm })
  const module = open(access.modulePath)
  try {
    return await generateIn(module.cryptoki, access, wanted, mechanism)
  } finally {
    module.release()
  }
}

async function generateIn(
  cryptoki: Cryptoki,
  access: TokenAccess,
  wanted: NewKey,
  mechanism: SigningMechanism,
): Promise<TokenKey> {
  const { session } = openTokenSession(cryptoki, access, 'write')
  try {
    const id = randomBytes(8)
    const names = { id, label: labelOf(wanted.role, id) }
    const pair = generatePair(cryptoki, session, mechanism, names, wanted)
    try {
      const key = await proven(cryptoki, access, names.label)
      nameForPeople(cryptoki, session, pair.publicKey, labelOf(wanted.role, Buffer.from(key.keyId, 'hex')))
      return key
    } catch (error) {
      for (const half of [pair.privateKey, pair.publicKey]) destroy(cryptoki, session, half)
      throw error
    }
  } finally {
    closeSession(cryptoki, session)
  }
}

interface KeyPair {
  readonly publicKey: Handle
  readonly privateKey: Handle
}

function generatePair(
  cryptoki: Cryptoki,
  session: Handle,
  mechanism: SigningMechanism,
  names: PairNames,
  wanted: NewKey,
): KeyPair {
  const curves = wanted.curveParameter === undefined ? mechanism.curveParameters : [wanted.curveParameter]
  const secret = privateTemplate(mechanism, names, wanted.alwaysAuthenticate ?? false)
  const refusals: Refusal[] = []
  for (const curve of curves) {
    try {
      return cryptoki.C_GenerateKeyPair(
        session,
        { mechanism: mechanism.generate },
        publicTemplate(names, curve),
        secret,
      )
    } catch (error) {
      const refusal = toRefusal('generate a key pair', error)
      if (!otherSpellingResults.has(findCryptokiResult(error)?.code ?? 0)) throw refusal
      refusals.push(refusal)
    }
  }
  throw refusals[0] ?? new Refusal('ALGORITHM_NOT_ALLOWED', { alg: wanted.algorithm })
}

/** What tokens answer to a curve that they know under another spelling. */
const otherSpellingResults: ReadonlySet<number> = new Set([
  CKR.ATTRIBUTE_VALUE_INVALID,
  CKR.CURVE_NOT_SUPPORTED,
  CKR.DOMAIN_PARAMS_INVALID,
])

/** What is to be told is why the pair is not wanted. One that stays has no name in any root, and is refused at every start. */
function destroy(cryptoki: Cryptoki, session: Handle, half: Handle): void {
  try {
    cryptoki.C_DestroyObject(session, half)
  } catch (error) {
    if (findCryptokiResult(error) === null) throw error
  }
}

/** Opens the token as a signer would, with this one key: the same attribute check and the same probe. */
async function proven(cryptoki: Cryptoki, access: TokenAccess, label: string): Promise<TokenKey> {
  const opening = await TokenOpening.open(cryptoki, { ...access, keys: [label], sessions: 1 })
  try {
    const [key] = opening.keys()
    if (key === undefined) throw new Refusal('TOKEN_KEY_MISSING', { keyId: label })
    return key
  } finally {
    await opening.close()
  }
}

/** So that any PKCS#11 tool shows the key id. A token that takes no such change keeps the tag; nothing depends on it. */
function nameForPeople(cryptoki: Cryptoki, session: Handle, publicKey: Handle, label: string): void {
  try {
    cryptoki.C_SetAttributeValue(session, publicKey, [{ type: CKA.LABEL, value: label }])
  } catch (error) {
    if (findCryptokiResult(error) === null) throw error
  }
}
