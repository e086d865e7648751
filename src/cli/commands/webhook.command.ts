import type { Command } from 'commander'
import { z } from 'zod'
import { AnyListAnswer } from '../api-answers.js'
import {
  collect,
  defineCommand,
  defineGroup,
  pagingOf,
  segment,
  sessionOf,
  wholeNumber,
  withPaging,
  type CommonOptions,
  type ListOptions,
} from '../command-shape.js'
import { createLocalFile, requireNoFile } from '../local-file.js'
import type { World } from '../session.js'

interface CreateOptions extends CommonOptions {
  readonly url: string
  readonly type?: readonly string[]
  readonly out?: string
}
interface ReplayOptions extends CommonOptions {
  readonly hours: number
}

/** `webhook`: other systems that are told of events. */
export function addWebhookCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'webhook', 'other systems that are told of events')
  defineCommand(
    group,
    'create',
    'tell a system of events; the secret that signs them is shown once',
    "webhook create --url https://chat.example/hook --type 'rollout.*' --out hook.secret",
  )
    .requiredOption('--url <url>', 'where to: https, and on a laptop set-up also http to this machine')
    .option('--type <type>', 'only these: release.signed, rollout.*; repeat it; default: all', collect(String))
    .option('--out <file>', 'write the secret to a file of mode 0600 instead of showing it')
    .action((options: CreateOptions) => create(world, options))
  withPaging(defineCommand(group, 'list', 'webhooks, without their secrets', 'webhook list')).action(
    (options: ListOptions) => list(world, `/webhooks${pagingOf(options)}`, options),
  )
  withPaging(
    defineCommand(
      group,
      'deliveries <id>',
      'what became of the newest messages',
      'webhook deliveries 5d1c… --limit 20',
    ),
  ).action((id: string, options: ListOptions) =>
    list(world, `/webhooks/${segment(id)}/deliveries${pagingOf(options)}`, options),
  )
  defineCommand(group, 'replay <id>', 'send again what happened in the last hours', 'webhook replay 5d1c… --hours 48')
    .option('--hours <hours>', 'how far back, 720 at most', wholeNumber(1, 720), 24)
    .action((id: string, options: ReplayOptions) => replay(world, id, options))
  defineCommand(group, 'remove <id>', 'tell a system nothing more', 'webhook remove 5d1c…').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      await session.api.delete(`/webhooks/${segment(id)}`)
      session.output.line(`webhook ${id} is removed`)
      session.output.result({ id, state: 'removed' })
    },
  )
}

async function create(world: World, options: CreateOptions): Promise<void> {
  const session = sessionOf(world, options)
  requireNoFile(options.out)
  const body = { url: options.url, types: options.type ?? ['*'] }
  const answer = await session.api.post('/webhooks', body, z.looseObject({ id: z.string(), secret: z.string() }))
  session.output.line(`webhook ${answer.id}`)
  if (options.out === undefined) {
    session.output.lines(['secret, shown this once:', answer.secret])
    session.output.result(answer)
    return
  }
  createLocalFile(options.out, `${answer.secret}\n`, 0o600)
  session.output.line(`secret written to ${options.out}`)
  session.output.result({ ...answer, secret: undefined, file: options.out })
}

async function list(world: World, path: string, options: ListOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.get(path, AnyListAnswer)
  for (const row of answer.items) session.output.line(JSON.stringify(row))
  session.output.result(answer)
}

async function replay(world: World, id: string, options: ReplayOptions): Promise<void> {
  const session = sessionOf(world, options)
  const since = Math.max(0, world.clock.nowSeconds() - options.hours * 3_600)
  const answer = await session.api.post(
    `/webhooks/${segment(id)}/replay`,
    { since },
    z.looseObject({ messages: z.number() }),
  )
  session.output.line(`${answer.messages} messages are sent again`)
  session.output.result(answer)
}
