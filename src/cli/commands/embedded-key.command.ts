import type { Command } from 'commander'
import { z } from 'zod'
import { toBase64Url } from '../../domain/bytes.js'
import { listOf } from '../api-answers.js'
import { defineCommand, defineGroup, segment, sessionOf, type CommonOptions } from '../command-shape.js'
import { readPublicDer } from '../embedded-key-file.js'
import type { World } from '../session.js'

const KeyAnswer = z.looseObject({ id: z.string(), kind: z.string(), label: z.string() })
interface AddOptions extends CommonOptions {
  readonly label: string
}

/** `embedded-key`: public keys of the signatures that image formats carry themselves. */
export function addEmbeddedKeyCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'embedded-key', 'public keys that sign inside images (MCUboot, RAUC, SWUpdate …)')
  defineCommand(
    group,
    'add <file>',
    "register a public key or a CA's certificate, PEM or DER",
    'embedded-key add mcuboot-2026.pem --label "MCUboot 2026"',
  )
    .requiredOption('--label <label>', 'what people call it')
    .action(async (file: string, options: AddOptions) => {
      const session = sessionOf(world, options)
      const body = { label: options.label, der: toBase64Url(readPublicDer(file)) }
      const key = await session.api.post('/embedded-keys', body, KeyAnswer)
      session.output.line(`registered ${key.kind} "${key.label}": ${key.id}`)
      session.output.result(key)
    })
  defineCommand(group, 'list', 'registered keys', 'embedded-key list').action(async (options: CommonOptions) => {
    const session = sessionOf(world, options)
    const answer = await session.api.get('/embedded-keys', listOf(KeyAnswer))
    for (const key of answer.items) session.output.line(`${key.id}  ${key.kind.padEnd(10)}  ${key.label}`)
    session.output.result(answer)
  })
  defineCommand(
    group,
    'remove <id>',
    'take a key back; what was found with it stays as it was found',
    'embedded-key remove 9f86d081…',
  ).action(async (id: string, options: CommonOptions) => {
    const session = sessionOf(world, options)
    await session.api.delete(`/embedded-keys/${segment(id)}`)
    session.output.line(`removed ${id}`)
    session.output.result({ id, state: 'removed' })
  })
}
