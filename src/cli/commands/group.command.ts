import type { Command } from 'commander'
import { AnyAnswer, AnyListAnswer } from '../api-answers.js'
import {
  collect,
  defineCommand,
  defineGroup,
  pagingOf,
  segment,
  sessionOf,
  withPaging,
  type CommonOptions,
  type ListOptions,
} from '../command-shape.js'
import type { World } from '../session.js'

interface PutOptions extends CommonOptions {
  readonly filter?: string
}
interface MemberOptions extends CommonOptions {
  readonly add?: readonly string[]
  readonly remove?: readonly string[]
}

/** `group`: named sets of devices, by a filter or by a list. */
export function addGroupCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'group', 'named sets of devices')
  defineCommand(
    group,
    'put <name>',
    'make a group, or give it another filter; its members follow by themselves',
    `group put berlin --filter 'site = "berlin" and not tag frozen'`,
  )
    .option('--filter <filter>', 'who belongs to it; without one you name the members')
    .action((name: string, options: PutOptions) => put(world, name, options))
  withPaging(defineCommand(group, 'list', 'groups and their filters', 'group list')).action(
    async (options: ListOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.get(`/groups${pagingOf(options)}`, AnyListAnswer)
      for (const { name, filter } of answer.items) session.output.line(`${text(name)}  ${text(filter ?? 'a list')}`)
      session.output.result(answer)
    },
  )
  defineCommand(
    group,
    'members <name>',
    'put devices into a group without a filter, and take others out',
    'group members vip --add 9b2e… --remove 41c0…',
  )
    .option('--add <id>', 'a device; repeat it', collect(String))
    .option('--remove <id>', 'a device; repeat it', collect(String))
    .action((name: string, options: MemberOptions) => changeMembers(world, name, options))
  defineCommand(group, 'remove <name>', 'forget a group; its devices stay', 'group remove vip').action(
    async (name: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      await session.api.delete(`/groups/${segment(name)}`)
      session.output.line(`group ${name} is removed`)
      session.output.result({ name, state: 'removed' })
    },
  )
}

const text = (value: unknown): string => (typeof value === 'string' ? value : '')

async function put(world: World, name: string, options: PutOptions): Promise<void> {
  const session = sessionOf(world, options)
  const answer = await session.api.put(`/groups/${segment(name)}`, { filter: options.filter ?? null }, AnyAnswer)
  session.output.line(options.filter === undefined ? `group ${name}, a list` : `group ${name}: ${options.filter}`)
  session.output.result(answer)
}

async function changeMembers(world: World, name: string, options: MemberOptions): Promise<void> {
  const session = sessionOf(world, options)
  const body = { add: options.add ?? [], remove: options.remove ?? [] }
  const answer = await session.api.post(`/groups/${segment(name)}/members`, body, AnyAnswer)
  session.output.line(`group ${name}: ${JSON.stringify(answer)}`)
  session.output.result(answer)
}
