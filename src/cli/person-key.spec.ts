import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { utf8 } from '../domain/bytes.js'
import { ED25519, ESP256, strictAlgorithms } from '../domain/cose/algorithms.js'
import { createPersonKey, openPersonKey, showPersonKey } from './person-key.js'

const cost = { n: 1_024, r: 8, p: 1 }
const passphrase = 'correct horse battery'
const refusal = (code: string, detail: object) => expect.objectContaining({ name: 'Refusal', code, detail }) as never

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'cs-key-'))
})
afterAll(() => rmSync(folder, { recursive: true }))

/** A fresh key file with one member of its JSON exchanged. */
function changedFile(name: string, change: (file: Record<string, unknown>) => object): string {
  const path = join(folder, name)
  createPersonKey(`${path}.good`, 'manager-1', passphrase, cost)
  const file = JSON.parse(readFileSync(`${path}.good`, 'utf8')) as Record<string, unknown>
  writeFileSync(path, JSON.stringify({ ...file, ...change(file) }))
  return path
}

describe('a key file', () => {
  it.each([
    ['ed25519', ED25519],
    ['p256', ESP256],
  ] as const)('of kind %s signs for the public key it shows, and is private', async (kind, algorithm) => {
    const path = join(folder, `${kind}.key`)
    const made = createPersonKey(path, 'manager-1', passphrase, cost, kind)
    expect(statSync(path).mode & 0o777).toBe(0o600)
    expect(showPersonKey(path)).toEqual(made)
    const { key, signer } = openPersonKey(path, passphrase)
    expect(key).toEqual(made)
    const message = utf8('message')
    const signature = await signer.sign(message)
    expect([signer.alg, made.publicKey.kind]).toEqual([algorithm, kind])
    expect(strictAlgorithms.get(algorithm)?.verify(made.publicKey, message, signature)).toBe(true)
  })

  it('is never overwritten', () => {
    const path = join(folder, 'taken.key')
    createPersonKey(path, 'manager-1', passphrase, cost)
    const before = readFileSync(path)
    expect(() => createPersonKey(path, 'manager-1', passphrase, cost)).toThrow(refusal('FILE_EXISTS', { path }))
    expect(readFileSync(path)).toEqual(before)
  })

  it('does not open with another passphrase', () => {
    const path = join(folder, 'closed.key')
    createPersonKey(path, 'manager-1', passphrase, cost)
    expect(() => openPersonKey(path, 'correct horse batterz')).toThrow(refusal('PASSPHRASE_WRONG', {}))
  })

  it('does not open under another name than it was made for', () => {
    const path = changedFile('renamed.key', () => ({ person: 'manager-2' }))
    expect(() => openPersonKey(path, passphrase)).toThrow(refusal('PASSPHRASE_WRONG', {}))
  })

  it('does not open when a byte of the sealed seed was changed', () => {
    const path = changedFile('flipped.key', ({ sealed }) => {
      const bytes = Buffer.from(String(sealed), 'base64url')
      bytes[0] = (bytes[0] ?? 0) ^ 1
      return { sealed: bytes.toString('base64url') }
    })
    expect(() => openPersonKey(path, passphrase)).toThrow(refusal('PASSPHRASE_WRONG', {}))
  })

  it.each([
    ['a key id that is not its thumbprint', { keyId: '0'.repeat(64) }, 'key id and public key do not belong together'],
    [
      'a cost that would take all memory',
      { scrypt: { n: 2 ** 40, r: 8, p: 1, salt: 'AAAA' } },
      'not a key file: scrypt.n',
    ],
    ['a cost that scrypt has no form for', { scrypt: { n: 3, r: 8, p: 1, salt: 'AAAA' } }, 'not a key file: scrypt.n'],
    ['a member we do not know', { note: 'x' }, 'not a key file: '],
  ])('is refused with %s', (_, change, why) => {
    const path = changedFile(
      `malformed-${why.length}-${Object.keys(change).join()}-${JSON.stringify(change).length}.key`,
      () => change,
    )
    expect(() => openPersonKey(path, passphrase)).toThrow(refusal('FILE_UNREADABLE', { path, why }))
  })

  it('needs a passphrase of 8 characters', () => {
    expect(() => createPersonKey(join(folder, 'short.key'), 'manager-1', 'seven77', cost)).toThrow(
      refusal('REQUEST_INVALID', { field: 'passphrase', why: 'below 8 characters' }),
    )
  })
})
