import { Option, type Command } from 'commander'
import { AcknowledgementAnswer, KrlRequestAnswer, listOf } from '../api-answers.js'
import {
  defineCommand,
  defineGroup,
  segment,
  sessionOf,
  wholeNumber,
  withKey,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
} from '../command-shape.js'
import { describeDrill, drill } from '../key-drill.js'
import { findDue, listKeys, printDue, printKeys } from '../key-list.js'
import { approveKrl, proposeKrl } from '../krl-approval.js'
import { addEmergency } from './emergency.command.js'
import { printKrlRequest } from '../krl-request-text.js'
import { requireRevocableKey } from '../krl-change.js'
import { parseReason, revocationReasons } from '../revocation-reason.js'
import type { KeyOptions, World } from '../session.js'
import { z } from 'zod'

interface SignOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly role?: string
}
interface RevokeOptions extends SignOptions {
  readonly reason: number
}

/** `keys`: the keys of root and policy, and the list of those that are revoked. */
export function addKeysCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'keys', 'keys of the namespace and the revocation list (KRL)')
  defineCommand(
    group,
    'list',
    'every key of the newest root: role, state, life, owner and deputy; in red what has to be renewed',
    'keys list',
  ).action((options: CommonOptions) => list(world, options))
  defineCommand(group, 'due', 'what has to be renewed within 30 days, and how', 'keys due --json').action(
    (options: CommonOptions) => due(world, options),
  )
  addRevoke(group, world)
  addEmergency(group, world)
  addDrill(group, world)
  withSignature(
    group,
    'krl-first',
    'propose and approve the first revocation list, which is empty',
    'keys krl-first --key security-1.key',
  ).action((options: SignOptions) => propose(world, options))
  withSignature(
    group,
    'renew',
    'propose and approve a list with new dates and nothing added',
    'keys renew --key security-1.key',
  ).action((options: SignOptions) => propose(world, options))
  withSignature(
    group,
    'approve <request>',
    'check a proposed list on this machine and approve it',
    'keys approve 7b21… --key manager-2.key',
  ).action(async (id: string, options: SignOptions) => {
    const session = sessionOf(world, options)
    printKrlRequest(session, await approveKrl(session, id, options))
  })
  defineCommand(group, 'requests', 'proposed revocation lists', 'keys requests').action((options: CommonOptions) =>
    listRequests(world, options),
  )
  defineCommand(group, 'status <number>', 'how many devices acknowledged a list, and how fast', 'keys status 2').action(
    (number: string, options: CommonOptions) => status(world, number, options),
  )
}

function addDrill(group: Command, world: World): void {
  defineCommand(
    group,
    'drill',
    'rehearse the compromise of a manifest key on a copy (in a clone of the project), and say how long each step takes; production stays as it is',
    'keys drill --devices 50',
  )
    .option('--devices <count>', 'simulated devices', wholeNumber(1, 1_000), 20)
    .option('--without-sandbox', 'only where none can be made; said in the result')
    .action(async (options: CommonOptions & { readonly devices: number; readonly withoutSandbox?: boolean }) => {
      const session = sessionOf(world, options)
      const result = await drill(session, { devices: options.devices, sandbox: options.withoutSandbox !== true })
      session.output.lines(describeDrill(session.login.namespace, result))
      session.output.result({ namespace: session.login.namespace, ...result })
    })
}

function addRevoke(group: Command, world: World): void {
  withSignature(
    group,
    'revoke <keyid>',
    'propose and approve a list that revokes a key, named by the first 8 digits of its id or more',
    'keys revoke 4c1f09ab --reason compromise --key security-1.key',
  )
    .addOption(
      new Option('--reason <reason>', `one of ${revocationReasons.join(', ')}`)
        .argParser(parseReason)
        .makeOptionMandatory(),
    )
    .action(async (text: string, options: RevokeOptions) => {
      const session = sessionOf(world, options)
      const held = await session.refreshTrust()
      const { keyId } = requireRevocableKey(held, text)
      const entry = { keyId, reason: options.reason, time: world.clock.nowSeconds() }
      printKrlRequest(session, await proposeKrl(session, held, { keys: [entry] }, options))
    })
}

const withSignature = (group: Command, usage: string, summary: string, example: string): Command =>
  withYes(withKey(defineCommand(group, usage, summary, example))).option(
    '--role <role>',
    'the role to approve in, when the policy gives you several',
  )

async function propose(world: World, options: SignOptions): Promise<void> {
  const session = sessionOf(world, options)
  printKrlRequest(session, await proposeKrl(session, await session.refreshTrust(), {}, options))
}

async function list(world: World, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const held = await session.refreshTrust()
  const now = world.clock.nowSeconds()
  const keys = listKeys(held, now)
  printKeys(session.output, keys)
  printDue(session.output, findDue(held, now), now)
  session.output.result(keys)
}

async function due(world: World, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const held = await session.refreshTrust()
  const now = world.clock.nowSeconds()
  const rows = findDue(held, now)
  if (rows.length === 0) session.output.line('nothing has to be renewed within 30 days')
  printDue(session.output, rows, now)
  session.output.result(rows)
}

async function listRequests(world: World, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.get('/krl-requests', z.union([z.array(KrlRequestAnswer), listOf(KrlRequestAnswer)]))
  const rows = Array.isArray(answer) ? answer : answer.items
  for (const row of rows) session.output.line(`${row.id}  list ${row.number}  ${row.state}`)
  session.output.result(rows)
}

async function status(world: World, text: string, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const number = wholeNumber(1, Number.MAX_SAFE_INTEGER)(text)
  const row = await session.api.get(`/krl-acknowledgements/${segment(String(number))}`, AcknowledgementAnswer)
  session.output.lines([
    `revocation list ${row.number}: ${row.acknowledged} of ${row.devices} devices acknowledged it, ${row.outstanding} outstanding`,
  ])
  if (row.acknowledged > 0)
    session.output.line(
      `half of them within ${String(row['p50Ms'])} ms, 99 of 100 within ${String(row['p99Ms'])} ms, the last after ${String(row['lastMs'])} ms`,
    )
  session.output.result(row)
}
