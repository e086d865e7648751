import type { EmbeddedSignature } from '../findings.js'
import type { KeyRing } from '../key-ring.js'
import { judgeSignature } from '../signed-by.js'
import { documentText } from '../text.js'
import { Unreadable } from '../unreadable.js'

/** Lines of a SHA-256, two spaces and a path. @throws Unreadable. */
export function readManifest(text: string): Map<string, string> {
  const stated = new Map<string, string>()
  for (const line of text.split('\n')) {
    if (line === '') continue
    const match = /^([0-9a-f]{64}) [ *](.+)$/.exec(line)
    const [, sha256, name] = match ?? []
    if (sha256 === undefined || name === undefined) throw new Unreadable('its manifest has a line that is none')
    if (stated.has(name)) throw new Unreadable(`its manifest names ${name} twice`)
    stated.set(name, sha256)
  }
  return stated
}

/** The signature stands in base64: RSA (PKCS #1), or ECDSA on P-256 as two numbers of 32 bytes; both over SHA-256. */
export function judgeManifest(manifest: Uint8Array, encoded: Uint8Array, keys: KeyRing): EmbeddedSignature {
  const text = documentText(encoded).trim()
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(text)) return { state: 'invalid', algorithm: 'unknown', why: 'it is no base64' }
  const signature = Buffer.from(text, 'base64')
  if (signature.length > 72)
    return judgeSignature('rsa-pkcs1 sha256', 'sha256', manifest, signature, keys.ofType('rsa'))
  const dsaEncoding = signature.length === 64 ? 'ieee-p1363' : 'der'
  return judgeSignature('ecdsa sha256', 'sha256', manifest, signature, keys.ofType('ec'), { dsaEncoding })
}
