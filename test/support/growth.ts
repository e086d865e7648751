import { cpuMs } from './cpu-time.js'

const FACTOR = 16
const TRIES = 5
const ROUNDS = 6

/** Of this process alone, and the quickest of some tries: neighbours on the machine do not count. */
function cpuMsOf(work: () => unknown): number {
  const tries = Array.from({ length: TRIES }, () => {
    const began = cpuMs()
    work()
    return cpuMs() - began
  })
  return Math.min(...tries)
}

/**
 * Whether work on something grows with its size, and not with the square of it.
 * @param small the work on `1 / FACTOR` of it. Quadratic work on the whole would take FACTOR² as long, whatever the round; some
 *   milliseconds are granted to clocks and caches.
 * @returns 'linear', or what it took.
 */
export function growthOf(small: () => unknown, whole: () => unknown): string {
  let last = ''
  for (let round = 0; round < ROUNDS; round += 1) {
    const [smallMs, wholeMs] = [cpuMsOf(small), cpuMsOf(whole)]
    if (wholeMs < smallMs * FACTOR * 4 + 20) return 'linear'
    last = `${wholeMs} ms for ${FACTOR} times as much as takes ${smallMs} ms`
  }
  return last
}

export const GROWTH_FACTOR = FACTOR
