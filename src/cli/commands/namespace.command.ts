import type { Command } from 'commander'
import { z } from 'zod'
import { defineCommand, defineGroup, sessionOf, type CommonOptions } from '../command-shape.js'
import type { World } from '../session.js'

const DeviceClass = z.looseObject({
  name: z.string(),
  model: z.string(),
  hardwareRevision: z.string(),
  environment: z.string(),
  classId: z.string(),
  isInPolicy: z.boolean(),
  targets: z.array(z.string()).optional(),
})
const NamespaceAnswer = z.looseObject({
  namespace: z.string(),
  vendorDomain: z.string(),
  classes: z.array(DeviceClass),
})

/** `namespace`: where one is logged in, and which device classes are there. */
export function addNamespaceCommands(program: Command, world: World): void {
  const group = defineGroup(program, 'namespace', 'the namespace of this login and its device classes')
  defineCommand(group, 'show', 'device classes, and whether the policy lists them', 'namespace show').action(
    async (options: CommonOptions) => {
      const session = sessionOf(world, options)
      const answer = await session.api.get('', NamespaceAnswer)
      session.output.line(`${answer.namespace} of ${answer.vendorDomain}`)
      for (const row of answer.classes) {
        const place = `${row.model}/${row.hardwareRevision}/${row.environment}`
        const listed = row.isInPolicy ? '' : '  NOT IN THE POLICY: nothing can be signed for it'
        session.output.line(`${row.classId}  ${row.name}  ${place}${listed}`)
        if (row.targets !== undefined) session.output.line(`  its firmware is for: ${row.targets.join(', ')}`)
      }
      session.output.result(answer)
    },
  )
}
