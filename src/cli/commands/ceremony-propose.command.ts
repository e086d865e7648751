import { Option, type Command } from 'commander'
import type { SignerName } from '../../domain/trust/signer-order.js'
import { proposePayload } from '../ceremony/ceremony-acts.js'
import type { CeremonyKind } from '../ceremony/ceremony-kind.js'
import { contextOf, previousFiles, withDryRun, withFiles, type WriteOptions } from '../ceremony/ceremony-options.js'
import { requireHeld } from '../ceremony/ceremony-trust.js'
import {
  parseClassNumber,
  parseDigest,
  proposeKrlPayload,
  type ClassNumber,
  type KrlProposal,
} from '../ceremony/krl-proposal.js'
import { proposeClockReset, proposeResume } from '../ceremony/order-proposal.js'
import { makePolicy } from '../ceremony/policy-spec.js'
import { makeRoot } from '../ceremony/root-spec.js'
import { collect, defineCommand, wholeNumber } from '../command-shape.js'
import { parseReason, revocationReasons } from '../revocation-reason.js'
import type { World } from '../session.js'

interface SpecOptions extends WriteOptions {
  readonly spec: string
}
interface OrderOptions extends WriteOptions {
  readonly process: SignerName
  readonly status: string
  readonly sequence?: readonly ClassNumber[]
  readonly hours: number
}

/** `propose`: from what was decided to the bytes that everybody signs. */
export function addPropose(group: Command, kind: CeremonyKind, world: World): void {
  if (kind.name === 'root' || kind.name === 'policy') return addFromSpec(group, kind, world)
  return kind.name === 'krl' ? addKrl(group, kind, world) : addOrder(group, kind, world)
}

const define = (group: Command, kind: CeremonyKind, summary: string, options: string): Command =>
  withDryRun(
    withFiles(defineCommand(group, 'propose', summary, `ceremony ${kind.name} propose ${options}`), kind),
  ).requiredOption('--out <file>', 'where to write it; never over another file')

function addFromSpec(group: Command, kind: CeremonyKind, world: World): void {
  const { name } = kind
  const example = `--spec ${name}-2.json${previousFiles(kind)} --out ${name}-2.unsigned`
  define(group, kind, `make an unsigned ${name} from a spec`, example)
    .requiredOption('--spec <file>', 'JSON, see docs/formats/ceremony-files.md')
    .action((options: SpecOptions) => {
      const { payload } = name === 'root' ? makeRoot(options.spec) : makePolicy(options.spec)
      proposePayload(world, kind, payload, options)
    })
}

function addKrl(group: Command, kind: CeremonyKind, world: World): void {
  const example = '--revoke 4c1f09ab --reason compromise --out krl.unsigned'
  define(group, kind, 'make the list after the one that is held; with nothing added it only has new dates', example)
    .option('--revoke <keyid>', 'revoke this key, named by 8 digits of its id or more; repeat it', collect(String))
    .option('--withdraw <digest>', 'withdraw the release of this SUIT digest; repeat it', collect(parseDigest))
    .option('--floor <class=sequence>', 'nothing below this sequence any more; repeat it', collect(parseClassNumber))
    .addOption(
      new Option('--reason <reason>', `one of ${revocationReasons.join(', ')}`)
        .argParser(parseReason)
        .default(0, 'unspecified'),
    )
    .option('--emergency', 'for an emergency key: may revoke the key of the signer, and skips 1000 numbers')
    .action((options: WriteOptions & KrlProposal) => {
      const { held, now } = contextOf(world, kind, options)
      proposePayload(world, kind, proposeKrlPayload(requireHeld({ held }), options, now), options)
    })
}

function addOrder(group: Command, kind: CeremonyKind, world: World): void {
  const command = define(
    group,
    kind,
    'make the order from what the signer says of itself',
    `--process release --status status.json --out ${kind.name}.unsigned`,
  )
    .addOption(new Option('--process <name>', 'which signer').choices(['release', 'online']).makeOptionMandatory())
    .requiredOption('--status <file>', 'what "countersign signer status --process NAME --json" printed')
  const isResume = kind.name === 'resume-signer'
  if (isResume)
    command.option(
      '--sequence <class=sequence>',
      'highest sequence of a class that may have been signed, where you know better; repeat it',
      collect(parseClassNumber),
    )
  else command.option('--hours <count>', 'how long the order may be carried out', wholeNumber(1, 24), 24)
  command.action((options: OrderOptions) => {
    const { held, now } = contextOf(world, kind, options)
    const trust = requireHeld({ held })
    const payload = isResume ? proposeResume(trust, options) : proposeClockReset(trust, options, now)
    proposePayload(world, kind, payload, options)
  })
}
