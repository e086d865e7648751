import { connect, type Socket } from 'node:net'
import { Refusal } from '../../domain/refusal.js'
import { parseAnswer } from '../../protocol/signer-socket-answer.js'
import { FrameCutter } from '../../protocol/signer-socket-frames.js'
import {
  decodeAnswerBody,
  encodeRequestFrame,
  type AnswerFrame,
  type SignerAnswers,
  type SignerOperation,
  type SignerRequest,
} from '../../protocol/signer-socket.js'

/** A request, less the operation that leads it. */
type Members<O extends SignerOperation> = Omit<Extract<SignerRequest, { operation: O }>, 'operation'>

/** Requests under way on one connection, by their id. */
interface Connection {
  readonly socket: Socket
  readonly waiting: Map<number, Waiting>
}
interface Waiting {
  resolve(answer: AnswerFrame): void
  reject(error: Refusal): void
}

/**
 * One signer behind its socket. Requests share a connection, which is made with the first of them and again after a loss;
 * an image has a connection of its own. A request under way when a connection is lost is not repeated: a signature may have been made.
 */
export class SignerClient {
  private current: Promise<Connection> | null = null
  private nextId = 1

  constructor(private readonly socketPath: string) {}

  /** @throws Refusal `SIGNER_REFUSED` with the signer's code and the number of its check, `SIGNER_UNAVAILABLE`. */
  async request<O extends Exclude<SignerOperation, 'hash-image'>>(
    operation: O,
    members: Members<O>,
  ): Promise<SignerAnswers[O]> {
    const connection = await this.connection()
    const answer = await ask(connection, this.nextId++, { operation, ...members } as unknown as SignerRequest)
    return parseAnswer(operation, answer)
  }

  /**
   * Sends an image for the signer to hash. The stream is read as fast as the signer takes it.
   * @throws Refusal as `request`; errors of the stream itself are passed on.
   */
  async hashImage(image: AsyncIterable<Uint8Array>, imageSizeBytes: number): Promise<Uint8Array> {
    const connection = await open(this.socketPath)
    const { socket } = connection
    try {
      const answer = ask(connection, 1, { operation: 'hash-image', imageSizeBytes })
      // The signer may refuse before it has read everything; then sending stops, and the answer is what counts.
      let answered = false
      const settle = (): void => {
        answered = true
      }
      answer.then(settle, settle)
      for await (const chunk of image) {
        if (answered || socket.destroyed) break
        if (!socket.write(chunk)) await drained(socket)
      }
      return parseAnswer('hash-image', await answer).imageSha256
    } finally {
      socket.destroy()
    }
  }

  /** Ends the connection; a later request makes a new one. */
  async close(): Promise<void> {
    const connection = await this.current?.catch(() => null)
    this.current = null
    connection?.socket.destroy()
  }

  private connection(): Promise<Connection> {
    if (this.current !== null) return this.current
    const opening = open(this.socketPath)
    this.current = opening
    const forget = (): void => {
      if (this.current === opening) this.current = null
    }
    opening.then(({ socket }) => socket.once('close', forget), forget)
    return opening
  }
}

const unavailable = (why: string): Refusal => new Refusal('SIGNER_UNAVAILABLE', { why })

/** Until the socket takes more, or is gone. */
function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done).off('close', done)
      resolve()
    }
    socket.on('drain', done).on('close', done)
  })
}

function open(socketPath: string): Promise<Connection> {
  return new Promise((resolve, reject) => {
    const waiting = new Map<number, Waiting>()
    const cutter = new FrameCutter()
    const take = (piece: Uint8Array): void => {
      try {
        cutter.push(piece)
        for (let body = cutter.next(); body !== null; body = cutter.next()) deliver(waiting, decodeAnswerBody(body))
      } catch (error) {
        why = error instanceof Refusal ? error.code : 'the answer is no frame'
        socket.destroy()
      }
    }
    const socket = connect({ path: socketPath, onread: readAgain(take) })
    let why = 'the connection was closed'
    socket.once('connect', () => resolve({ socket, waiting }))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      why = error.code ?? error.message
    })
    socket.once('close', () => {
      reject(unavailable(why))
      for (const one of waiting.values()) one.reject(unavailable(why))
      waiting.clear()
    })
  })
}

/** One buffer for every read: a socket would take new memory for each. What is kept of a piece is a copy. */
const readAgain = (take: (piece: Uint8Array) => void) => ({
  buffer: answerBuffer,
  callback: (count: number, read: Uint8Array): boolean => {
    take(new Uint8Array(read.subarray(0, count)))
    return true
  },
})
const answerBuffer = Buffer.alloc(65_536)

function deliver(waiting: Map<number, Waiting>, answer: AnswerFrame): void {
  // A refusal without a request belongs to the whole connection, which the signer then closes.
  if (answer.id === 0) for (const one of waiting.values()) one.resolve(answer)
  waiting.get(answer.id)?.resolve(answer)
  waiting.delete(answer.id)
}

async function ask(
  connection: Connection,
  id: number,
  request: SignerRequest,
): Promise<Extract<AnswerFrame, { ok: true }>['body']> {
  const answer = await new Promise<AnswerFrame>((resolve, reject) => {
    if (connection.socket.destroyed) {
      reject(unavailable('the connection was closed'))
      return
    }
    connection.waiting.set(id, { resolve, reject })
    connection.socket.write(encodeRequestFrame(id, request))
  })
  if (answer.ok) return answer.body
  throw new Refusal('SIGNER_REFUSED', answer.refusal)
}
