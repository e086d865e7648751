import { InvalidArgumentError, type Command } from 'commander'
import { z } from 'zod'
import { Refusal } from '../../domain/refusal.js'
import { AnyAnswer, AnyListAnswer } from '../api-answers.js'
import {
  defineCommand,
  pagingOf,
  segment,
  sessionOf,
  withPaging,
  withYes,
  type CommonOptions,
  type ConfirmOptions,
  type ListOptions,
} from '../command-shape.js'
import { importDevices } from '../device-import.js'
import { showRefusals } from '../device-refusals.js'
import { createLocalFile } from '../local-file.js'
import { confirm, type World } from '../session.js'

interface AuthorityOptions extends CommonOptions {
  readonly out?: string
}

/** `device import`, `decommission`, `duplicates`, `refusals` and `authorities`: who may become a device, and who is one no more. */
export function addDeviceRegistryCommands(group: Command, world: World): void {
  defineCommand(
    group,
    'import <file.csv>',
    'let devices in by their keys, without a token: columns key and class, all others are attributes',
    'device import keys.csv',
  ).action((file: string, options: CommonOptions) => importDevices(world, file, options))
  withYes(
    defineCommand(
      group,
      'decommission <id>',
      'put a device out for good: credential, certificate, login and registration are void',
      'device decommission 9b2e…',
    ),
  ).action(async (id: string, options: CommonOptions & ConfirmOptions) => {
    const session = sessionOf(world, options)
    await confirm(world, options.yes, `Decommission ${id}? It cannot come back.`)
    await session.api.post(`/devices/${segment(id)}/decommission`, {}, AnyAnswer)
    session.output.line(`device ${id} is decommissioned`)
    session.output.result({ id, state: 'decommissioned' })
  })
  withPaging(
    defineCommand(group, 'duplicates', 'devices that seem to be two with one identity', 'device duplicates'),
  ).action(async (options: ListOptions) => {
    const session = sessionOf(world, options)
    const answer = await session.api.get(`/device-duplicates${pagingOf(options)}`, AnyListAnswer)
    for (const { deviceId, kind, detail, times } of answer.items)
      session.output.line(`${String(deviceId)}  ${String(kind)}  ${String(detail)}  ${String(times)} times`)
    session.output.result(answer)
  })
  defineCommand(
    group,
    'refusals',
    'how often devices were told "no", by the code of the refusal',
    'device refusals',
  ).action((options: CommonOptions) => showRefusals(sessionOf(world, options)))
  defineCommand(
    group,
    'authorities',
    'certificates of the authorities that issue to devices, for a broker or a proxy',
    'device authorities --out authorities.pem',
  )
    .option('--out <file>', 'write them there, PEM', (path) => {
      if (path === '') throw new InvalidArgumentError('a file')
      return path
    })
    .action(async (options: AuthorityOptions) => {
      const session = sessionOf(world, options)
      const Answer = z.looseObject({ items: z.array(z.looseObject({ keyId: z.string(), pem: z.string() })) })
      const answer = await session.api.get('/device-authorities', Answer)
      // An empty file would have a broker trust nobody, or not start.
      if (answer.items.length === 0) throw new Refusal('SIGNER_KEY_MISSING', { role: 'device-ca' })
      const pem = answer.items.map((each) => each.pem).join('')
      if (options.out === undefined) session.output.lines(pem.trimEnd().split('\n'))
      else {
        createLocalFile(options.out, pem, 0o644)
        session.output.lines([...answer.items.map(({ keyId }) => `authority ${keyId}`), `written to ${options.out}`])
      }
      session.output.result(answer)
    })
}
