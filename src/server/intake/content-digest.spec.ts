import { describe, expect, it } from '@jest/globals'
import { sha256, toHex, utf8 } from '../../domain/bytes.js'
import { requireDigestFields } from './content-digest.js'

const image = utf8('firmware')
const digest = sha256(image)
const base64 = Buffer.from(digest).toString('base64')
const hold = (value: string): void => requireDigestFields(digest, { 'content-digest': value })

describe('Content-Digest', () => {
  it.each([
    ['alone', `sha-256=:${base64}:`],
    ['after another that is not compared', `sha-512=:AAAA:, sha-256=:${base64}:`],
    ['before another, with tabs', `sha-256=:${base64}:\t,\tunixsum=:AAAA:`],
    ['between blanks', `  sha-256=:${base64}:  `],
  ])('is taken %s', (_, value) => {
    expect(() => hold(value)).not.toThrow()
  })

  it('is not needed, and is compared under either name', () => {
    expect(() => requireDigestFields(digest, { 'content-digest': undefined })).not.toThrow()
    const other = Buffer.from(sha256(utf8('other'))).toString('base64')
    for (const field of ['content-digest', 'repr-digest'])
      expect(() => requireDigestFields(digest, { [field]: `sha-256=:${other}:` })).toThrow(
        expect.objectContaining({
          code: 'DIGEST_MISMATCH',
          detail: { what: field, expected: toHex(digest), found: toHex(sha256(utf8('other'))) },
        }),
      )
  })

  const form = 'not a dictionary of byte sequences, such as sha-256=:…:'
  it.each([
    ['empty', '', form],
    ['hex', `sha-256=${toHex(digest)}`, form],
    ['without its end', `sha-256=:${base64}`, form],
    ['with a comma behind it', `sha-256=:${base64}:,`, form],
    ['with a parameter', `sha-256=:${base64}:;q=1`, form],
    ['with blanks about the sign', `sha-256 = :${base64}:`, form],
    ['in capitals', `SHA-256=:${base64}:`, form],
    ['base64url', `sha-256=:${base64.replaceAll('+', '-').replaceAll('/', '_').replace('=', '')}:`, form],
    ['without padding', `sha-256=:${base64.replace(/=+$/, '')}:`, form],
    ['with stray bits', `sha-256=:${base64.slice(0, -2)}${base64.at(-2) === 'E' ? 'F' : 'B'}=:`, form],
    ['of another algorithm alone', 'sha-512=:AAAA:', 'no sha-256'],
    ['too short', 'sha-256=:AAAA:', 'sha-256 is not 32 bytes'],
    ['twice', `sha-256=:${base64}:, sha-256=:${base64}:`, 'sha-256 stands there twice'],
    ['too long', `sha-256=:${base64}:${' '.repeat(1_024)}`, 'longer than 1024 characters'],
  ])('is refused %s', (_, value, why) => {
    const detail = { field: 'content-digest', why }
    expect(() => hold(value)).toThrow(expect.objectContaining({ code: 'REQUEST_INVALID', detail }))
  })
})
