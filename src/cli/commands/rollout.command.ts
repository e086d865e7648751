import type { Command } from 'commander'
import { AnyListAnswer, listOf, RolloutAnswer, RolloutRowAnswer } from '../api-answers.js'
import {
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
import { ExitWith } from '../exit-with.js'
import { timeText } from '../quantity-text.js'
import { approveRollout } from '../rollout-approval.js'
import { clearRollouts, type ClearingOptions } from '../rollout-clearing.js'
import { describeRolloutPlan, RolloutPlanAnswer } from '../rollout-plan-text.js'
import { describeRules } from '../rollout-rules-text.js'
import { describeRollout } from '../rollout-table.js'
import { watchRollout } from '../rollout-watch.js'
import type { KeyOptions, Session, World } from '../session.js'
import { addRolloutCreate } from './rollout-create.command.js'

interface ApproveOptions extends CommonOptions, ConfirmOptions, KeyOptions {
  readonly role?: string
}
interface WatchOptions extends CommonOptions {
  readonly intervalMs: number
}

/** `rollout`: a signed release on its way to devices, at the pace that fleet managers sign. */
export function addRolloutCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'rollout', 'a release on its way to devices, in stages')
  addRolloutCreate(group, world)
  addPlan(group, world)
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
    ['roll-back', 'take it back: devices roll forward to the fallback that was signed with it'],
  ] as const
  for (const [action, summary] of actions)
    defineCommand(group, `${action} <id>`, summary, `rollout ${action} 81d0…`).action(
      (id: string, options: CommonOptions) => act(world, id, action, options),
    )
  defineCommand(group, 'show <id>', 'stages, counts and failures', 'rollout show 81d0… --json').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      const rollout = await session.api.get(`/rollouts/${segment(id)}`, RolloutAnswer)
      printRollout(session, rollout)
      session.output.lines(describeRules(rollout).map((line) => `  ${line}`))
    },
  )
  withPaging(defineCommand(group, 'list', 'rollouts of the namespace', 'rollout list')).action((options: ListOptions) =>
    list(world, options),
  )
  defineCommand(
    group,
    'watch <id>',
    'follow it live; exits 0 when finished and 2 when paused, cancelled or rolled back',
    'rollout watch 81d0…',
  )
    .option('--interval-ms <ms>', 'time between two looks', wholeNumber(50, 600_000), 1_000)
    .action((id: string, options: WatchOptions) => watchRollout(sessionOf(world, options), id, options.intervalMs))
  withYes(
    defineCommand(
      group,
      'clear',
      'forget what became of each device in rollouts that ended so long ago; counts and what people signed stay',
      'rollout clear --ended-days 180 --dry-run',
    ),
  )
    .requiredOption('--ended-days <days>', 'days since they ended', wholeNumber(1, 36_500))
    .option('--dry-run', 'only say what would go')
    .action((options: ClearingOptions & CommonOptions) => clearRollouts(sessionOf(world, options), options))
}

function addPlan(group: Command, world: World): void {
  defineCommand(
    group,
    'plan <id>',
    'what it would do if it started now: devices, stages, bytes, earliest end; exits 2 when it is impossible',
    'rollout plan 81d0…',
  ).action(async (id: string, options: CommonOptions) => {
    const session = sessionOf(world, options)
    const plan = await session.api.get(`/rollouts/${segment(id)}/plan`, RolloutPlanAnswer)
    session.output.lines(describeRolloutPlan(plan, world.clock.nowSeconds()))
    session.output.result(plan)
    if (plan.impossible !== null) throw new ExitWith(2)
  })
}

async function act(world: World, id: string, action: string, options: CommonOptions): Promise<void> {
  const session = sessionOf(world, options)
  printRollout(session, await session.api.post(`/rollouts/${segment(id)}/${action}`, {}, RolloutAnswer))
}

async function list(world: World, options: ListOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.get(`/rollouts${pagingOf(options)}`, listOf(RolloutRowAnswer))
  for (const row of answer.items) session.output.line(rowText(row))
  session.output.result(AnyListAnswer.parse(answer))
}

function rowText({ id, state, pauseReason, parentId, createdAt }: RolloutRowAnswer): string {
  const why = typeof pauseReason === 'string' ? ` (${pauseReason})` : ''
  const of = typeof parentId === 'string' ? `, the fallback of ${parentId}` : ''
  const at = typeof createdAt === 'number' ? `  ${timeText(createdAt)}` : ''
  return `${id}${at}  ${state}${why}${of}`
}

function printRollout(session: Session, rollout: RolloutAnswer): void {
  session.output.lines(describeRollout(rollout))
  session.output.result(rollout)
}
