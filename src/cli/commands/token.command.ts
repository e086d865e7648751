import { Option, type Command } from 'commander'
import { z } from 'zod'
import { listOf } from '../api-answers.js'
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
import { timeText } from '../quantity-text.js'
import type { World } from '../session.js'

const roles = ['engineer', 'approver', 'fleet-manager', 'security-officer', 'auditor', 'ci'] as const
const TokenAnswer = z.looseObject({
  id: z.string(),
  label: z.string(),
  roles: z.array(z.string()),
  person: z.string().nullable(),
  expires: z.number(),
  revokedAt: z.number().nullable(),
})
type TokenAnswer = z.infer<typeof TokenAnswer>

interface CreateOptions extends CommonOptions {
  readonly label: string
  readonly role: readonly string[]
  readonly person?: string
  readonly expires: number
  readonly out?: string
}

/** `token`: API tokens. They open the server's door; they sign nothing. */
export function addTokenCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'token', 'API tokens of people and machines')
  defineCommand(
    group,
    'create',
    'make a token; it is shown once',
    'token create --label manager-1 --role approver --person manager-1 --out manager-1.token',
  )
    .requiredOption('--label <label>', 'what the token is called in the audit')
    .addOption(
      new Option('--role <role>', `one of ${roles.join(', ')}; repeat it`)
        .argParser(collect(String))
        .makeOptionMandatory(),
    )
    .option('--person <name>', 'the person of the policy it belongs to')
    .option('--expires <days>', 'days until it is void', wholeNumber(1, 3_660), 90)
    .option('--out <file>', 'write it to a file of mode 0600 instead of showing it')
    .action((options: CreateOptions) => create(world, options))
  withPaging(defineCommand(group, 'list', 'tokens, without their secrets', 'token list')).action(
    async (options: ListOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.get(`/tokens${pagingOf(options)}`, listOf(TokenAnswer))
      for (const row of answer.items) session.output.line(tokenText(row, world.clock.nowSeconds()))
      session.output.result(answer)
    },
  )
  defineCommand(group, 'revoke <id>', 'make a token void at once', 'token revoke 41c0…').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      await session.api.delete(`/tokens/${segment(id)}`)
      session.output.line(`token ${id} is void`)
      session.output.result({ id, state: 'revoked' })
    },
  )
}

function tokenText({ id, label, roles, person, expires, revokedAt }: TokenAnswer, now: number): string {
  const dead = expires <= now ? `expired ${timeText(expires)}` : `until ${timeText(expires)}`
  const life = revokedAt === null ? dead : `void since ${timeText(revokedAt)}`
  return `${id}  ${roles.join(', ').padEnd(16)}  ${life.padEnd(31)}  ${label}${person === null ? '' : `, of ${person}`}`
}

async function create(world: World, options: CreateOptions): Promise<void> {
  const session = sessionOf(world, options)
  requireNoFile(options.out)
  const body = {
    label: options.label,
    roles: options.role,
    ...(options.person === undefined ? {} : { person: options.person }),
    expires: world.clock.nowSeconds() + options.expires * 86_400,
  }
  const answer = await session.api.post('/tokens', body, z.looseObject({ id: z.string(), token: z.string() }))
  if (options.out === undefined) {
    session.output.lines(['token, shown this once:', answer.token])
    session.output.result(answer)
    return
  }
  try {
    createLocalFile(options.out, `${answer.token}\n`, 0o600)
  } catch (error) {
    // A token that nobody has must not stay good.
    await session.api.delete(`/tokens/${segment(answer.id)}`)
    throw error
  }
  session.output.line(`token written to ${options.out}`)
  session.output.result({ ...answer, token: undefined, file: options.out })
}
