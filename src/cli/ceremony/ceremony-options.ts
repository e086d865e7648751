import type { Command } from 'commander'
import { collect, type CommonOptions } from '../command-shape.js'
import { readLocalFile } from '../local-file.js'
import type { World } from '../session.js'
import { TrustStore } from '../trust-store.js'
import type { CeremonyContext, CeremonyKind } from './ceremony-kind.js'
import { findTrust, type TrustFiles } from './ceremony-trust.js'

/** What every step of a ceremony is told. */
export interface CeremonyOptions extends CommonOptions, TrustFiles {
  readonly previous?: string
  readonly role?: string
}
export interface WriteOptions extends CeremonyOptions {
  readonly out: string
  readonly dryRun?: boolean
}

/** Roots and policies have numbered versions; lists and orders follow from what is held. */
export const isNumbered = ({ name }: CeremonyKind): boolean => name === 'root' || name === 'policy'

/** In an example: what a holder compares with, and of a policy what it is verified by. */
export const previousFiles = ({ name }: CeremonyKind): string =>
  `${name === 'policy' ? ' --root root-1.cbor' : ''} --previous ${name}-1.cbor`

/** The files that a document of this kind is judged by; without any, what this machine has verified before. */
export function withFiles(command: Command, kind: CeremonyKind): Command {
  if (kind.name === 'root') return command.option('--previous <file>', 'the signed root it follows')
  command.option('--root <file>', 'a signed root; repeat it in order, up to the newest', collect(String))
  if (kind.name === 'policy') return command.option('--previous <file>', 'the signed policy it follows')
  return command
    .option('--policy <file>', 'the signed policy that lists the people')
    .option('--krl <file>', kind.name === 'krl' ? 'the signed list it follows' : 'the newest signed list')
}

export const withDryRun = (command: Command): Command =>
  command.option('--dry-run', 'do everything but sign and write: no file is made or changed')

/** What a command says about the world before this document. */
export function contextOf(world: World, kind: CeremonyKind, options: CeremonyOptions): CeremonyContext {
  const now = world.clock.nowSeconds()
  const { previous, role } = options
  const common = { now, ...(role === undefined ? {} : { role }) }
  if (kind.name === 'root') {
    const root = previous === undefined ? {} : { root: [previous] }
    return { ...common, held: findTrust(world.home, root, now), before: null }
  }
  const held = findTrust(world.home, options, now)
  if (kind.name !== 'policy') return { ...common, held, before: null }
  if (previous !== undefined) return { ...common, held, before: readLocalFile(previous) }
  const before = options.root === undefined ? (new TrustStore(world.home).find()?.policyBytes ?? null) : null
  return { ...common, held, before }
}
