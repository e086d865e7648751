import { writeFileSync } from 'node:fs'
import { ProcessSupervisor } from '../src/embedded/process-supervisor.js'
import { describeFailure } from './failure.js'

interface Program<O extends { readonly json: string | null }, R> {
  /** @returns null when help was asked for. */
  parseOptions(words: readonly string[]): O | null
  readonly help: string
  run(options: O, supervisor: ProcessSupervisor): Promise<R>
  isGood(result: R): boolean
}

/** Runs a program that starts others: whatever happens, they end with it. @returns the exit code. */
export async function runToEnd<O extends { readonly json: string | null }, R>(program: Program<O, R>): Promise<number> {
  const supervisor = new ProcessSupervisor()
  supervisor.stopOnExit((error) => process.stderr.write(`\n${describeFailure(error)}\n`))
  try {
    const options = program.parseOptions(process.argv.slice(2))
    if (options === null) {
      process.stdout.write(`${program.help}\n`)
      return 0
    }
    const result = await program.run(options, supervisor)
    if (options.json !== null) writeFileSync(options.json, `${JSON.stringify(result, null, 2)}\n`)
    return program.isGood(result) ? 0 : 1
  } catch (error) {
    process.stderr.write(`\n${describeFailure(error)}\n`)
    await supervisor.stopAll().catch(() => undefined)
    return 1
  }
}
