import { hash, randomBytes } from 'node:crypto'
import type { IncomingMessage } from 'node:http'

type Asked = Pick<IncomingMessage, 'url' | 'headers'>

/**
 * What a poll that was found authentic is known by from then on: one hash of what it asks and of the secret it shows, so that memory
 * holds no secret. Salted with what nobody outside of this process knows: who guesses secrets cannot tell which hash a guess has, so
 * the time of a look-up tells nothing about the right one.
 */
export class PollKeys {
  private readonly salt = randomBytes(32).toString('base64url')

  /** One character a byte; a buffer for each poll would cost more than the hash. Null for who shows no secret. */
  of({ url, headers: { authorization, accept, host } }: Asked): string | null {
    if (authorization === undefined) return null
    // No header and no address holds the end of a line.
    return hash('sha256', `${this.salt}\n${url}\n${authorization}\n${host ?? ''}\n${accept ?? '\n'}`, 'binary')
  }
}
