import type { Command } from 'commander'
import { z } from 'zod'
import { Refusal } from '../../domain/refusal.js'
import { defineCommand, segment, sessionOf, type CommonOptions } from '../command-shape.js'
import type { World } from '../session.js'

const PathAnswer = z.looseObject({
  releaseId: z.string(),
  version: z.string(),
  leastVersion: z.string().nullable(),
  isSteppingStone: z.boolean(),
})

interface PathOptions extends CommonOptions {
  readonly leastVersion?: string
  /** Commander: undefined when neither `--stepping-stone` nor `--no-stepping-stone` was given. */
  readonly steppingStone?: boolean
}

/** `release path`: which devices may step onto a release. */
export function addReleasePath(group: Command, world: World): void {
  defineCommand(
    group,
    'path <id>',
    'say what a device has to run before it may take this release, and whether it may be stepped over',
    'release path 3f6c… --least-version 1.2.0 --stepping-stone',
  )
    .option('--least-version <version>', 'a device has to run this or newer first; "none" for no such floor')
    .option('--stepping-stone', 'no device steps over it from below')
    .option('--no-stepping-stone', 'devices may step over it')
    .action(async (id: string, options: PathOptions) => {
      const { leastVersion, steppingStone: isSteppingStone } = options
      if (leastVersion === undefined && isSteppingStone === undefined)
        throw new Refusal('CONFIGURATION', { name: '--least-version', why: 'say that or --stepping-stone' })
      const session = sessionOf(world, options)
      const body = {
        ...(leastVersion === undefined ? {} : { leastVersion: leastVersion === 'none' ? null : leastVersion }),
        ...(isSteppingStone === undefined ? {} : { isSteppingStone }),
      }
      const path = await session.api.post(`/releases/${segment(id)}/path`, body, PathAnswer)
      const { output } = session
      output.line(`release ${path.version} (${path.releaseId})`)
      output.line(`  from            ${path.leastVersion === null ? 'any version' : `${path.leastVersion} or newer`}`)
      output.line(`  stepping stone  ${path.isSteppingStone ? 'yes: no device steps over it' : 'no'}`)
      output.result(path)
    })
}
