import type { Socket } from 'node:net'
import { Refusal } from '../../domain/refusal.js'
import { FrameCutter } from '../../protocol/signer-socket-frames.js'
import { parseRequest } from '../../protocol/signer-socket-request.js'
import {
  decodeRequestBody,
  encodeAnswerFrame,
  encodeRefusalFrame,
  type SignerAnswers,
  type SignerOperation,
  type SignerRequest,
} from '../../protocol/signer-socket.js'
import { atCheck } from '../checks/at-check.js'
import type { ImageIntake, SignerOperations } from '../signer-operations.js'
import type { FairShare } from './fair-share.js'
import { readIntoOneBuffer } from './one-buffer.js'
import type { RequestLog } from './request-log.js'

/** Times after which a peer is given up. */
export interface ConnectionLimits {
  /** A frame or an image stands still. */
  readonly stallMs: number
  /** From the first byte of a frame to its last: one that drips in is given up as well. */
  readonly frameMs: number
}
/** How long a refused connection may still send what it was about to: closing at once would cost it the answer. */
const LINGER_MS = 5_000

/** An image that is being received on this connection. */
interface Receiving {
  readonly id: number
  readonly request: SignerRequest
  readonly imageSizeBytes: number
  readonly intake: ImageIntake
  readonly startedMs: number
  missingBytes: number
}

/** One peer. Frames come in, answers go out in any order; a peer that breaks the protocol is refused and let go. */
export class SignerConnection {
  private readonly cutter = new FrameCutter()
  private underWay = 0
  private receiving: Receiving | null = null
  private isEnding = false
  /** When the first byte of the frame that is not whole yet was there. */
  private frameSinceMs: number | null = null
  private isPaused = false
  private isInLine = false
  /** When it came, or its last whole request, or the last piece of an image. */
  lastProgressMs = performance.now()
  readonly socket: Socket

  /** @param accepted nothing was read from it yet. */
  constructor(
    accepted: Socket,
    private readonly operations: SignerOperations,
    private readonly log: RequestLog,
    private readonly limits: ConnectionLimits,
    private readonly share: FairShare,
  ) {
    const socket = readIntoOneBuffer(accepted, (piece) => this.take(piece))
    this.socket = socket
    socket.on('drain', () => this.pump())
    socket.on('error', () => socket.destroy())
    socket.setTimeout(limits.stallMs, () => {
      if (this.receiving !== null || !this.cutter.isEmpty) socket.destroy()
    })
  }

  /** True while an answer is owed. */
  get isBusy(): boolean {
    return this.underWay > 0
  }

  /** The piece is read over afterwards: of an image it is worked through at once, and of frames a copy is kept. */
  private take(piece: Uint8Array): void {
    if (this.isEnding) return
    if (this.receiving !== null && this.cutter.isEmpty) {
      this.receive(this.receiving, piece)
      return
    }
    this.cutter.push(new Uint8Array(piece))
    if (this.share.isLine) this.pumpInLine()
    else this.pump()
    this.requireProgress(performance.now())
  }

  private requireProgress(now: number): void {
    if (this.cutter.isEmpty) this.frameSinceMs = null
    else this.frameSinceMs ??= now
    if (now - (this.frameSinceMs ?? now) > this.limits.frameMs) this.socket.destroy()
  }

  /** Works through what has arrived, as far as the bounds let it. */
  private pump(): void {
    // What a peer that is gone did not get begun is not begun for it.
    if (this.socket.destroyed) return
    try {
      while (!this.isEnding && this.canGoOn()) {
        if (this.receiving !== null) {
          this.receive(this.receiving, this.cutter.takeRest())
          break
        }
        const body = atCheck(1, () => this.cutter.next())
        if (body === null) break
        this.handleFrame(body)
      }
    } catch (error) {
      // Not even a frame: there is no request to answer, and no telling where the next one begins.
      this.refuse(0, null, error, performance.now())
      this.end()
    }
    this.pause(!this.canGoOn())
  }

