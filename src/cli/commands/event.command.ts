import type { Command } from 'commander'
import { z } from 'zod'
import { collect, defineCommand, sessionOf, withPaging, type ListOptions } from '../command-shape.js'
import { PatientLook } from '../patient-look.js'
import type { World } from '../session.js'

const LOOK_MS = 2_000
const EventAnswer = z.looseObject({
  position: z.number().int(),
  atMs: z.number(),
  type: z.string(),
  data: z.record(z.string(), z.unknown()),
})
const EventPage = z.object({ items: z.array(EventAnswer), next: z.string().nullable() })

interface EventOptions extends ListOptions {
  readonly type?: readonly string[]
  readonly follow?: boolean
}

/** `events`: what happened, as pages and webhooks are told. */
export function addEventCommands(program: Command, world: World): void {
  withPaging(
    defineCommand(
      program,
      'events',
      'what happened, oldest first',
      "events --type 'rollout.*' --type release.signed --follow",
    ),
  )
    .option('--type <type>', 'only these: release.signed, rollout.*; repeat it', collect(String))
    .option('--follow', 'go on with what happens, until Ctrl-C')
    .action((options: EventOptions) => showEvents(world, options))
}

async function showEvents(world: World, options: EventOptions): Promise<void> {
  const session = sessionOf(world, options)
  const look = new PatientLook(world)
  let after = options.after
  for (;;) {
    const query = new URLSearchParams({ limit: String(options.limit ?? 100) })
    for (const type of options.type ?? []) query.append('type', type)
    if (after !== undefined) query.set('after', after)
    const { items, next } = await look.at(() => session.api.get(`/events?${query.toString()}`, EventPage))
    for (const item of items) {
      session.output.line(`${new Date(item.atMs).toISOString()} ${item.type} ${JSON.stringify(item.data)}`)
      // One line an event: what follows never ends, so no list could be closed.
      session.output.result(item)
      after = String(item.position)
    }
    if (options.follow !== true) {
      if (next !== null) session.output.line(`next: countersign events --after ${next}`)
      return
    }
    if (next === null) await world.sleep(LOOK_MS)
  }
}
