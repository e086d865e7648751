import type { BenchmarkRow, BenchmarkSize } from './benchmark.js'

/** Does one batch of work; what it returns is awaited and thrown away. */
type Batch = () => unknown

export interface Comparison {
  readonly name: string
  readonly unit: string
  /** Units of work in one batch of either side, so that both are counted alike. */
  readonly unitsPerBatch: number
  readonly ours: Batch
  readonly reference: Batch
  readonly size?: BenchmarkSize
  /** Rounds that are measured. */
  readonly rounds?: number
  /** Least time that each side gets in a round. */
  readonly roundMs?: number
  /** What each side gets before anything is measured: the engine compiles what has run a few thousand times. */
  readonly warmUpMs?: number
  /** So many batches instead, where the work is made ready beforehand. */
  readonly warmUpBatches?: number
}

const usual = { rounds: 800, roundMs: 2, warmUpMs: 2_000 }
const smallest = { rounds: 2, roundMs: 1, warmUpMs: 1 }

/**
 * Runs both sides in turns and keeps the best round of each: a neighbour on the machine can only slow a round down.
 * Rounds are many and short, so that each side meets a moment when nobody else is at work.
 */
export async function compareSpeeds(comparison: Comparison): Promise<BenchmarkRow> {
  const { name, unit, unitsPerBatch, ours, reference, size = 'full', warmUpBatches } = comparison
  const { rounds, roundMs, warmUpMs } = size === 'small' ? smallest : { ...usual, ...comparison }
  for (const side of [ours, reference])
    if (warmUpBatches === undefined) await measure(side, unitsPerBatch, warmUpMs)
    else for (let batch = 0; batch < warmUpBatches; batch += 1) await side()
  let [bestOurs, bestReference, n] = [0, 0, 0]
  for (let round = 0; round < rounds; round += 1) {
    const mine = await measure(ours, unitsPerBatch, roundMs)
    const theirs = await measure(reference, unitsPerBatch, roundMs)
    n += mine.units
    bestOurs = Math.max(bestOurs, mine.perSecond)
    bestReference = Math.max(bestReference, theirs.perSecond)
  }
  return { name, ours: bestOurs, reference: bestReference, ratio: bestOurs / bestReference, unit, n }
}

async function measure(
  batch: Batch,
  unitsPerBatch: number,
  leastMs: number,
): Promise<{ units: number; perSecond: number }> {
  const began = performance.now()
  let [units, elapsedMs] = [0, 0]
  do {
    const pending = batch()
    // Awaiting what is no promise would put a turn of the event loop into every batch. Promises of Node's own modules belong
    // to another realm where this runs in a test.
    if (typeof pending === 'object' && pending !== null && 'then' in pending) await (pending as Promise<unknown>)
    units += unitsPerBatch
    elapsedMs = performance.now() - began
  } while (elapsedMs < leastMs)
  return { units, perSecond: (units / elapsedMs) * 1000 }
}
