import type { Command } from 'commander'
import { toBase64Url } from '../../domain/bytes.js'
import { Refusal } from '../../domain/refusal.js'
import type { HeldKrl } from '../../domain/trust/trust-state.js'
import { AnyAnswer } from '../api-answers.js'
import { parseRequestFile } from '../ceremony/request-file.js'
import { defineCommand, defineGroup, sessionOf, type CommonOptions } from '../command-shape.js'
import { findDue, printDue } from '../key-list.js'
import { readLocalFile } from '../local-file.js'
import { timeText } from '../quantity-text.js'
import { deliverRequest } from '../request-delivery.js'
import type { Session, World } from '../session.js'
import type { Output } from '../terminal.js'
import type { HeldTrust } from '../trust-store.js'

interface PushOptions extends CommonOptions {
  readonly root?: string
  readonly policy?: string
  readonly krl?: string
  readonly request?: string
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
    const held = await session.refreshTrust()
    const now = world.clock.nowSeconds()
    printHeld(session.output, held)
    printDue(session.output, findDue(held, now), now)
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
    'give the server what people signed: a root, a policy, an emergency list, a request with its approvals',
    'trust push --root root-2.cbor',
  )
    .option('--root <file>', 'a signed root')
    .option('--policy <file>', 'a signed policy')
    .option('--krl <file>', 'a revocation list signed by an emergency key')
    .option('--request <file>', 'a list or an order that a ceremony assembled with its approvals')
    .action((options: PushOptions) => push(world, options))
}

async function push(world: World, options: PushOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { root, policy, krl, request } = options
  // A policy may be signed by keys that only the new root lists, and a request by people whom only the new policy does.
  if (root !== undefined) await pushDocument(session, 'root', '/trust/roots', root)
  if (policy !== undefined) await pushDocument(session, 'policy', '/trust/policies', policy)
  if (krl !== undefined) await pushDocument(session, 'krl', '/trust/krls', krl)
  if (request !== undefined) await deliverRequest(session, parseRequestFile(readLocalFile(request)))
  if ([root, policy, krl, request].every((each) => each === undefined))
    throw new Refusal('REQUEST_INVALID', { field: '--root, --policy, --krl or --request', why: 'none is given' })
}

async function pushDocument(session: Session, name: string, path: string, file: string): Promise<void> {
  const answer = await session.api.post(path, { [name]: toBase64Url(readLocalFile(file)) }, AnyAnswer)
  session.output.line(`the server took the ${name} ${file}`)
  session.output.result({ [name]: answer })
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
