import { createPublicKey, X509Certificate } from 'node:crypto'
import { z } from 'zod'
import { sha256Hex } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import type { EmbeddedKey } from '../inspect/key-ring.js'
import type { ApiClient } from './api-client.js'
import { bytesOf, listOf } from './api-answers.js'
import { readLocalFile } from './local-file.js'
import { requireNoPrivateKey } from './public-key-file.js'

const PEM = /^-----BEGIN (?:PUBLIC KEY|CERTIFICATE)-----\r?$/m

/**
 * PEM becomes DER here. What is no public key never leaves this machine: it might be a private one.
 * @throws Refusal `FILE_UNREADABLE`.
 */
export function readPublicDer(path: string): Uint8Array {
  const bytes = readLocalFile(path, 65_536)
  const text = Buffer.from(bytes).toString('latin1')
  requireNoPrivateKey(path, text)
  const isPem = PEM.test(text)
  const certificate = findCertificate(bytes)
  try {
    if (certificate !== null) return new Uint8Array(certificate.raw)
    const key = isPem ? text : { key: Buffer.from(bytes), format: 'der' as const, type: 'spki' as const }
    const der = createPublicKey(key).export({ format: 'der', type: 'spki' })
    // Whether DER is canonical is the server's to judge, so it gets the file as it is.
    return isPem ? new Uint8Array(der) : bytes
  } catch (error) {
    throw new Refusal('FILE_UNREADABLE', { path, why: 'neither a public key nor a certificate' }, { cause: error })
  }
}

function findCertificate(bytes: Uint8Array): X509Certificate | null {
  try {
    return new X509Certificate(bytes)
  } catch {
    return null
  }
}

/** A key for an inspection on this machine. @throws Refusal `FILE_UNREADABLE`. */
export function readEmbeddedKey(path: string): EmbeddedKey {
  const der = readPublicDer(path)
  const certificate = findCertificate(der)
  if (certificate !== null && !certificate.ca)
    throw new Refusal('FILE_UNREADABLE', {
      path,
      why: 'not the certificate of a CA; of a single signer give the public key',
    })
  const key = certificate === null ? createPublicKey({ key: Buffer.from(der), format: 'der', type: 'spki' }) : null
  return { id: sha256Hex(der), kind: key?.asymmetricKeyType ?? 'x509-ca', der }
}

const Registered = z.looseObject({ kind: z.string(), der: z.string() })

/** What the namespace registered, as the server tells. Each is named by its own bytes. */
export async function fetchEmbeddedKeys(api: ApiClient): Promise<readonly EmbeddedKey[]> {
  const { items } = await api.get('/embedded-keys', listOf(Registered))
  return items.map(({ kind, der: text }) => {
    const der = bytesOf(text)
    return { id: sha256Hex(der), kind, der }
  })
}
