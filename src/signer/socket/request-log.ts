import type { Refusal } from '../../domain/refusal.js'
import type { SignerRequest } from '../../protocol/signer-socket.js'
import type { LogFacts, SignerLog } from '../host/signer-log.js'

/** Operations that run by the thousand and whose every signature is in the journal. */
const quiet: readonly string[] = ['status', 'knows-image', 'freshness', 'assign', 'certify']

/** What the log says of requests. */
export class RequestLog {
  constructor(private readonly log: SignerLog) {}

  answered(request: SignerRequest, startedMs: number): void {
    if (!quiet.includes(request.operation))
      this.log.info('signer.answered', { ...factsOf(request), elapsedMs: elapsed(startedMs) })
  }

  refused(request: SignerRequest | null, refusal: Refusal, startedMs: number): void {
    const { code, step } = refusal
    const facts = { ...factsOf(request), code, check: step ?? 0, detail: JSON.stringify(refusal.detail) }
    this.log.info('signer.refused', { ...facts, elapsedMs: elapsed(startedMs) })
  }

  failed(request: SignerRequest | null, error: unknown): void {
    this.log.error('signer.failed', error, factsOf(request))
  }
}

const elapsed = (startedMs: number): number => Math.round(performance.now() - startedMs)

function factsOf(request: SignerRequest | null): LogFacts {
  if (request === null) return {}
  const { operation } = request
  if ('requestId' in request) return { operation, requestId: request.requestId }
  if (request.operation === 'hash-image') return { operation, imageSizeBytes: request.imageSizeBytes }
  return { operation }
}
