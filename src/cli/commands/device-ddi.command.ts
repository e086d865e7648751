import type { Command } from 'commander'
import { z } from 'zod'
import { AnyListAnswer, listOf } from '../api-answers.js'
import {
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
import { repeatsText } from '../device-watch.js'
import { readLocalText } from '../local-file.js'
import { printable } from '../printable-text.js'
import type { Session, World } from '../session.js'

interface RegisterOptions extends CommonOptions {
  readonly class: string
  readonly tokenFile?: string
}
interface TokenOptions extends CommonOptions {
  readonly tokenFile?: string
}
interface GatewayOptions extends CommonOptions {
  readonly label: string
  readonly class?: string
  readonly uses: number
  readonly expires: number
}

const Entry = z.looseObject({
  atMs: z.number(),
  by: z.string(),
  status: z.string(),
  messages: z.array(z.string()),
  progress: z.tuple([z.number(), z.number()]).nullable(),
})
const Action = z.looseObject({
  id: z.string(),
  rolloutId: z.string(),
  outcome: z.string().nullable(),
  repeats: z.number(),
  entries: z.array(Entry),
})

/** `device ddi`: clients of SWUpdate, RAUC and Zephyr, which sign nothing. */
export function addDeviceDdiCommands(devices: Command, world: World): void {
  const group = defineGroup(devices, 'ddi', 'clients that speak hawkBit DDI: SWUpdate, RAUC, Zephyr')
  defineCommand(
    group,
    'register <controller-id>',
    'let a client in, with a token of its own',
    'device ddi register pump-17 --class gateway-r2',
  )
    .requiredOption('--class <name>', 'name of the device class')
    .option('--token-file <file>', 'a token that the client has already, instead of a new one')
    .action((id: string, options: RegisterOptions) => register(world, id, options))
  defineCommand(
    group,
    'token <device-id>',
    'a new token for a client; the one before is void at once',
    'device ddi token 9b2e…',
  )
    .option('--token-file <file>', 'a token that the client has already')
    .action(async (id: string, options: TokenOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.post(
        `/ddi/targets/${segment(id)}/token`,
        givenToken(options),
        z.looseObject({ token: z.string() }),
      )
      showToken(session, answer)
    })
  defineCommand(
    group,
    'gateway',
    'a token that acts for every client behind a gateway',
    'device ddi gateway --label hall-3 --class gateway-r2 --uses 500 --expires 90',
  )
    .requiredOption('--label <text>', 'what it is for')
    .option('--class <name>', 'class of unknown clients that it lets in')
    .option('--uses <count>', 'unknown clients that it may let in', wholeNumber(0, 10_000_000), 0)
    .option('--expires <days>', 'days until it is void', wholeNumber(1, 3_660), 90)
    .action((options: GatewayOptions) => gateway(world, options))
  withPaging(defineCommand(group, 'list', 'clients and their attributes', 'device ddi list')).action(
    async (options: ListOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.get(`/ddi/targets${pagingOf(options)}`, AnyListAnswer)
      for (const { controllerId, deviceId, className } of answer.items)
        session.output.line(printable(`${String(controllerId)}  ${String(deviceId)}  ${String(className)}`))
      session.output.result(answer)
    },
  )
  withPaging(
    defineCommand(
      group,
      'history <device-id>',
      'what a client was told and what it said, the newest action first',
      'device ddi history 9b2e…',
    ),
  ).action(async (id: string, options: ListOptions) => {
    const session = sessionOf(world, options)
    const answer = await session.api.get(`/ddi/targets/${segment(id)}/actions${pagingOf(options)}`, listOf(Action))
    for (const action of answer.items) session.output.lines(linesOf(action))
    session.output.result(answer)
  })
}

async function register(world: World, controllerId: string, options: RegisterOptions): Promise<void> {
  const session = sessionOf(world, options)
  const body = { controllerId, className: options.class, ...givenToken(options) }
  const answer = await session.api.post(
    '/ddi/targets',
    body,
    z.looseObject({ deviceId: z.string(), token: z.string() }),
  )
  session.output.line(`device ${answer.deviceId}`)
  showToken(session, answer)
}

async function gateway(world: World, options: GatewayOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { label, uses } = options
  const expires = world.clock.nowSeconds() + options.expires * 86_400
  const body = { label, uses, expires, ...(options.class === undefined ? {} : { className: options.class }) }
  showToken(session, await session.api.post('/ddi/gateway-tokens', body, z.looseObject({ token: z.string() })))
}

/** From a file, so that it is in nobody's list of processes. */
const givenToken = ({ tokenFile }: TokenOptions): { token?: string } =>
  tokenFile === undefined ? {} : { token: readLocalText(tokenFile).trim() }

function showToken(session: Session, answer: { readonly token: string }): void {
  session.output.line('token, shown this once:')
  session.output.line(answer.token)
  session.output.result(answer)
}

function linesOf({ id, rolloutId, outcome, repeats, entries }: z.infer<typeof Action>): string[] {
  const said = entries.map(({ atMs, by, status, messages, progress }) => {
    const part = progress === null ? '' : ` ${progress[0]}/${progress[1]}`
    return printable(`  ${new Date(atMs).toISOString()}  ${by}  ${status}${part}  ${messages.join('; ')}`).trimEnd()
  })
  return [`action ${id}  rollout ${rolloutId}  ${outcome ?? 'open'}${repeatsText(repeats)}`, ...said]
}
