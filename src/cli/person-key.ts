import { createCipheriv, createDecipheriv, randomBytes, scryptSync } from 'node:crypto'
import { z } from 'zod'
import { equalBytes, findBase64Url, toBase64Url, utf8 } from '../domain/bytes.js'
import { decodeCbor } from '../domain/cbor/decode.js'
import { encodeCbor } from '../domain/cbor/encode.js'
import { coseKeyFromCbor, coseKeyToCbor, keyIdHexOf, keyIdOf, type CoseKey } from '../domain/cose/cose-key.js'
import type { MessageSigner } from '../domain/cose/sign1.js'
import { Refusal } from '../domain/refusal.js'
import { makeSecret, publicKeyOf, SECRET_BYTES, signerOf, type SecretKind } from './key-secret.js'
import { createLocalFile, readLocalText } from './local-file.js'

const FORMAT = 'countersign-key/v1'
/** The format of a file that only says in which token a key is. */
export const TOKEN_KEY_FORMAT = 'countersign-token-key/v1'
const TAG_BYTES = 16
/** scrypt cost: 128 MiB and about a third of a second for each guess. */
export const keyFileCost = { n: 131_072, r: 8, p: 1 }

const bytes = z.string().refine((text) => findBase64Url(text) !== null, 'not base64url')
// Bounds on the cost: a file from elsewhere must not take all memory.
const openMembers = {
  person: z.string().min(1).max(64),
  keyId: z.string().regex(/^[0-9a-f]{64}$/),
  publicKey: bytes,
}
/** What every key file says openly, wherever the key itself is. */
const OpenPart = z.looseObject({ format: z.enum([FORMAT, TOKEN_KEY_FORMAT]), ...openMembers })
const KeyFile = z.strictObject({
  format: z.literal(FORMAT),
  ...openMembers,
  scrypt: z.strictObject({
    n: z
      .number()
      .int()
      .min(2)
      .max(1_048_576)
      .refine((n) => (n & (n - 1)) === 0, 'not a power of two'),
    r: z.number().int().min(1).max(16),
    p: z.number().int().min(1).max(4),
    salt: bytes,
  }),
  nonce: bytes,
  sealed: bytes,
})
type KeyFile = z.infer<typeof KeyFile>

/** The open part of a person's key file: whose key it is. */
export interface PersonKey {
  readonly person: string
  readonly keyId: string
  readonly publicKey: CoseKey
}

/** What the passphrase also protects: a file whose name or public key was exchanged does not open. */
const boundTo = (file: Pick<KeyFile, 'person' | 'keyId' | 'publicKey'>): Uint8Array =>
  utf8(`${FORMAT}\n${file.person}\n${file.keyId}\n${file.publicKey}`)

const derive = (passphrase: string, scrypt: KeyFile['scrypt']): Buffer =>
  scryptSync(passphrase.normalize('NFC'), findBase64Url(scrypt.salt) ?? new Uint8Array(0), 32, {
    N: scrypt.n,
    r: scrypt.r,
    p: scrypt.p,
    maxmem: 256 * scrypt.n * scrypt.r,
  })

/**
 * Makes a person's key and writes its file with mode 0600: scrypt over the passphrase, AES-256-GCM over the secret.
 * @throws Refusal `FILE_EXISTS`: a key is never overwritten. `REQUEST_INVALID` for a passphrase below 8 characters.
 */
