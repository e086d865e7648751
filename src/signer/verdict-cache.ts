import { createHash } from 'node:crypto'
import type { HeldTrust } from '../domain/signer-journal/held-trust.js'

const LIMIT = 256

/**
 * Remembers what a verification found for the rest of the second and while the same documents are held: the same inputs and the
 * same time give the same answer. So a policy is verified once a second and not once a signature, a rollout's plan and release not once a device.
 */
export class VerdictCache {
  private now = 0
  private held: HeldTrust | null = null
  private readonly verdicts = new Map<string, unknown>()

  /** @param inputs everything beside `held` and `now` that `verify` looks at. Refusals are not remembered. */
  find<T>(held: HeldTrust, now: number, what: string, inputs: readonly Uint8Array[], verify: () => T): T {
    if (this.now !== now || this.held !== held || this.verdicts.size >= LIMIT) this.verdicts.clear()
    this.now = now
    this.held = held
    const name = inputs.length === 0 ? what : `${what} ${fingerprint(inputs)}`
    if (this.verdicts.has(name)) return this.verdicts.get(name) as T
    const verdict = verify()
    this.verdicts.set(name, verdict)
    return verdict
  }
}

function fingerprint(inputs: readonly Uint8Array[]): string {
  const hash = createHash('sha256')
  // Each with its length: else two lists with the same joined bytes would be one.
  for (const input of inputs) hash.update(`${input.length}:`).update(input)
  return hash.digest('base64')
}
