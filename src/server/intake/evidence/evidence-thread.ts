import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { Worker } from 'node:worker_threads'
import { Refusal, type RefusalCode, type RefusalDetail } from '../../../domain/refusal.js'
import type { Evidence } from './evidence-kind.js'

export interface ThreadQuestion {
  readonly text: string
  readonly imageSha256: Uint8Array
}
export type ThreadAnswer =
  | { readonly evidence: Evidence | 'attestation' }
  | { readonly code: RefusalCode; readonly detail: RefusalDetail[RefusalCode] }

/** The largest documents that are what they should be take a few; a schema takes a second to compile. */
const LIMIT_SECONDS = 30
const HEAP_MB = 512
/** The compiled program, whether this runs compiled or from its source in a test. */
const program = fileURLToPath(
  new URL('evidence-worker.js', import.meta.url.replace(/\/src\/(server\/[^.]*)\.ts$/, '/dist/src/$1.js')),
)

/**
 * Reads documents beside the thread that answers devices: one at a time, each within a time and a heap. One that takes more ends the
 * thread, and the next document gets a new one.
 */
export class EvidenceThread {
  private idle: Worker | null = null
  private last: Promise<unknown> = Promise.resolve()

  constructor(public limitSeconds = LIMIT_SECONDS) {}

  /** @throws Refusal `EVIDENCE_MALFORMED`, `EVIDENCE_MISMATCH`. */
  read(question: ThreadQuestion): Promise<Evidence | 'attestation'> {
    const answer = this.last.then(() => this.ask(question))
    this.last = answer.catch(() => undefined)
    return answer
  }

  private async ask(question: ThreadQuestion): Promise<Evidence | 'attestation'> {
    const worker = this.idle ?? start()
    this.idle = null
    const limit = AbortSignal.timeout(this.limitSeconds * 1_000)
    let answer: ThreadAnswer
    try {
      // What is asked keeps the process alive, an idle thread does not.
      worker.ref()
      worker.postMessage(question)
      ;[answer] = (await once(worker, 'message', { signal: limit })) as [ThreadAnswer]
    } catch (error) {
      await worker.terminate()
      const why = limit.aborted ? `not read within ${this.limitSeconds} seconds` : excessOf(error)
      if (why === null) throw error
      throw new Refusal('EVIDENCE_MALFORMED', { format: 'unknown', at: '', why }, { cause: error })
    }
    worker.unref()
    this.idle = worker
    if ('evidence' in answer) return answer.evidence
    throw new Refusal(answer.code, answer.detail)
  }
}

function start(): Worker {
  const worker = new Worker(program, { resourceLimits: { maxOldGenerationSizeMb: HEAP_MB } })
  // Whoever asks hears of it by `once`.
  worker.on('error', () => undefined)
  return worker
}

const excessOf = (error: unknown): string | null =>
  (error as NodeJS.ErrnoException).code === 'ERR_WORKER_OUT_OF_MEMORY' ? `takes more than ${HEAP_MB} MB to read` : null
