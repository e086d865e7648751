import type { SignerOperations } from './signer-operations.js'

/** Counts what a signer is working on: one request alone may be served without going between threads. */
export class RequestsUnderWay {
  private count = 0

  /** Nobody waits but the one who asks this. */
  readonly isAlone = (): boolean => this.count <= 1

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
      return await work()
    } finally {
      this.count -= 1
    }
  }
}
