import type { StoredEvent } from '../events/event-store.service.js'
import { signedHeaders } from './webhook-signature.js'

const TIMEOUT_MS = 15_000

/** `isGone`: the receiver wants no more of them (410, Standard Webhooks). */
export interface SendOutcome {
  readonly isDelivered: boolean
  readonly isGone: boolean
  /** For people: a status, or why there is none. */
  readonly answer: string
}

/** Sends one event. Never throws: whatever goes wrong is an outcome. */
export async function sendEvent(
  url: string,
  secret: Uint8Array,
  event: StoredEvent,
  nowSeconds: number,
): Promise<SendOutcome> {
  const { id, namespace, type, atMs, data } = event
  const body = JSON.stringify({ type, timestamp: new Date(atMs).toISOString(), data: { namespace, ...data } })
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { ...signedHeaders(secret, `evt_${id}`, nowSeconds, body), 'user-agent': 'countersign' },
      body,
      // A redirect could lead what was meant for one place to any other.
      redirect: 'manual',
      signal: AbortSignal.timeout(TIMEOUT_MS),
    })
    await response.body?.cancel()
    return { isDelivered: response.ok, isGone: response.status === 410, answer: `status ${response.status}` }
  } catch (error) {
    return { isDelivered: false, isGone: false, answer: answerOf(error) }
  }
}

function answerOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return `no answer within ${TIMEOUT_MS / 1_000} s`
  const cause = error instanceof Error ? error.cause : undefined
  const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'failed'
  return `not reached: ${code}`
}
