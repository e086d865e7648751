import type { Command } from 'commander'
import { assembleParts, showDocument, showSpec, signPayload, verifyDocument } from '../ceremony/ceremony-acts.js'
import type { CeremonyKind } from '../ceremony/ceremony-kind.js'
import {
  previousFiles,
  isNumbered,
  withDryRun,
  withFiles,
  type CeremonyOptions,
  type WriteOptions,
} from '../ceremony/ceremony-options.js'
import { krlCeremony } from '../ceremony/krl-ceremony.js'
import { clockResetCeremony, resumeCeremony } from '../ceremony/order-ceremony.js'
import { policyCeremony } from '../ceremony/policy-ceremony.js'
import { rootCeremony } from '../ceremony/root-ceremony.js'
import {
  defineCommand,
  defineGroup,
  withKey,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
} from '../command-shape.js'
import type { KeyOptions, World } from '../session.js'
import { addPropose } from './ceremony-propose.command.js'

const kinds: readonly (readonly [CeremonyKind, summary: string])[] = [
  [rootCeremony, 'who may sign what in one namespace'],
  [policyCeremony, 'which people may do what, within which limits'],
  [krlCeremony, 'what is revoked: approved by a quorum, or signed by an emergency key'],
  [resumeCeremony, 'lets a signer go on whose state may be a restored one'],
  [clockResetCeremony, 'lets a signer believe its clock again'],
]

/**
 * `ceremony`: what several people sign, each on their own machine, at a time of their own. Only files go between them, and no
 * server is asked.
 */
export function addCeremonyCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'ceremony', 'what several people sign, each on their own machine, offline')
  for (const [kind, summary] of kinds) {
    const own = defineGroup(group, kind.name, summary)
    for (const add of [addPropose, addShow, addSpec, addSign, addAssemble, addVerify]) add(own, kind, world)
  }
}

/** Names of files in examples. */
function namesOf(kind: CeremonyKind): {
  readonly unsigned: string
  readonly finished: string
  readonly previous: string
} {
  const { name } = kind
  return isNumbered(kind)
    ? { unsigned: `${name}-2.unsigned`, finished: `${name}-2.cbor`, previous: previousFiles(kind) }
    : { unsigned: `${name}.unsigned`, finished: `${name}.request`, previous: '' }
}

function addShow(group: Command, kind: CeremonyKind, world: World): void {
  const { unsigned, previous } = namesOf(kind)
  const example = `ceremony ${kind.name} show ${unsigned}${previous}`
  const command = defineCommand(group, 'show <file>', 'say in words what a document holds and what it changes', example)
  withFiles(command, kind).action((file: string, options: CeremonyOptions) => showDocument(world, kind, file, options))
}

function addSpec(group: Command, kind: CeremonyKind, world: World): void {
  if (kind.specAfter === undefined) return
  const { name } = kind
  const example = `ceremony ${name} spec ${name}-1.cbor > ${name}-2.json`
  defineCommand(
    group,
    'spec <file>',
    'print the spec of the version after it, to be edited and proposed',
    example,
  ).action((file: string, options: CommonOptions) => showSpec(world, kind, file, options))
}

function addSign(group: Command, kind: CeremonyKind, world: World): void {
  const { unsigned, previous } = namesOf(kind)
  const example = `ceremony ${kind.name} sign ${unsigned}${previous} --key holder-1.key --out holder-1.sig`
  const command = defineCommand(group, 'sign <file>', 'read what it changes, and sign it as one holder', example)
  withDryRun(withFiles(withYes(withKey(command)), kind)).requiredOption('--out <file>', 'where to write the signature')
  if (!isNumbered(kind)) command.option('--role <role>', 'the role to approve in, when the policy gives you several')
  command.action((file: string, options: WriteOptions & ConfirmOptions & KeyOptions) =>
    signPayload(world, kind, file, options),
  )
}

function addAssemble(group: Command, kind: CeremonyKind, world: World): void {
  const { unsigned, previous, finished } = namesOf(kind)
  const example = `ceremony ${kind.name} assemble ${unsigned} holder-1.sig holder-2.sig${previous} --out ${finished}`
  const summary = 'put the signatures together, verify the whole, and write it with its transcript'
  withDryRun(withFiles(defineCommand(group, 'assemble <file> <signatures...>', summary, example), kind))
    .requiredOption('--out <file>', 'where to write it; the transcript stands beside it')
    .action((file: string, signatures: readonly string[], options: WriteOptions) =>
      assembleParts(world, kind, file, signatures, options),
    )
}

function addVerify(group: Command, kind: CeremonyKind, world: World): void {
  const { finished, previous } = namesOf(kind)
  const example = `ceremony ${kind.name} verify ${finished}${previous} --transcript ${finished}.transcript.json`
  withFiles(defineCommand(group, 'verify <file>', 'verify what was assembled, and say who signed it', example), kind)
    .option('--transcript <file>', 'hold its transcript against it too')
    .action((file: string, options: CeremonyOptions & { readonly transcript?: string }) =>
      verifyDocument(world, kind, file, options),
    )
}
