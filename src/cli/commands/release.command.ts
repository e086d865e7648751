import { Option, type Command } from 'commander'
import { Refusal } from '../../domain/refusal.js'
import { AnyListAnswer, listOf, ReleaseAnswer, ReleaseRowAnswer } from '../api-answers.js'
import {
  defineCommand,
  defineGroup,
  pagingOf,
  segment,
  sessionOf,
  withKey,
  withKeyFor,
  withPaging,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
  type ListOptions,
} from '../command-shape.js'
import { addReleasePath } from './release-path.command.js'
import { describeEvidence, listEvidence } from '../evidence-text.js'
import { describeFindings } from '../findings-text.js'
import { approveRelease } from '../release-approval.js'
import { printKrlRequest } from '../krl-request-text.js'
import { submitFallback } from '../release-fallback.js'
import { reSignRelease } from '../release-re-sign.js'
import { withdrawRelease } from '../release-withdrawal.js'
import { parseReason, revocationReasons } from '../revocation-reason.js'
import { sizeText } from '../quantity-text.js'
import type { KeyOptions, Session, World } from '../session.js'

interface CreateOptions extends CommonOptions, Partial<KeyOptions> {
  readonly request: string
  readonly description?: string
  readonly fallback?: string
}
interface ApproveOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly role?: string
}
interface WithdrawOptions extends ApproveOptions {
  readonly reason: number
}
interface RejectOptions extends CommonOptions {
  readonly reason: string
}

/** `release`: from a submission to a signed envelope. */
export function addReleaseCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'release', 'firmware with its manifest, on its way to a signature')
  addCreate(group, world)
  withPaging(defineCommand(group, 'list', 'releases of the namespace', 'release list --limit 20')).action(
    (options: ListOptions) => list(world, options),
  )
  defineCommand(group, 'show <id>', 'one release as the server shows it', 'release show 3f6c…').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      const release = await session.api.get(`/releases/${segment(id)}`, ReleaseAnswer)
      const evidence = await listEvidence(session.api, release.imageSha256)
      printRelease(session, { ...release, evidence })
      session.output.lines(describeEvidence(evidence).map((line) => `  ${line}`))
    },
  )
  addApprove(group, 'release approve', world)
  defineCommand(group, 'reject <id>', 'say no, with a reason', 'release reject 3f6c… --reason "wrong branch"')
    .requiredOption('--reason <text>', 'why; everybody reads it')
    .action((id: string, options: RejectOptions) => act(world, id, 'rejection', { reason: options.reason }, options))
  defineCommand(
    group,
    'renew <id>',
    'give an overtaken release the next sequence; its approvals are void',
    'release renew 3f6c…',
  ).action((id: string, options: CommonOptions) => act(world, id, 'renew', {}, options))
  addReleasePath(group, world)
  addReSign(group, world)
  addWithdraw(group, world)
  addApprove(program, 'approve', world)
}

function addCreate(group: Command, world: World): void {
  const create = defineCommand(
    group,
    'create',
    'make a release from a submission, and with --fallback the release to roll forward to when it fails',
    'release create --request 5f0c… --description "fixes the watchdog" --fallback 3f6c… --key engineer-1.key',
  )
    .requiredOption('--request <id>', 'request id that "firmware upload" printed')
    .option('--description <text>', 'what people read about it')
    .option(
      '--fallback <release>',
      'a signed release: its image is submitted once more, approved and signed with this one',
    )
  withKeyFor(create, 'for --fallback: your key file').action((options: CreateOptions) => createRelease(world, options))
}

function addReSign(group: Command, world: World): void {
  withYes(
    withKey(
      defineCommand(
        group,
        're-sign <id>',
        'ask for the signature of a newer key for a signed release, or join who asked, and approve it',
        'release re-sign 3f6c… --key manager-1.key',
      ),
    ),
  )
    .option('--role <role>', 'the role to approve in, when the policy gives you several')
    .action(async (id: string, options: ApproveOptions) => {
      const session = sessionOf(world, options)
      const answer = await reSignRelease(session, id, options)
      session.output.line(`release ${id}: re-signature ${answer.state}`)
      if (answer.state !== 'signed')
        session.output.line(`next: countersign release re-sign ${id} --key FILE, by another person`)
      session.output.result(answer)
    })
}

