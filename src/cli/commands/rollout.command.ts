import { InvalidArgumentError, type Command } from 'commander'
import { AnyListAnswer, listOf, RolloutAnswer, RolloutRowAnswer } from '../api-answers.js'
import {
  collect,
  defineCommand,
  defineGroup,
  pagingOf,
  segment,
  sessionOf,
  wholeNumber,
  withKey,
  withPaging,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
  type ListOptions,
} from '../command-shape.js'
import { approveRollout } from '../rollout-approval.js'
import { describeRollout } from '../rollout-table.js'
import { watchRollout } from '../rollout-watch.js'
import type { KeyOptions, Session, World } from '../session.js'

type Share = ({ readonly devices: number } | { readonly percent: number }) & { readonly where?: string }
interface CreateOptions extends CommonOptions {
  readonly release: string
  readonly fallback?: string
  readonly stage: readonly Share[]
  readonly gate: { readonly confirmedPercent: number }
  readonly failureLimit: { readonly count: number } | { readonly percent: number }
  readonly devicesPerHour: number
  readonly devicesTotal: number
  readonly class?: string
  readonly device?: readonly string[]
  readonly where?: string
  readonly expires?: number
}
interface ApproveOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly role?: string
}
interface WatchOptions extends CommonOptions {
  readonly intervalMs: number
}

const MOST_DEVICES = 100_000_000
const wholeDevices = wholeNumber(1, MOST_DEVICES)

/** "10%" as a number from 1 to 100, or null when it has no "%". */
const findPercent = (text: string): number | null =>
  text.endsWith('%') ? wholeNumber(1, 100)(text.slice(0, -1)) : null

function parseStage(text: string): Share {
  const [, share = text, where] = /^([^:]*):(.+)$/s.exec(text) ?? []
  const percent = findPercent(share)
  const size = percent === null ? { devices: wholeDevices(share) } : { percent }
  return where === undefined ? size : { ...size, where }
}

function parseGate(text: string): { confirmedPercent: number } {
  const confirmedPercent = findPercent(text)
  if (confirmedPercent === null) throw new InvalidArgumentError('a share of confirmed devices, such as 90%')
  return { confirmedPercent }
}

function parseFailureLimit(text: string): { count: number } | { percent: number } {
  const percent = findPercent(text)
  return percent === null ? { count: wholeNumber(0, MOST_DEVICES)(text) } : { percent }
}

/** `rollout`: a signed release on its way to devices, at the pace that fleet managers sign. */
export function addRolloutCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'rollout', 'a release on its way to devices, in stages')
  addCreate(group, world)
  withYes(
    withKey(
      defineCommand(
        group,
        'approve <id>',
        'check the plan on this machine and sign its pace',
        'rollout approve 81d0… --key fleet-1.key',
      ),
    ),
  )
    .option('--role <role>', 'the role to approve in, when the policy gives you several')
    .action(async (id: string, options: ApproveOptions) => {
      const session = sessionOf(world, options)
      printRollout(session, await approveRollout(session, id, options))
    })
  const actions = [
    ['start', 'begin with the first stage'],
    ['pause', 'make no further offers; devices that have one go on'],
    ['resume', 'go on after a pause'],
    ['cancel', 'end it; what is confirmed stays'],
  ] as const
  for (const [action, summary] of actions)
    defineCommand(group, `${action} <id>`, summary, `rollout ${action} 81d0…`).action(
      (id: string, options: CommonOptions) => act(world, id, action, options),
    )
  defineCommand(group, 'show <id>', 'stages, counts and failures', 'rollout show 81d0… --json').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      printRollout(session, await session.api.get(`/rollouts/${segment(id)}`, RolloutAnswer))
    },
  )
  withPaging(defineCommand(group, 'list', 'rollouts of the namespace', 'rollout list')).action((options: ListOptions) =>
    list(world, options),
  )
  defineCommand(
    group,
    'watch <id>',
    'follow it live; exits 0 when finished and 2 when paused or cancelled',
    'rollout watch 81d0…',
  )
    .option('--interval-ms <ms>', 'time between two looks', wholeNumber(50, 600_000), 1_000)
    .action((id: string, options: WatchOptions) => watchRollout(sessionOf(world, options), id, options.intervalMs))
}

function addCreate(group: Command, world: World): void {
  defineCommand(
    group,
    'create',
    'plan a rollout; nothing moves before its pace is signed and it is started',
    'rollout create --release 3f6c… --stage 3 --stage 10% --stage 100% --gate 90% --failure-limit 2 --devices-per-hour 500 --devices-total 5000',
  )
    .requiredOption('--release <id>', 'a signed release')
    .requiredOption(
      '--stage <devices|percent>',
      'size of a stage, such as 3 or 10%, or 10%:FILTER for devices that fit; repeat it',
      collect(parseStage),
    )
    .requiredOption('--gate <percent>', 'share of a stage that must be confirmed before the next opens', parseGate)
    .requiredOption(
      '--failure-limit <count|percent>',
      'failures that are borne; one more pauses the rollout',
      parseFailureLimit,
    )
    .requiredOption('--devices-per-hour <count>', 'pace the online signer holds the rollout to', wholeDevices)
    .requiredOption('--devices-total <count>', 'devices in all', wholeDevices)
    .option('--fallback <id>', 'a signed release to roll forward to when this one fails')
    .option('--class <name>', 'only devices of this class')
    .option('--device <id>', 'only this device; repeat it', collect(String))
    .option(
      '--where <filter>',
      'only devices that fit it, also those that fit it later: \'site = "lyon" and not tag frozen\'',
    )
    .option('--expires <seconds>', 'end of the plan, seconds since the epoch', wholeNumber(1, Number.MAX_SAFE_INTEGER))
    .action((options: CreateOptions) => create(world, options))
}

async function create(world: World, options: CreateOptions): Promise<void> {
  const session = sessionOf(world, options)
  const filter = {
    ...(options.class === undefined ? {} : { className: options.class }),
    ...(options.device === undefined ? {} : { deviceIds: options.device }),
    ...(options.where === undefined ? {} : { where: options.where }),
  }
  const body = {
    releaseId: options.release,
    ...(options.fallback === undefined ? {} : { fallbackReleaseId: options.fallback }),
    stages: options.stage,
    gate: options.gate,
    failureLimit: options.failureLimit,
    devicesPerHour: options.devicesPerHour,
    devicesTotal: options.devicesTotal,
    ...(options.expires === undefined ? {} : { expires: options.expires }),
    ...(Object.keys(filter).length === 0 ? {} : { filter }),
  }
  printRollout(session, await session.api.post('/rollouts', body, RolloutAnswer))
}

async function act(world: World, id: string, action: string, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  printRollout(session, await session.api.post(`/rollouts/${segment(id)}/${action}`, {}, RolloutAnswer))
}

async function list(world: World, options: ListOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.get(`/rollouts${pagingOf(options)}`, listOf(RolloutRowAnswer))
  for (const row of answer.items) session.output.line(`${row.id}  ${row.state}`)
  session.output.result(AnyListAnswer.parse(answer))
}

function printRollout(session: Session, rollout: RolloutAnswer): void {
  session.output.lines(describeRollout(rollout))
  session.output.result(rollout)
}
