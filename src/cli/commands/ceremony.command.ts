import type { Command } from 'commander'
import { nativeAlgorithms } from '../../domain/cose/algorithms.js'
import { sha256, toHex } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import { openPolicy } from '../../domain/trust/open-policy.js'
import { parsePolicy, type Policy } from '../../domain/trust/policy.js'
import { parseRoot, type Root } from '../../domain/trust/root.js'
import { openMultiSigned } from '../../domain/trust/signed-document.js'
import { anchorState, sha256Hex } from '../../domain/trust/trust-state.js'
import { takeRoot } from '../../domain/trust/walk-root.js'
import { makePolicy } from '../ceremony/policy-spec.js'
import { describePolicy, describePolicyDifference } from '../ceremony/policy-text.js'
import { makeRoot } from '../ceremony/root-spec.js'
import { describeRoot, describeRootDifference } from '../ceremony/root-text.js'
import { assembleDocument, writeSignatureFile, type CeremonyDocument } from '../ceremony/signature-file.js'
import {
  defineCommand,
  defineGroup,
  withKey,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
} from '../command-shape.js'
import { createLocalFile, readLocalFile } from '../local-file.js'
import { fingerprintText } from '../quantity-text.js'
import { confirm, openKey, type KeyOptions, type World } from '../session.js'
import { Output } from '../terminal.js'

interface MakeOptions extends CommonOptions {
  readonly spec: string
  readonly out: string
  readonly previous?: string
}
interface SignOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly out: string
  readonly previous?: string
}
interface AssembleOptions extends CommonOptions {
  readonly out: string
  readonly previous?: string
  readonly root?: string
}

/** `ceremony`: root and policy are made from a spec, signed by each holder apart, and put together. No server is needed. */
export function addCeremonyCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'ceremony', 'make, sign and assemble roots and policies, offline')
  const root = defineGroup(group, 'root', 'who may sign what in one namespace')
  const policy = defineGroup(group, 'policy', 'which people may do what, within which limits')
  addMake(root, 'root', world)
  addSign(root, 'root', world)
  addAssemble(root, 'root', world).action((file: string, signatures: string[], options: AssembleOptions) =>
    assembleRoot(world, file, signatures, options),
  )
  addMake(policy, 'policy', world)
  addSign(policy, 'policy', world)
  addAssemble(policy, 'policy', world)
    .requiredOption('--root <file>', 'the signed root that lists the role policy')
    .action((file: string, signatures: string[], options: AssembleOptions) =>
      assemblePolicy(world, file, signatures, options),
    )
}

function addMake(group: Command, document: CeremonyDocument, world: World): void {
  defineCommand(
    group,
    'make',
    `make an unsigned ${document} from a spec`,
    `ceremony ${document} make --spec ${document}.json --out ${document}.unsigned`,
  )
    .requiredOption('--spec <file>', 'JSON, see docs/formats')
    .requiredOption('--out <file>', 'where to write it; never over another file')
    .option('--previous <file>', `the signed ${document} it follows: shows the difference`)
    .action((options: MakeOptions) => make(world, document, options))
}

function addSign(group: Command, document: CeremonyDocument, world: World): void {
  withYes(
    withKey(
      defineCommand(
        group,
        'sign <file>',
        `sign an unsigned ${document} as one holder`,
        `ceremony ${document} sign ${document}.unsigned --key holder-1.key --out holder-1.sig`,
      ),
    ),
  )
    .requiredOption('--out <file>', 'where to write the signature')
    .option('--previous <file>', `the signed ${document} it follows: shows the difference`)
    .action((file: string, options: SignOptions) => sign(world, document, file, options))
}

const addAssemble = (group: Command, document: CeremonyDocument, _world: World): Command =>
  defineCommand(
    group,
    'assemble <file> <signatures...>',
    `put the holders' signatures to a ${document} and verify the whole`,
    `ceremony ${document} assemble ${document}.unsigned holder-1.sig holder-2.sig --out ${document}-1.cbor`,
  )
    .requiredOption('--out <file>', `where to write the signed ${document}`)
    .option('--previous <file>', `the signed ${document} it follows`)

