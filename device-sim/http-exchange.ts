import { Agent, request as plainRequest, type IncomingMessage } from 'node:http'
import { request as tlsRequest } from 'node:https'
import { Unreachable } from './device-server.port.js'

export interface HttpLimits {
  /** From the request to the first byte of the answer. */
  readonly answerMs: number
  /** A body must bring `leastBytes` in every such stretch, or it is given up: no retrieval without end. */
  readonly stretchMs: number
  readonly leastBytes: number
}

export const defaultHttpLimits: HttpLimits = { answerMs: 15_000, stretchMs: 10_000, leastBytes: 10_240 }

export interface Exchange {
  readonly method: 'GET' | 'POST'
  readonly headers: Record<string, string>
  readonly body?: Uint8Array
  readonly agent: Agent
  readonly limits: HttpLimits
  /** Of requests by https. */
  readonly tls?: { readonly ca?: string; readonly cert?: string; readonly key?: string }
}

/** Sends one request and resolves with the head of the answer. @throws Unreachable */
export async function exchange(url: URL, options: Exchange): Promise<IncomingMessage> {
  try {
    return await send(url, options)
  } catch (error) {
    // A kept connection that the server closed meanwhile; every call here may be repeated.
    if (error instanceof StaleConnection) return send(url, options)
    throw error
  }
}

class StaleConnection extends Unreachable {}

function send(url: URL, { method, headers, body, agent, limits, tls }: Exchange): Promise<IncomingMessage> {
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? tlsRequest : plainRequest
    const sent = send(url, {
      method,
      headers: { ...headers, ...(body === undefined ? {} : { 'content-length': String(body.length) }) },
      ...(url.protocol === 'http:' ? { agent } : tls),
    })
    let timer: NodeJS.Timeout | undefined
    // Counted from the socket: waiting for one behind other devices of the fleet is not the server's slowness.
    sent.once('socket', () => {
      timer = setTimeout(() => sent.destroy(new Unreachable('no answer in time')), limits.answerMs)
    })
    sent.once('response', (answer) => {
      clearTimeout(timer)
      resolve(answer)
    })
    sent.on('error', (error: NodeJS.ErrnoException) => {
      clearTimeout(timer)
      const isStale = sent.reusedSocket && (error.code === 'ECONNRESET' || error.code === 'EPIPE')
      const Kind = isStale ? StaleConnection : Unreachable
      reject(error instanceof Unreachable ? error : new Kind(error.code ?? error.message, { cause: error }))
    })
    sent.end(body)
  })
}

/**
 * Hands a body on piece by piece. The next piece is read when the one before was taken, so memory stays small.
 * @throws Unreachable when it breaks off or drips; whatever `take` throws.
 */
export async function drain(
  answer: IncomingMessage,
  limits: HttpLimits,
  take: (piece: Uint8Array) => Promise<void> | void,
): Promise<void> {
  let brought = 0
  const watch = setInterval(() => {
    if (brought < limits.leastBytes) answer.destroy(new Unreachable('the answer came too slowly'))
    brought = 0
  }, limits.stretchMs)
  let isTaking = false
  try {
    for await (const piece of answer as AsyncIterable<Buffer>) {
      brought += piece.length
      isTaking = true
      await take(piece)
      isTaking = false
    }
  } catch (error) {
    if (isTaking || error instanceof Unreachable) throw error
    throw new Unreachable('the answer broke off', { cause: error })
  } finally {
    clearInterval(watch)
    answer.destroy()
  }
}

/** A whole body of at most `maxBytes`. @throws Unreachable */
export async function readBody(answer: IncomingMessage, limits: HttpLimits, maxBytes: number): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  let size = 0
  await drain(answer, limits, (piece) => {
    size += piece.length
    if (size > maxBytes) throw new Unreachable(`an answer of more than ${maxBytes} bytes`)
    pieces.push(piece)
  })
  return new Uint8Array(Buffer.concat(pieces))
}
