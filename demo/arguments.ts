import { parseArgs, type ParseArgsConfig } from 'node:util'
import { Refusal } from '../src/domain/refusal.js'

/** What a command was told. @throws Refusal `CONFIGURATION` for what it does not know. */
export function readArguments<T extends ParseArgsConfig>(config: T): ReturnType<typeof parseArgs<T>> {
  try {
    return parseArgs(config)
  } catch (error) {
    throw new Refusal('CONFIGURATION', { name: 'options', why: (error as Error).message }, { cause: error })
  }
}
