import type { Command } from 'commander'
import { toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { HeldKrl } from '../../domain/trust/trust-state.js'
import { AnyAnswer } from '../api-answers.js'
import { defineCommand, defineGroup, sessionOf, type CommonOptions } from '../command-shape.js'
import { readLocalFile } from '../local-file.js'
import { timeText } from '../quantity-text.js'
import type { World } from '../session.js'
import type { Output } from '../terminal.js'
import type { HeldTrust } from '../trust-store.js'

interface PushOptions extends CommonOptions {
  readonly root?: string
  readonly policy?: string
  readonly krl?: string
}

/** `trust`: what this machine has verified, and what the server is given. */
export function addTrustCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'trust', 'root, policy and revocation list as verified here')
  defineCommand(
    group,
    'update',
    'fetch roots, policy and revocation list and verify them from the pinned root',
    'trust update',
  ).action(async (options: CommonOptions) => {
    const session = sessionOf(world, options)
    printHeld(session.output, await session.refreshTrust())
  })
  defineCommand(group, 'show', 'what is held, without asking the server', 'trust show --json').action(
    (options: CommonOptions) => {
      const session = sessionOf(world, options)
      printHeld(session.output, session.store.load())
    },
  )
  defineCommand(
    group,
    'push',
    'give the server a signed root, policy or emergency list',
    'trust push --root root-2.cbor',
  )
    .option('--root <file>', 'a signed root')
    .option('--policy <file>', 'a signed policy')
    .option('--krl <file>', 'a revocation list signed by an emergency key')
    .action((options: PushOptions) => push(world, options))
}

async function push(world: World, options: PushOptions): Promise<void> {
  const session = sessionOf(world, options)
  if (options.root === undefined && options.policy === undefined && options.krl === undefined)
    throw new Refusal('REQUEST_INVALID', { field: '--root, --policy or --krl', why: 'none is given' })
  // A policy may be signed by keys that only the new root lists: the root goes first.
  if (options.root !== undefined) {
    const answer = await session.api.post('/trust/roots', { root: toBase64Url(readLocalFile(options.root)) }, AnyAnswer)
    session.output.line(`the server took the root ${options.root}`)
    session.output.result({ root: answer })
  }
  if (options.policy !== undefined) {
    const body = { policy: toBase64Url(readLocalFile(options.policy)) }
    const answer = await session.api.post('/trust/policies', body, AnyAnswer)
    session.output.line(`the server took the policy ${options.policy}`)
    session.output.result({ policy: answer })
  }
  if (options.krl !== undefined) {
    const answer = await session.api.post('/trust/krls', { krl: toBase64Url(readLocalFile(options.krl)) }, AnyAnswer)
    session.output.line(`the server took the revocation list ${options.krl}`)
    session.output.result({ krl: answer })
  }
}

function printHeld(output: Output, held: HeldTrust): void {
  const { root } = held.state
  output.lines([
    `namespace  ${root.namespace}`,
    `root       ${root.version}, until ${timeText(root.expires)}`,
    ...describePolicyHeld(held.policy),
    ...describeKrlHeld(held.state.krl),
  ])
  output.result({
    namespace: root.namespace,
    rootVersion: root.version,
    rootExpires: root.expires,
    policy: held.policy && { version: held.policy.version, expires: held.policy.expires },
    krl: held.state.krl && krlToJson(held.state.krl),
  })
}

const describePolicyHeld = (policy: HeldTrust['policy']): string[] => [
  policy === null ? 'policy     none' : `policy     ${policy.version}, until ${timeText(policy.expires)}`,
]

const describeKrlHeld = (krl: HeldKrl | null): string[] => [
  krl === null
    ? 'KRL        none'
    : `KRL        ${krl.number}, next due ${timeText(krl.nextUpdate)}, ${krl.keys.size} keys revoked`,
]

const krlToJson = (krl: HeldKrl) => ({
  number: krl.number,
  sha256: krl.sha256,
  hardExpiry: krl.hardExpiry,
  revokedKeyIds: [...krl.keys.keys()],
})