function addWithdraw(group: Command, world: World): void {
  withYes(
    withKey(
      defineCommand(
        group,
        'withdraw <id>',
        'propose and approve a revocation list that takes a signed release back',
        'release withdraw 3f6c… --reason compromise --key security-1.key',
      ),
    ),
  )
    .addOption(
      new Option('--reason <reason>', `one of ${revocationReasons.join(', ')}`)
        .argParser(parseReason)
        .makeOptionMandatory(),
    )
    .option('--role <role>', 'the role to approve in, when the policy gives you several')
    .action(async (id: string, options: WithdrawOptions) => {
      const session = sessionOf(world, options)
      printKrlRequest(session, await withdrawRelease(session, id, options))
    })
}

function addApprove(parent: Command, path: string, world: World): void {
  withYes(
    withKey(
      defineCommand(
        parent,
        'approve <id>',
        'check a release on this machine, show what will be signed, and countersign it',
        `${path} 3f6c… --key manager-1.key`,
      ),
    ),
  )
    .option('--role <role>', 'the role to approve in, when the policy gives you several')
    .action(async (id: string, options: ApproveOptions) => {
      const session = sessionOf(world, options)
      printRelease(session, await approveRelease(session, id, options))
    })
}

async function createRelease(world: World, options: CreateOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { request: requestId, description, fallback, key } = options
  if (fallback !== undefined && key === undefined)
    throw new Refusal('CONFIGURATION', { name: '--key', why: 'you sign for what is submitted as the fallback' })
  const fallbackRequestId =
    fallback === undefined || key === undefined
      ? undefined
      : await submitFallback(session, fallback, { ...options, key })
  const body = {
    requestId,
    ...(description === undefined ? {} : { description }),
    ...(fallbackRequestId === undefined ? {} : { fallbackRequestId }),
  }
  printRelease(session, await session.api.post('/releases', body, ReleaseAnswer))
}

async function act(world: World, id: string, action: string, body: unknown, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  printRelease(session, await session.api.post(`/releases/${segment(id)}/${action}`, body, ReleaseAnswer))
}

async function list(world: World, options: ListOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.get(`/releases${pagingOf(options)}`, listOf(ReleaseRowAnswer))
  for (const row of answer.items)
    session.output.line(`${row.id}  ${row.state.padEnd(18)}  ${row.version.padEnd(14)}  sequence ${row.sequence}`)
  session.output.result(AnyListAnswer.parse(answer))
}

function printRelease(session: Session, release: ReleaseAnswer): void {
  const approvals = release.approvals.map((row) => `${row.person ?? '?'} (${row.role ?? '?'})`)
  session.output.lines([
    `release ${release.id}: ${release.state}`,
    `  version ${release.version}, sequence ${release.sequence}, class ${release.className ?? release.classId}`,
    `  image ${release.imageSha256}, ${sizeText(release.imageSizeBytes)}`,
    `  approvals: ${approvals.length === 0 ? 'none' : approvals.join(', ')}`,
    ...(typeof release.fallbackId === 'string' ? [`  fallback: release ${release.fallbackId}`] : []),
    ...(typeof release.fallbackOf === 'string' ? [`  is the fallback of release ${release.fallbackOf}`] : []),
  ])
  session.output.lines(describeFindings(release['findings']).map((line) => `  ${line}`))
  const refusal = release['lastRefusal']
  if (typeof refusal === 'object' && refusal !== null) {
    const facts = Object.entries(refusal).map(([name, value]) => `${name}=${String(value)}`)
    session.output.line(`  the signer refused when it was last asked: ${facts.join(' ')}`)
  }
  session.output.result(release)
}
