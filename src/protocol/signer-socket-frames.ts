import { concat } from '../domain/bytes.js'
import { Refusal } from '../domain/refusal.js'
import { MAX_FRAME_BYTES } from './signer-socket.js'

/** Cuts a stream into frame bodies, whatever pieces it arrives in. Both ends of the socket use it. */
export class FrameCutter {
  private pieces: Uint8Array[] = []
  private heldBytes = 0

  /** True between frames: nothing of a further one has arrived. */
  get isEmpty(): boolean {
    return this.heldBytes === 0
  }

  push(piece: Uint8Array): void {
    if (piece.length === 0) return
    this.pieces.push(piece)
    this.heldBytes += piece.length
  }

  /**
   * The next whole body, or null until more bytes came.
   * @throws Refusal `FRAME_TOO_LARGE` as soon as a header claims too much: nothing of the body is kept for it.
   */
  next(): Uint8Array | null {
    if (this.heldBytes < 4) return null
    const header = this.peek(4)
    const length = new DataView(header.buffer, header.byteOffset).getUint32(0)
    if (length > MAX_FRAME_BYTES) throw new Refusal('FRAME_TOO_LARGE', { limitBytes: MAX_FRAME_BYTES })
    if (this.heldBytes < 4 + length) return null
    const whole = this.peek(4 + length)
    const rest = whole.length === this.heldBytes ? null : this.joined().subarray(4 + length)
    this.pieces = rest === null ? [] : [rest]
    this.heldBytes = rest?.length ?? 0
    return whole.subarray(4)
  }

  /** What came behind the last whole frame; taken out, for a stream that follows a frame. */
  takeRest(): Uint8Array {
    const rest = this.joined()
    this.pieces = []
    this.heldBytes = 0
    return rest
  }

  private peek(length: number): Uint8Array {
    const [first] = this.pieces
    // Joined only when a body is whole, so a body that comes in many pieces is copied once.
    return first !== undefined && first.length >= length ? first.subarray(0, length) : this.joined().subarray(0, length)
  }

  private joined(): Uint8Array {
    const [first] = this.pieces
    if (this.pieces.length === 1 && first !== undefined) return first
    const all = concat(...this.pieces)
    this.pieces = [all]
    return all
  }
}
