import { statSync } from 'node:fs'
import { isAbsolute } from 'node:path'
import { z } from 'zod'
import { toBase64Url } from '../domain/bytes.js'
import { encodeCbor } from '../domain/cbor/encode.js'
import { algorithmOf, nativeAlgorithms } from '../domain/cose/algorithms.js'
import { coseKeyToCbor, keyIdOf } from '../domain/cose/cose-key.js'
import type { MessageSigner } from '../domain/cose/sign1.js'
import { Refusal } from '../domain/refusal.js'
import { openModule, type OpenModule } from '../token/cryptoki-module.js'
import { generateKey } from '../token/generate-key.js'
import type { PinSource } from '../token/pin-file.js'
import { Pkcs11Token } from '../token/pkcs11-token.js'
import { createLocalFile, readLocalText, requireNoFile } from './local-file.js'
import { requirePersonName, showPersonKey, TOKEN_KEY_FORMAT, type PersonKey } from './person-key.js'

const TokenPlace = z.strictObject({
  /** The PKCS#11 module, a shared library: an absolute path. */
  module: z.string().max(4_096).refine(isAbsolute, 'not an absolute path'),
  label: z.string().min(1).max(32),
  serial: z.string().max(16),
})
const TokenKeyFile = z.strictObject({
  format: z.literal(TOKEN_KEY_FORMAT),
  person: z.string(),
  keyId: z.string(),
  publicKey: z.string(),
  token: TokenPlace,
})
/** Where a key is that never leaves its token. */
export type TokenPlace = z.infer<typeof TokenPlace>

/** A person's key in a token, as its file says: whose it is and where, and no secret. */
export interface TokenKeyReference {
  readonly key: PersonKey
  readonly place: TokenPlace
}

/**
 * Makes a person's key inside a token and writes the file that says where it is.
 * @throws Refusal `FILE_EXISTS`, before anything is made; those of `generateKey`.
 */
export async function createTokenKey(
  path: string,
  person: string,
  place: TokenPlace,
  readPin: PinSource,
  algorithm: number,
): Promise<PersonKey> {
  requirePersonName(person)
  if (!isAbsolute(place.module)) throw new Refusal('REQUEST_INVALID', { field: 'token', why: 'not an absolute path' })
  requireNoFile(path)
  const { module: modulePath, label, serial } = place
  const access = { modulePath, label, serial, readPin, refuseSoftToken: false }
  const { key: publicKey, keyId } = await generateKey(access, { role: 'person', algorithm })
  const open = { person, keyId, publicKey: toBase64Url(encodeCbor(coseKeyToCbor(publicKey))) }
  const file = { format: TOKEN_KEY_FORMAT, ...open, token: place }
  createLocalFile(path, `${JSON.stringify(file, null, 2)}\n`, 0o600)
  return { person, keyId, publicKey }
}

/**
 * @returns null for a key file that holds its key itself.
 * @throws Refusal `FILE_UNREADABLE`, also where others may change the file: it names a library that is going to be run.
 */
export function findTokenKey(path: string): TokenKeyReference | null {
  const malformed = (why: string): Refusal => new Refusal('FILE_UNREADABLE', { path, why })
  const json = parseJson(readLocalText(path))
  if (typeof json !== 'object' || json === null || !('format' in json) || json.format !== TOKEN_KEY_FORMAT) return null
  const parsed = TokenKeyFile.safeParse(json)
  if (!parsed.success) throw malformed(`not a key file: ${parsed.error.issues[0]?.path.join('.') ?? ''}`)
  const { mode, uid } = statSync(path)
  if ((mode & 0o022) !== 0 || (uid !== 0 && uid !== process.getuid?.()))
    throw malformed('others may change it, and it names a library that is going to be run: chmod go-w')
  return { key: showPersonKey(path), place: parsed.data.token }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

/**
 * Opens the token once, so that a missing token, a wrong PIN or a missing key is known before anybody reads what to sign, and again
 * for each signature; in between nothing of it is open. A signature that is not by the key of the file is not handed out.
 * @throws Refusal `TOKEN_MODULE`, `TOKEN_PIN`, `TOKEN_KEY_MISSING`, `TOKEN_KEY_ATTRIBUTE`, `TOKEN_FAILED`
 */
export async function openTokenKey(
  { key, place }: TokenKeyReference,
  readPin: PinSource,
  open: OpenModule = openModule,
): Promise<MessageSigner> {
  const { module: modulePath, label, serial } = place
  const { keyId, publicKey } = key
  const alg = algorithmOf(publicKey)
  // Not probed: some tokens ask their owner to touch them for each signature.
  const access = {
    modulePath,
    label,
    serial,
    readPin,
    refuseSoftToken: false,
    keys: [keyId],
    sessions: 1,
    isProbed: false,
  }
  const withToken = async <T>(work: (token: Pkcs11Token) => Promise<T>): Promise<T> => {
    const token = await Pkcs11Token.open(access, open)
    try {
      return await work(token)
    } finally {
      await token.close()
    }
  }
  await withToken(() => Promise.resolve())
  return {
    alg,
    keyId: keyIdOf(publicKey),
    sign: async (message) => {
      const signature = await withToken((token) => token.sign(keyId, alg, message))
      if (nativeAlgorithms.get(alg)?.verify(publicKey, message, signature) === true) return signature
      throw new Refusal('TOKEN_FAILED', { step: 'verify the signature', why: 'it is not by the key of the key file' })
    },
  }
}
