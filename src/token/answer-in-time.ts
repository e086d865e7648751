import { Refusal } from '../domain/refusal.js'

/**
 * A token that hangs gets no end of whoever waits for it: they are refused after `answerMs`, and what it says later is nobody's.
 * @param sign is told whether somebody still waits, so that what was given up in line is not signed any more.
 * @throws Refusal `TOKEN_FAILED`.
 */
export function answerInTime<T>(
  answerMs: number | undefined,
  sign: (isAwaited: () => boolean) => Promise<T>,
): Promise<T> {
  if (answerMs === undefined) return sign(() => true)
  let isAwaited = true
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      isAwaited = false
      reject(new Refusal('TOKEN_FAILED', { step: 'sign', why: `no answer within ${answerMs / 1000} seconds` }))
    }, answerMs)
    void sign(() => isAwaited)
      .then(resolve, reject)
      .finally(() => clearTimeout(timer))
  })
}
