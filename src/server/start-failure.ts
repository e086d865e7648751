import { Refusal } from '../domain/refusal.js'
import { asDatabaseFailure } from './database-failure.js'
import { errorCodeOf } from './error-code.js'

/** The one line that a person sees when a command cannot do its work. */
export function describeFailure(thrown: unknown): string {
  const error = asDatabaseFailure(thrown)
  if (!(error instanceof Refusal)) return `server: INTERNAL ${error instanceof Error ? error.message : String(error)}`
  return `server: ${error.message}`
}

/** A port that is taken, as a refusal; anything else stays what it is. */
export function asListenFailure(error: unknown, port: number): unknown {
  const isBusy = errorCodeOf(error) === 'EADDRINUSE'
  return isBusy ? new Refusal('PORT_BUSY', { port }, { cause: error }) : error
}
