import type { Command } from 'commander'
import { AnyListAnswer } from '../api-answers.js'
import { defineCommand, defineGroup, pagingOf, sessionOf, withPaging, type ListOptions } from '../command-shape.js'
import type { World } from '../session.js'

/** `audit`: who did what, as the server recorded it. */
export function addAuditCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'audit', 'who did what')
  withPaging(defineCommand(group, 'list', 'entries of the audit', 'audit list --limit 50 --json')).action(
    async (options: ListOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.get(`/audit${pagingOf(options)}`, AnyListAnswer)
      for (const row of answer.items) session.output.line(JSON.stringify(row))
      session.output.result(answer)
    },
  )
}
