import { Option, type Command } from 'commander'
import { z } from 'zod'
import { keyIdHexOf } from '../../domain/cose/cose-key.js'
import { listOf } from '../api-answers.js'
import { describePolicyDifference } from '../ceremony/policy-text.js'
import {
  defineCommand,
  defineGroup,
  segment,
  sessionOf,
  withKey,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
} from '../command-shape.js'
import { proposeKrl } from '../krl-approval.js'
import { createLocalFile, requireNoFile } from '../local-file.js'
import { offboard } from '../offboarding.js'
import { timeText } from '../quantity-text.js'
import { parseReason, revocationReasons } from '../revocation-reason.js'
import { confirm, openKey, type KeyOptions, type Session, type World } from '../session.js'
import { requirePolicy } from '../trust-store.js'

interface OffboardOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly out: string
  readonly successor?: string
  readonly reason: number
  readonly role?: string
  readonly dryRun?: boolean
}
const MONTH_SECONDS = 30 * 86_400
const TokenRow = z.looseObject({ id: z.string(), person: z.string().nullable(), revokedAt: z.number().nullable() })

/** `person`: who may do what, and how somebody leaves. */
export function addPersonCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'person', 'people of the policy')
  defineCommand(
    group,
    'list',
    'everybody in the policy: roles, keys, life; in red what ends or is revoked',
    'person list',
  ).action((options: CommonOptions) => list(world, options))
  withYes(
    withKey(
      defineCommand(
        group,
        'offboard <name>',
        'propose the policy without a person, ask for the list that revokes their keys, and void their tokens',
        'person offboard manager-2 --successor manager-3 --out policy-2.unsigned --key security-1.key',
      ),
    ),
  )
    .requiredOption('--out <file>', 'where to write the next policy, unsigned')
    .option('--successor <name>', 'who answers for the keys that they own or stand in for')
    .addOption(
      new Option('--reason <reason>', `one of ${revocationReasons.join(', ')}`)
        .argParser(parseReason)
        .default(revocationReasons.indexOf('owner-left'), 'owner-left'),
    )
    .option('--role <role>', 'the role to approve in, when the policy gives you several')
    .option('--dry-run', 'say what would change, and change nothing')
    .action((name: string, options: OffboardOptions) => offboardPerson(world, name, options))
}

async function list(world: World, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  const held = await session.refreshTrust()
  const soon = world.clock.nowSeconds() + MONTH_SECONDS
  const rows = [...requirePolicy(held).persons.values()].map(({ name, roles, keys, notAfter }) => ({
    name,
    roles,
    notAfter,
    keys: keys.map(keyIdHexOf).map((keyId) => ({ keyId, revoked: held.state.krl?.keys.has(keyId) === true })),
  }))
  for (const { name, roles, notAfter, keys } of rows) {
    const line = `${name.padEnd(16)}  ${roles.join(', ')}, until ${timeText(notAfter)}`
    if (notAfter < soon) session.output.alarm(line)
    else session.output.line(line)
    for (const { keyId, revoked } of keys)
      if (revoked) session.output.alarm(`  ${keyId}  revoked`)
      else session.output.line(`  ${keyId}`)
  }
  session.output.result(rows)
}

async function offboardPerson(world: World, name: string, options: OffboardOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { output } = session
  const held = await session.refreshTrust()
  const before = requirePolicy(held)
  const now = world.clock.nowSeconds()
  const { policy, payload, keyIds } = offboard(before, name, options.successor, now)
  output.lines(describePolicyDifference(before, policy))
  const keys = keyIds
    .filter((keyId) => held.state.krl?.keys.has(keyId) !== true)
    .map((keyId) => ({ keyId, reason: options.reason, time: now }))
  if (options.dryRun === true) {
    output.line(`dry run: ${keys.length} keys would be revoked; nothing was signed, no file was made or changed`)
    output.result({ policyVersion: policy.version, keyIds, file: null })
    return
  }
  requireNoFile(options.out)
  await confirm(world, options.yes, `Offboard ${name}?`)
  // A wrong passphrase shows before anything is asked of the server.
  await openKey(world, options)
  createLocalFile(options.out, payload, 0o644)
  // The list keeps them out at once and needs no ceremony; the policy keeps them out for good.
  const request = keys.length === 0 ? null : await proposeKrl(session, held, { keys }, { ...options, yes: true })
  const tokens = await voidTokens(session, name)
  if (request !== null) {
    output.line(`revocation list ${request.number}, request ${request.id}: ${request.state}`)
    if (request.state === 'awaiting-approval')
      output.line(`next: countersign keys approve ${request.id} --key FILE, by another person`)
  }
  output.lines([
    `${tokens.length} tokens of ${name} are void`,
    `policy ${policy.version} without ${name} is written to ${options.out}, unsigned`,
    `next: countersign ceremony policy sign ${options.out} --root root-1.cbor --previous policy-${before.version}.cbor --key FILE --out FILE`,
  ])
  output.result({ policyVersion: policy.version, file: options.out, keyIds, krlRequest: request?.id ?? null, tokens })
}

async function voidTokens({ api }: Session, name: string): Promise<string[]> {
  const { items } = await api.get('/tokens?limit=1000', listOf(TokenRow))
  const own = items.filter(({ person, revokedAt }) => person === name && revokedAt === null)
  for (const { id } of own) await api.delete(`/tokens/${segment(id)}`)
  return own.map(({ id }) => id)
}
