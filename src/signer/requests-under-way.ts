import type { SignerOperations } from './signer-operations.js'

/** Counts what a signer is working on: one request alone may be served without going between threads. */
export class RequestsUnderWay {
  private count = 0
  /** The turn of the event loop in which the first one came; those of the same turn go on behind it. */
  private turn: Promise<unknown> | null = null
  private askers: () => number = () => Number.POSITIVE_INFINITY

  /** Nobody waits but the one who asks this. */
  readonly isAlone = (): boolean => this.count <= 1

  /** How many are connected, as soon as that can be said. */
  watch(askers: () => number): void {
    this.askers = askers
  }

  /** The same operations, counted. */
  counted(operations: SignerOperations): SignerOperations {
    return {
      handle: (request) => this.run(() => operations.handle(request)),
      takeImage: (imageSizeBytes) => operations.takeImage(imageSizeBytes),
    }
  }

  private async run<T>(work: () => Promise<T>): Promise<T> {
    this.count += 1
    try {
      // Where others are connected, whoever came at the same time is counted when this turn ends; alone to the end, this one would keep
      // them waiting unread.
      if (this.count === 1 && this.askers() > 1) this.turn = new Promise(setImmediate).finally(() => (this.turn = null))
      await this.turn
      return await work()
    } finally {
      this.count -= 1
    }
  }
}
