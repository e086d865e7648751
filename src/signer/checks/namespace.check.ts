import { Refusal } from '../../domain/refusal.js'

/** Check 2: what is to be signed is for the namespace this process was started for. @throws Refusal `WRONG_NAMESPACE`. */
export function requireNamespace(expected: string, found: string): void {
  if (found !== expected) throw new Refusal('WRONG_NAMESPACE', { expected, found })
}
