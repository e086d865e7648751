import { createPublicKey, X509Certificate } from 'node:crypto'
import type { Command } from 'commander'
import { z } from 'zod'
import { toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { listOf } from '../api-answers.js'
import { defineCommand, defineGroup, segment, sessionOf, type CommonOptions } from '../command-shape.js'
import { readLocalFile } from '../local-file.js'
import type { World } from '../session.js'

const KeyAnswer = z.looseObject({ id: z.string(), kind: z.string(), label: z.string() })
interface AddOptions extends CommonOptions {
  readonly label: string
}

/** `embedded-key`: public keys of the signatures that image formats carry themselves. */
export function addEmbeddedKeyCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'embedded-key', 'public keys that sign inside images (MCUboot, RAUC, SWUpdate …)')
  defineCommand(
    group,
    'add <file>',
    "register a public key or a CA's certificate, PEM or DER",
    'embedded-key add mcuboot-2026.pem --label "MCUboot 2026"',
  )
    .requiredOption('--label <label>', 'what people call it')
    .action(async (file: string, options: AddOptions) => {
      const session = sessionOf(world, options)
      const body = { label: options.label, der: toBase64Url(readPublicDer(file)) }
      const key = await session.api.post('/embedded-keys', body, KeyAnswer)
      session.output.line(`registered ${key.kind} "${key.label}": ${key.id}`)
      session.output.result(key)
    })
  defineCommand(group, 'list', 'registered keys', 'embedded-key list').action(async (options: CommonOptions) => {
    const session = sessionOf(world, options)
    const answer = await session.api.get('/embedded-keys', listOf(KeyAnswer))
    for (const key of answer.items) session.output.line(`${key.id}  ${key.kind.padEnd(10)}  ${key.label}`)
    session.output.result(answer)
  })
  defineCommand(
    group,
    'remove <id>',
    'take a key back; what was found with it stays as it was found',
    'embedded-key remove 9f86d081…',
  ).action(async (id: string, options: CommonOptions) => {
    const session = sessionOf(world, options)
    await session.api.delete(`/embedded-keys/${segment(id)}`)
    session.output.line(`removed ${id}`)
    session.output.result({ id, state: 'removed' })
  })
}

const PEM = /^-----BEGIN (?:PUBLIC KEY|CERTIFICATE)-----\r?$/m

/**
 * PEM becomes DER here. What is no public key never leaves this machine: it might be a private one.
 * @throws Refusal `FILE_UNREADABLE`.
 */
function readPublicDer(path: string): Uint8Array {
  const bytes = readLocalFile(path, 65_536)
  const text = Buffer.from(bytes).toString('latin1')
  if (text.includes('PRIVATE KEY-----')) throw new Refusal('FILE_UNREADABLE', { path, why: 'it holds a private key' })
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
