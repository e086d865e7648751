import { CommanderError } from 'commander'
import { Refusal } from '../domain/refusal.js'
import { ServerRefusal } from './api-client.js'
import { ExitWith } from './exit-with.js'
import { printable } from './printable-text.js'
import { buildProgram } from './program.js'
import { describeRefusal } from './refusal-text.js'
import type { World } from './session.js'

/**
 * Runs one command line.
 * @returns the exit code: 0 done, 1 refused or failed (and `firmware inspect` of a file that is not whole), 2 a command line that makes no sense (and `rollout watch` of a
 *   rollout that stands still).
 */
export async function runCommandLine(words: readonly string[], world: World, isDebug = false): Promise<number> {
  try {
    await buildProgram(world).parseAsync(words, { from: 'user' })
    return 0
  } catch (error) {
    if (error instanceof ExitWith) return error.exitCode
    if (error instanceof CommanderError) return exitCodeOf(error)
    for (const line of words.includes('--json') ? [describeAsJson(error)] : describe(error)) world.terminal.note(line)
    if (isDebug && error instanceof Error) world.terminal.note(error.stack ?? '')
    return 1
  }
}

/** Commander has printed its own line; only asking for help, or for the version, is no mistake. */
const exitCodeOf = (error: CommanderError): number =>
  ['commander.helpDisplayed', 'commander.version'].includes(error.code) ? 0 : 2

const describe = (error: unknown): readonly [string, string] =>
  error instanceof Refusal || error instanceof ServerRefusal ? describeRefusal(error) : describeFailure(error)

/** The same for a program: one line of JSON on standard error. */
function describeAsJson(error: unknown): string {
  const [message, next] = describe(error)
  const isRefusal = error instanceof Refusal || error instanceof ServerRefusal
  return JSON.stringify({
    code: isRefusal ? error.code : 'INTERNAL',
    detail: isRefusal ? error.detail : {},
    message,
    next: next.replace(/^next: /, ''),
  })
}

/** A bug or an outage of ours: two lines all the same. */
const describeFailure = (error: unknown): readonly [string, string] => [
  printable(`failed: ${error instanceof Error ? error.message : String(error)}`),
  'next: this is a fault of the program; COUNTERSIGN_DEBUG=1 shows where',
]
