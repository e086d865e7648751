import type { Command } from 'commander'
import { z } from 'zod'
import { AnyAnswer, AnyListAnswer } from '../api-answers.js'
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
import { addDeviceDdiCommands } from './device-ddi.command.js'
import { addDeviceFactCommands } from './device-facts.command.js'
import { addDeviceRegistryCommands } from './device-registry.command.js'
import { watchDevice } from '../device-watch.js'
import type { World } from '../session.js'

interface ClaimOptions extends CommonOptions {
  readonly class: string
  readonly uses: number
  readonly expires: number
}
interface WatchOptions extends CommonOptions {
  readonly intervalMs: number
  readonly once?: boolean
}
interface DeviceListOptions extends ListOptions {
  readonly filter?: string
}

/** `device`: what is enrolled, and tokens with which new devices enrol. */
export function addDeviceCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'device', 'enrolled devices')
  withPaging(
    defineCommand(group, 'list', 'devices of the namespace', `device list --filter 'site = "berlin"' --limit 50`),
  )
    .option('--filter <filter>', 'only those that it finds')
    .action(async (options: DeviceListOptions) => {
      const session = sessionOf(world, options)
      const query = new URLSearchParams(pagingOf(options))
      if (options.filter !== undefined) query.set('filter', options.filter)
      const answer = await session.api.get(`/devices?${query.toString()}`, AnyListAnswer)
      for (const row of answer.items)
        session.output.line(rowText(row, ['id', 'className', 'state', 'version', 'runningVersion']))
      session.output.result(answer)
    })
  addDeviceFactCommands(group, world)
  addDeviceRegistryCommands(group, world)
  addDeviceDdiCommands(group, world)
  defineCommand(group, 'show <id>', 'one device: its last report and its deployments', 'device show 9b2e…').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.get(`/devices/${segment(id)}`, AnyAnswer)
      session.output.lines(JSON.stringify(answer, null, 2).split('\n'))
      session.output.result(answer)
    },
  )
  defineCommand(group, 'watch <id>', "tell a device's story, and go on as it happens", 'device watch 9b2e…')
    .option('--interval-ms <ms>', 'between two looks', wholeNumber(100, 3_600_000), 1_000)
    .option('--once', 'end after what there is')
    .action((id: string, options: WatchOptions) =>
      watchDevice(sessionOf(world, options), id, options.intervalMs, options.once === true),
    )
  defineCommand(
    group,
    'claim',
    'make a token with which devices of one class enrol',
    'device claim --class gateway-r2 --uses 100 --expires 7',
  )
    .requiredOption('--class <name>', 'name of the device class')
    .option('--uses <count>', 'devices that may enrol with it', wholeNumber(1, 1_000_000), 1)
    .option('--expires <days>', 'days until it is void', wholeNumber(1, 366), 7)
    .action((options: ClaimOptions) => claim(world, options))
}

async function claim(world: World, options: ClaimOptions): Promise<void> {
  const session = sessionOf(world, options)
  const body = {
    className: options.class,
    uses: options.uses,
    expires: world.clock.nowSeconds() + options.expires * 86_400,
  }
  const answer = await session.api.post('/claim-tokens', body, z.looseObject({ token: z.string() }))
  session.output.line('claim token, shown this once:')
  session.output.line(answer.token)
  session.output.result(answer)
}

/** The named fields of a row that are there. */
const rowText = (row: Readonly<Record<string, unknown>>, names: readonly string[]): string =>
  names.flatMap((name) => (typeof row[name] === 'string' ? [row[name]] : [])).join('  ')
