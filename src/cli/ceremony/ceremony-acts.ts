import { sha256Hex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { CommonOptions, ConfirmOptions } from '../command-shape.js'
import { createLocalFile, readLocalFile, requireNoFile } from '../local-file.js'
import { showPersonKey } from '../person-key.js'
import { fingerprintText } from '../quantity-text.js'
import { confirm, openKey, type KeyOptions, type World } from '../session.js'
import { Output } from '../terminal.js'
import type { CeremonyKind, OpenDocument, ReadDocument } from './ceremony-kind.js'
import { contextOf, type CeremonyOptions, type WriteOptions } from './ceremony-options.js'
import { readSignatureFile, writeSignatureFile } from './signature-file.js'
import { makeTranscript, requireTranscript } from './transcript.js'

const outputOf = (world: World, { json }: CommonOptions): Output => new Output(world.terminal, json === true)
const NOTHING_WRITTEN = 'dry run: nothing was signed, no file was made or changed'

/** What people read before they sign, or after. */
const linesOf = (payload: Uint8Array, { says, changes }: ReadDocument): string[] => [
  ...says,
  ...(changes === null || changes.length === 0 ? [] : ['', ...changes]),
  '',
  `payload       ${fingerprintText(sha256Hex(payload))}`,
]

/** Nobody signs a version whose difference to the one before they did not see. @throws Refusal `REQUEST_INVALID`. */
function requireCompared({ changes, title }: ReadDocument): void {
  if (changes === null)
    throw new Refusal('REQUEST_INVALID', { field: '--previous', why: `needed: ${title} follows another` })
}

/** The first step: what a ceremony decided, as bytes that everybody will sign. */
export function proposePayload(world: World, kind: CeremonyKind, payload: Uint8Array, options: WriteOptions): void {
  const output = outputOf(world, options)
  const read = kind.read(payload, contextOf(world, kind, options))
  requireCompared(read)
  requireNoFile(options.out)
  output.lines(linesOf(payload, read))
  const payloadSha256 = sha256Hex(payload)
  if (options.dryRun === true) output.line(NOTHING_WRITTEN)
  else {
    createLocalFile(options.out, payload, 0o644)
    output.line(`written to ${options.out}, unsigned`)
    output.line(
      `next: countersign ceremony ${kind.name} sign ${signedBeside(options)} --key FILE --out FILE, by each holder`,
    )
  }
  const file = options.dryRun === true ? null : options.out
  output.result({ document: kind.name, title: read.title, file, payloadSha256, changes: read.changes })
}

/** The payload, and the files that it was made beside: the next holder needs them too. */
const signedBeside = ({ out, root = [], policy, krl, previous }: WriteOptions): string =>
  [
    out,
    ...root.map((each) => `--root ${each}`),
    ...(policy === undefined ? [] : [`--policy ${policy}`]),
    ...(krl === undefined ? [] : [`--krl ${krl}`]),
    ...(previous === undefined ? [] : [`--previous ${previous}`]),
  ].join(' ')

/** Unsigned or assembled: an unsigned payload is a map of CBOR, an assembled document is none. */
const payloadIn = (kind: CeremonyKind, bytes: Uint8Array): Uint8Array =>
  ((bytes[0] ?? 0) & 0xe0) === 0xa0 ? bytes : kind.payloadOf(bytes)

/** Prints the spec of the version after an assembled one, to be edited. */
export function showSpec(world: World, kind: CeremonyKind, file: string, options: CommonOptions): void {
  const output = outputOf(world, options)
  const spec = kind.specAfter?.(payloadIn(kind, readLocalFile(file)), world.clock.nowSeconds())
  output.lines(JSON.stringify(spec, null, 2).split('\n'))
  output.result(spec)
}

export function showDocument(world: World, kind: CeremonyKind, file: string, options: CeremonyOptions): void {
  const output = outputOf(world, options)
  const payload = payloadIn(kind, readLocalFile(file))
  const read = kind.read(payload, contextOf(world, kind, options))
  output.lines(linesOf(payload, read))
  output.result({ document: kind.name, ...read, payloadSha256: sha256Hex(payload) })
}

/** One holder's act: the difference read, asked, signed. @throws Refusal when this key would not count, or there is no yes. */
export async function signPayload(
  world: World,
  kind: CeremonyKind,
  file: string,
  options: WriteOptions & ConfirmOptions & KeyOptions,
): Promise<void> {
  const output = outputOf(world, options)
  const payload = readLocalFile(file)
  const context = contextOf(world, kind, options)
  const read = kind.read(payload, context)
  requireCompared(read)
  const { person: signer, keyId } = showPersonKey(options.key)
  const as = kind.requireHolder(payload, keyId, context)
  output.lines(linesOf(payload, read))
  output.line(`You sign as ${signer}, with key ${keyId}; it counts as: ${as}.`)
  const result = { document: kind.name, signer, keyId, countsAs: as, payloadSha256: sha256Hex(payload) }
  requireNoFile(options.out)
  if (options.dryRun === true) {
    output.line(NOTHING_WRITTEN)
    output.result({ ...result, file: null })
    return
  }
  await confirm(world, options.yes, `Sign this ${kind.name}?`)
  const opened = await openKey(world, options)
  const part = await kind.sign(payload, opened.signer, context)
  const { comparedWith } = read
  writeSignatureFile(options.out, kind.name, payload, { signer, keyId, signedAt: context.now, comparedWith, part })
  output.line(`signature of ${signer} (${keyId}) written to ${options.out}`)
  output.result({ ...result, file: options.out })
}

/** The last step: everybody's signature on one document, judged as a whole, with the minutes beside it. */
export function assembleParts(
  world: World,
  kind: CeremonyKind,
  file: string,
  signatures: readonly string[],
  options: WriteOptions,
): void {
  const output = outputOf(world, options)
  const payload = readLocalFile(file)
  const context = contextOf(world, kind, options)
  const read = kind.read(payload, context)
  requireCompared(read)
  const parts = signatures.map((path) => readSignatureFile(path, kind.name, payload, read.comparedWith))
  const bytes = kind.assemble(
    payload,
    parts.map(({ part }) => part),
    context,
  )
  const { counted } = kind.open(bytes, context)
  requireAllCounted(parts, counted)
  const fingerprint = sha256Hex(bytes)
  const made = { document: kind.name, read, bytes, payload, counted }
  const transcript = `${options.out}.transcript.json`
  // Both files or none.
  for (const each of [options.out, transcript]) requireNoFile(each)
  if (options.dryRun !== true) {
    createLocalFile(options.out, bytes, 0o644)
    createLocalFile(transcript, `${JSON.stringify(makeTranscript(made, parts, context.now), null, 2)}\n`, 0o644)
  }
  output.line(`${read.title} is complete${options.dryRun === true ? '' : ` and written to ${options.out}`}`)
  output.lines(countedLines(counted))
  output.line(`fingerprint   ${fingerprintText(fingerprint)}`)
  output.line(options.dryRun === true ? NOTHING_WRITTEN : `transcript    ${transcript}`)
  const files = options.dryRun === true ? { file: null, transcript: null } : { file: options.out, transcript }
  output.result({ document: kind.name, title: read.title, ...files, fingerprint, counted })
}

const countedLines = (counted: OpenDocument['counted']): string[] =>
  counted.map(({ keyId, as }) => `signed        ${keyId} (${as})`)

/** A signature that counts for nothing was meant for something else. @throws Refusal `KEY_UNKNOWN`. */
function requireAllCounted(parts: readonly { readonly keyId: string }[], counted: OpenDocument['counted']): void {
  const stranger = parts.find(({ keyId }) => !counted.some((each) => each.keyId === keyId))
  if (stranger !== undefined) throw new Refusal('KEY_UNKNOWN', { keyId: stranger.keyId, role: 'of this ceremony' })
}

/** What those will do who are given the document: the whole of it is judged, and its transcript is held against it. */
export function verifyDocument(
  world: World,
  kind: CeremonyKind,
  file: string,
  options: CeremonyOptions & { readonly transcript?: string },
): void {
  const output = outputOf(world, options)
  const bytes = readLocalFile(file)
  const context = contextOf(world, kind, options)
  const { payload, counted } = kind.open(bytes, context)
  const read = kind.read(payload, context)
  const made = { document: kind.name, read, bytes, payload, counted }
  if (options.transcript !== undefined) {
    requireCompared(read)
    const parts = counted.map(({ keyId }) => ({ keyId, signer: '', signedAt: 0, comparedWith: null, part: payload }))
    requireTranscript(options.transcript, makeTranscript(made, parts, context.now))
  }
  const fingerprint = sha256Hex(bytes)
  output.lines(linesOf(payload, read))
  output.lines(countedLines(counted))
  output.line(`fingerprint   ${fingerprintText(fingerprint)}`)
  output.line(`${read.title} is whole${options.transcript === undefined ? '' : ', and its transcript fits it'}`)
  output.result({ document: kind.name, title: read.title, file, fingerprint, counted, changes: read.changes })
}
