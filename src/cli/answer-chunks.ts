/**
 * The bytes of an answer as they come, until its end or until `signal` says so. fetch holds its signal too loosely to be relied on
 * for this: once there is an answer, and garbage was collected, an abort reaches nobody. So the body itself is given up.
 * @throws the signal's reason.
 */
export async function* answerChunks(response: Response, signal?: AbortSignal | null): AsyncGenerator<Uint8Array> {
  if (response.body === null) return
  const reader = (response.body as ReadableStream<Uint8Array>).getReader()
  const giveUp = (): void => void reader.cancel().catch(() => undefined)
  signal?.addEventListener('abort', giveUp, { once: true })
  try {
    for (;;) {
      signal?.throwIfAborted()
      const { done, value } = await reader.read()
      signal?.throwIfAborted()
      if (done) return
      yield value
    }
  } finally {
    signal?.removeEventListener('abort', giveUp)
    giveUp()
  }
}
