import type { BenchmarkRow } from '../benchmark.js'
import type { RolloutScene } from './scene.js'

const FILTER = 'site in ("site-20", "site-40") and tag canary'
/** What rollout.md of the project's goals allows: a count in a second, a device in a kilobyte. */
const COUNT_LIMIT_MS = 1_000
const LIMIT_BYTES = 1_000
const ROUNDS = 3

/** Bytes of a device with all indexes: its row, and when a KRL came to it; in MB a million devices, which is the same number. */
export async function bytesPerDevice(scene: RolloutScene): Promise<BenchmarkRow> {
  const [row] = await scene.fleet.sql<{ bytes: number }>(
    `SELECT (pg_total_relation_size('device') + pg_total_relation_size('krl_acknowledgement'))::float8 AS bytes`,
  )
  const ours = (row?.bytes ?? 0) / scene.devices
  const limit = { reference: LIMIT_BYTES, ratio: LIMIT_BYTES / ours }
  return { name: 'bytes per device', ours, ...limit, unit: 'MB a million', n: scene.devices }
}

export async function countFilter(scene: RolloutScene): Promise<BenchmarkRow> {
  let ours = Number.POSITIVE_INFINITY
  for (let round = 0; round < ROUNDS; round += 1) {
    const began = performance.now()
    const path = `/device-count?filter=${encodeURIComponent(FILTER)}`
    const { devices } = await scene.fleet.call<{ devices: number }>('GET', path)
    if (devices === 0) throw new Error('a filter that finds nobody shows nothing')
    ours = Math.min(ours, performance.now() - began)
  }
  const limit = { reference: COUNT_LIMIT_MS, ratio: COUNT_LIMIT_MS / ours }
  return { name: 'count filter', ours, ...limit, unit: 'ms', n: ROUNDS }
}
