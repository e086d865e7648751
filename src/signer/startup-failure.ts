import { Refusal } from '../domain/refusal.js'

/** One line for whoever started the process: the code and what to act on. What is no refusal is a fault of ours and says so. */
export function describeFailure(error: unknown): string {
  if (error instanceof Refusal) {
    const facts = Object.entries(error.detail as Record<string, unknown>).map(
      ([name, value]) => `${name}: ${String(value)}`,
    )
    return `signer: ${error.code}${facts.length > 0 ? ` (${facts.join(', ')})` : ''}`
  }
  return `signer: unexpected failure: ${error instanceof Error ? error.message : String(error)}`
}
