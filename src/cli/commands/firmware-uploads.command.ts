import type { Command } from 'commander'
import { z } from 'zod'
import { listOf } from '../api-answers.js'
import { defineCommand, segment, sessionOf, type CommonOptions } from '../command-shape.js'
import { TUS } from '../firmware-upload.js'
import { sizeText, timeText } from '../quantity-text.js'
import type { World } from '../session.js'

const Upload = z.looseObject({
  id: z.string(),
  sha256: z.string(),
  sizeBytes: z.number(),
  receivedBytes: z.number(),
  createdBy: z.string(),
  expiresAt: z.number(),
})

/** Uploads that nobody finished: they take room until they are, or are given up, or their time is over. */
export function addUploads(group: Command, world: World): void {
  defineCommand(
    group,
    'uploads',
    'uploads of the namespace that were begun and not finished',
    'firmware uploads',
  ).action(async (options: CommonOptions) => {
    const session = sessionOf(world, options)
    const answer = await session.api.get('/uploads?of=all', listOf(Upload))
    for (const { id, sha256, receivedBytes, sizeBytes, createdBy, expiresAt } of answer.items)
      session.output.lines([
        `${id}  ${sizeText(receivedBytes)} of ${sizeText(sizeBytes)}, by ${createdBy}, until ${timeText(expiresAt)}`,
        `  sha256 ${sha256}`,
      ])
    session.output.result(answer)
  })
  defineCommand(group, 'cancel <upload>', 'give up an upload, with its bytes', 'firmware cancel 1b9d6bcd…').action(
    async (id: string, options: CommonOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.send(`/uploads/${segment(id)}`, { method: 'DELETE', headers: TUS })
      await answer.body?.cancel()
      session.output.line(`cancelled ${id}`)
      session.output.result({ id, state: 'cancelled' })
    },
  )
}
