import { Refusal } from '../../domain/refusal.js'

/**
 * Runs one numbered check. A refusal from inside carries the signer's number, also where the domain counted a device's steps:
 * a signer has one list, that of its README.
 */
export function atCheck<T>(check: number, run: () => T): T {
  try {
    return run()
  } catch (error) {
    throw numbered(check, error)
  }
}

export async function atCheckAsync<T>(check: number, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw numbered(check, error)
  }
}

function numbered(check: number, error: unknown): unknown {
  if (error instanceof Refusal) error.step = check
  return error
}