export function createPersonKey(
  path: string,
  person: string,
  passphrase: string,
  cost = keyFileCost,
  kind: SecretKind = 'ed25519',
): PersonKey {
  if (passphrase.length < 8) throw new Refusal('REQUEST_INVALID', { field: 'passphrase', why: 'below 8 characters' })
  requirePersonName(person)
  const secret = makeSecret(kind)
  const publicKey = publicKeyOf(kind, secret)
  const open = { person, keyId: keyIdHexOf(publicKey), publicKey: toBase64Url(encodeCbor(coseKeyToCbor(publicKey))) }
  const scrypt = { ...cost, salt: toBase64Url(randomBytes(16)) }
  const nonce = randomBytes(12)
  const cipher = createCipheriv('aes-256-gcm', derive(passphrase, scrypt), nonce).setAAD(boundTo(open))
  const sealed = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()])
  secret.fill(0)
  const file: KeyFile = { format: FORMAT, ...open, scrypt, nonce: toBase64Url(nonce), sealed: toBase64Url(sealed) }
  createLocalFile(path, `${JSON.stringify(file, null, 2)}\n`, 0o600)
  return { person, keyId: open.keyId, publicKey }
}

/** @throws Refusal `REQUEST_INVALID`. */
export function requirePersonName(person: string): void {
  if (!/^[\w.@+-]{1,64}$/.test(person))
    throw new Refusal('REQUEST_INVALID', { field: 'person', why: 'not 1 to 64 of letters, digits and . _ @ + -' })
}

function parseKeyFile<T extends z.infer<typeof OpenPart>>(
  path: string,
  schema: z.ZodType<T>,
): { file: T; key: PersonKey } {
  const malformed = (why: string): Refusal => new Refusal('FILE_UNREADABLE', { path, why })
  const text = readLocalText(path)
  let json: unknown
  try {
    json = JSON.parse(text)
  } catch {
    throw malformed('not a key file: no JSON')
  }
  const parsed = schema.safeParse(json)
  if (!parsed.success) throw malformed(`not a key file: ${parsed.error.issues[0]?.path.join('.') ?? ''}`)
  const publicKey = coseKeyFromCbor(decodeCbor(findBase64Url(parsed.data.publicKey) ?? new Uint8Array(0)))
  if (keyIdHexOf(publicKey) !== parsed.data.keyId) throw malformed('key id and public key do not belong together')
  return { file: parsed.data, key: { person: parsed.data.person, keyId: parsed.data.keyId, publicKey } }
}

/** Whose key it is; needs no passphrase. @throws Refusal `FILE_UNREADABLE`, `KEY_MALFORMED`. */
export const showPersonKey = (path: string): PersonKey => parseKeyFile(path, OpenPart).key

/**
 * Opens a key file for signing. The secret stays inside the signer that is returned.
 * @throws Refusal `PASSPHRASE_WRONG`, `FILE_UNREADABLE`, `KEY_MALFORMED`.
 */
export function openPersonKey(path: string, passphrase: string): { key: PersonKey; signer: MessageSigner } {
  const { file, key } = parseKeyFile(path, KeyFile)
  const { kind } = key.publicKey
  if (kind === 'akp') throw new Refusal('FILE_UNREADABLE', { path, why: 'a kind of key that files do not hold' })
  const secret = unseal(file, passphrase)
  const signer = signerOf(kind, secret)
  secret.fill(0)
  if (!equalBytes(signer.keyId, keyIdOf(key.publicKey)))
    throw new Refusal('FILE_UNREADABLE', { path, why: 'the private key is not that of the public key' })
  return { key, signer }
}

function unseal(file: KeyFile, passphrase: string): Buffer {
  const sealed = findBase64Url(file.sealed) ?? new Uint8Array(0)
  const nonce = findBase64Url(file.nonce) ?? new Uint8Array(0)
  if (sealed.length !== SECRET_BYTES + TAG_BYTES || nonce.length !== 12) throw new Refusal('PASSPHRASE_WRONG', {})
  const cipher = createDecipheriv('aes-256-gcm', derive(passphrase, file.scrypt), nonce)
  cipher.setAAD(boundTo(file)).setAuthTag(sealed.subarray(SECRET_BYTES))
  try {
    return Buffer.concat([cipher.update(sealed.subarray(0, SECRET_BYTES)), cipher.final()])
  } catch (error) {
    // GCM cannot tell a wrong passphrase from a changed file: neither opens.
    throw new Refusal('PASSPHRASE_WRONG', {}, { cause: error })
  }
}
