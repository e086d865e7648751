import type { Readable } from 'node:stream'

/**
 * What a sender sends, for as long as something comes. A sender that is gone without a word would hold its connection, and what it sent,
 * for ever. Only the time counts in which we wait for it: a slow store is not its fault.
 * @throws after `stallSeconds` without a byte.
 */
export async function* whileMoving(source: Readable, stallSeconds: number): AsyncGenerator<Uint8Array> {
  const wait = (): NodeJS.Timeout =>
    setTimeout(() => source.destroy(new Error(`nothing came for ${stallSeconds} s`)), stallSeconds * 1_000)
  let timer = wait()
  try {
    for await (const chunk of source as AsyncIterable<Uint8Array>) {
      clearTimeout(timer)
      yield chunk
      timer = wait()
    }
  } finally {
    clearTimeout(timer)
  }
}
