import { createHash } from 'node:crypto'
import { setImmediate as nextTurn } from 'node:timers/promises'

/** Hashes a stream by several algorithms in one pass, between other requests. @returns null as soon as `isStopped` says so. */
export async function digestsOf<T extends string>(
  source: AsyncIterable<Uint8Array>,
  algorithms: readonly T[],
  isStopped: () => boolean,
): Promise<Readonly<Record<T, Uint8Array>> | null> {
  const hashes = algorithms.map((name) => [name, createHash(name)] as const)
  for await (const chunk of source) {
    if (isStopped()) return null
    for (const [, hash] of hashes) hash.update(chunk)
    // Requests come first.
    await nextTurn()
  }
  return Object.fromEntries(hashes.map(([name, hash]) => [name, new Uint8Array(hash.digest())])) as Record<
    T,
    Uint8Array
  >
}