  private pause(isPaused: boolean): void {
    if (isPaused === this.isPaused) return
    this.isPaused = isPaused
    if (isPaused) this.socket.pause()
    else this.socket.resume()
  }

  private canGoOn(): boolean {
    return this.underWay < this.share.most && !this.socket.writableNeedDrain
  }

  /** Goes on when it is its turn; until then nothing more is read. */
  private pumpInLine(): void {
    if (this.isInLine) return
    this.isInLine = true
    this.pause(true)
    this.share.inLine(() => {
      this.isInLine = false
      this.pump()
    })
  }

  private handleFrame(body: Uint8Array): void {
    const startedMs = performance.now()
    this.lastProgressMs = startedMs
    this.frameSinceMs = null
    const { id, request: members } = atCheck(1, () => decodeRequestBody(body))
    let request: SignerRequest | null = null
    try {
      request = atCheck(1, () => parseRequest(members))
      if (request.operation === 'hash-image') this.beginImage(id, request, startedMs)
      else this.answerLater(id, request, this.operations.handle(request), startedMs)
    } catch (error) {
      this.refuse(id, request, error, startedMs)
      // The bytes of a refused image would be read as frames.
      if (request?.operation === 'hash-image') this.end()
    }
  }

  private beginImage(
    id: number,
    request: Extract<SignerRequest, { operation: 'hash-image' }>,
    startedMs: number,
  ): void {
    const intake = this.operations.takeImage(request.imageSizeBytes)
    const { imageSizeBytes } = request
    this.receiving = { id, request, imageSizeBytes, intake, startedMs, missingBytes: imageSizeBytes }
    this.receive(this.receiving, this.cutter.takeRest())
  }

  private receive(image: Receiving, piece: Uint8Array): void {
    if (piece.length > image.missingBytes) {
      const { imageSizeBytes } = image
      const refusal = new Refusal('PAYLOAD_TOO_LONG', { limitBytes: imageSizeBytes })
      refusal.step = 6
      this.refuse(image.id, image.request, refusal, image.startedMs)
      this.end()
      return
    }
    this.lastProgressMs = performance.now()
    image.intake.update(piece)
    image.missingBytes -= piece.length
    if (image.missingBytes > 0) return
    this.receiving = null
    this.answerLater(image.id, image.request, image.intake.finish(), image.startedMs)
  }

  private answerLater(
    id: number,
    request: SignerRequest,
    answer: Promise<SignerAnswers[SignerOperation]>,
    startedMs: number,
  ): void {
    this.underWay += 1
    if (this.underWay === 1) this.share.join()
    answer
      .then(
        (body) => {
          this.write(encodeAnswerFrame(id, body))
          this.log.answered(request, startedMs)
        },
        (error: unknown) => this.refuse(id, request, error, startedMs),
      )
      .finally(() => {
        this.underWay -= 1
        if (this.underWay === 0) this.share.leave()
        if (this.isPaused) this.pumpInLine()
      })
      .catch((error: unknown) => this.log.failed(request, error))
  }

  /** Tells a code and the number of the check, and nothing else; an outage is told apart and logged whole. */
  private refuse(id: number, request: SignerRequest | null, error: unknown, startedMs: number): void {
    if (error instanceof Refusal) {
      this.write(encodeRefusalFrame(id, { code: error.code, check: error.step ?? 0 }))
      this.log.refused(request, error, startedMs)
    } else {
      this.write(encodeRefusalFrame(id, { code: 'INTERNAL', check: 0 }))
      this.log.failed(request, error)
    }
  }

  /** Answers that are ready in the same turn of the event loop leave together; one that is owed alone leaves at once. */
  private write(frame: Uint8Array): void {
    if (this.socket.destroyed) return
    if (this.underWay > 1 && this.socket.writableCorked === 0) {
      this.socket.cork()
      setImmediate(() => this.socket.uncork())
    }
    this.socket.write(frame)
  }

  private end(): void {
    this.isEnding = true
    this.receiving = null
    setTimeout(() => this.socket.destroy(), LINGER_MS).unref()
  }
}
