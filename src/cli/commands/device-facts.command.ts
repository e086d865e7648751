import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { collect, defineCommand, segment, sessionOf, type CommonOptions } from '../command-shape.js'
import type { World } from '../session.js'

interface SetOptions extends CommonOptions {
  readonly filter?: string
  readonly attribute?: readonly (readonly [string, string | null])[]
  readonly tag?: readonly string[]
  readonly untag?: readonly string[]
}

/** `device count` and `device set`: whom a filter finds, and what is said about devices. */
export function addDeviceFactCommands(group: Command, world: World): void {
  defineCommand(
    group,
    'count <filter>',
    'how many devices a filter finds',
    `device count 'site in ("berlin", "lyon") and version < 1.4.0 and not tag frozen'`,
  ).action(async (filter: string, options: CommonOptions) => {
    const session = sessionOf(world, options)
    const query = new URLSearchParams({ filter }).toString()
    const answer = await session.api.get(`/device-count?${query}`, z.looseObject({ devices: z.number() }))
    session.output.line(`${answer.devices} devices`)
    session.output.result(answer)
  })
  defineCommand(
    group,
    'set [id]',
    'set attributes and tags of a device, or of all that a filter finds',
    'device set 9b2e… --attribute site=berlin --attribute floor= --tag canary',
  )
    .option('--filter <filter>', 'all devices that it finds, instead of one')
    .option('--attribute <name=value>', 'repeat it; nothing behind = takes it away', collect(parseAttribute))
    .option('--tag <tag>', 'add a tag; repeat it', collect(String))
    .option('--untag <tag>', 'take a tag away; repeat it', collect(String))
    .action((id: string | undefined, options: SetOptions, command: Command) => {
      if ((id === undefined) === (options.filter === undefined)) command.error('error: name a device, or --filter')
      return set(world, id, options)
    })
}

function parseAttribute(text: string): readonly [string, string | null] {
  const [, name, value] = /^([^=]+)=(.*)$/s.exec(text) ?? []
  if (name === undefined) throw new InvalidArgumentError('such as site=berlin')
  return [name, value === undefined || value === '' ? null : value]
}

async function set(world: World, id: string | undefined, options: SetOptions): Promise<void> {
  const session = sessionOf(world, options)
  const { filter } = options
  const change = {
    attributes: Object.fromEntries(options.attribute ?? []),
    addTags: options.tag ?? [],
    removeTags: options.untag ?? [],
  }
  if (id !== undefined) await session.api.patch(`/devices/${segment(id)}/facts`, change)
  const devices = filter === undefined ? 1 : await setMany()
  session.output.line(`${devices} devices changed`)
  session.output.result({ devices })

  async function setMany(): Promise<number> {
    const Answer = z.looseObject({ devices: z.number(), next: z.string().nullable() })
    let [count, after]: [number, string | null] = [0, '']
    while (after !== null) {
      const body: object = { filter, after, ...change }
      const answer: z.infer<typeof Answer> = await session.api.post('/device-facts', body, Answer)
      count += answer.devices
      after = answer.next
      world.terminal.status(after === null ? '' : `${count} devices changed so far`)
    }
    return count
  }
}