const previousRoot = (file: string): Root => anchorState(readLocalFile(file), nativeAlgorithms).root
const previousPolicy = (file: string): Policy =>
  parsePolicy(openMultiSigned('policy', readLocalFile(file), nativeAlgorithms).payload)

/** What people read before they sign, with the difference when there is a document before. */
function describe(document: CeremonyDocument, payload: Uint8Array, previous: string | undefined): string[] {
  const fingerprint = `payload       ${fingerprintText(toHex(sha256(payload)))}`
  if (document === 'root') {
    const root = parseRoot(payload)
    const before = previous === undefined ? null : previousRoot(previous)
    if (before !== null && root.version !== before.version + 1)
      throw new Refusal('ROOT_VERSION', { expected: before.version + 1, found: root.version })
    return [
      ...describeRoot(root),
      ...(before === null ? [] : ['', ...describeRootDifference(before, root)]),
      fingerprint,
    ]
  }
  const policy = parsePolicy(payload)
  const before = previous === undefined ? null : previousPolicy(previous)
  if (before !== null && policy.version <= before.version)
    throw new Refusal('POLICY_VERSION', { held: before.version, offered: policy.version })
  return [
    ...describePolicy(policy),
    ...(before === null ? [] : ['', ...describePolicyDifference(before, policy)]),
    fingerprint,
  ]
}

function make(world: World, document: CeremonyDocument, options: MakeOptions): void {
  const output = new Output(world.terminal, options.json === true)
  const { payload } = document === 'root' ? makeRoot(options.spec) : makePolicy(options.spec)
  output.lines(describe(document, payload, options.previous))
  createLocalFile(options.out, payload, 0o644)
  output.line(`written to ${options.out}, unsigned`)
  output.result({ document, file: options.out, payloadSha256: toHex(sha256(payload)) })
}

async function sign(world: World, document: CeremonyDocument, file: string, options: SignOptions): Promise<void> {
  const output = new Output(world.terminal, options.json === true)
  const payload = readLocalFile(file)
  output.lines(describe(document, payload, options.previous))
  await confirm(world, options.yes, `Sign this ${document}?`)
  const { key, signer } = await openKey(world, options)
  await writeSignatureFile(document, payload, { person: key.person, signer }, options.out)
  output.line(`signature of ${key.person} (${key.keyId}) written to ${options.out}`)
  output.result({ document, signer: key.person, keyId: key.keyId, file: options.out })
}

function assembleRoot(world: World, file: string, signatures: readonly string[], options: AssembleOptions): void {
  const output = new Output(world.terminal, options.json === true)
  const bytes = assembleDocument('root', readLocalFile(file), signatures)
  const { root } =
    options.previous === undefined
      ? anchorState(bytes, nativeAlgorithms)
      : takeRoot(anchorState(readLocalFile(options.previous), nativeAlgorithms), bytes, nativeAlgorithms)
  // Alone, only root 1 can be judged: a successor needs the threshold of the one before.
  if (options.previous === undefined && root.version !== 1)
    throw new Refusal('REQUEST_INVALID', { field: '--previous', why: `needed for root ${root.version}` })
  finish(output, options, 'root', root.version, bytes)
}

function assemblePolicy(world: World, file: string, signatures: readonly string[], options: AssembleOptions): void {
  const output = new Output(world.terminal, options.json === true)
  const bytes = assembleDocument('policy', readLocalFile(file), signatures)
  const state = anchorState(readLocalFile(options.root ?? ''), nativeAlgorithms)
  const before = options.previous === undefined ? null : readLocalFile(options.previous)
  const held =
    before === null ? null : { version: previousPolicy(options.previous ?? '').version, sha256: sha256Hex(before) }
  const policy = openPolicy(state, bytes, held, world.clock.nowSeconds(), nativeAlgorithms)
  finish(output, options, 'policy', policy.version, bytes)
}

function finish(
  output: Output,
  options: AssembleOptions,
  document: CeremonyDocument,
  version: number,
  bytes: Uint8Array,
): void {
  createLocalFile(options.out, bytes, 0o644)
  const fingerprint = sha256Hex(bytes)
  output.line(`${document} ${version} is complete and written to ${options.out}`)
  output.line(`fingerprint   ${fingerprintText(fingerprint)}`)
  output.result({ document, version, file: options.out, fingerprint })
}
