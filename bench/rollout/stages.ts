import { setTimeout as sleep } from 'node:timers/promises'
import type { BenchmarkRow } from '../benchmark.js'
import { HttpLoad } from '../poll/http-load.js'
import type { RolloutScene } from './scene.js'

const POLLS_A_SECOND = 100
const P99_LIMIT_MS = 100
const SLICE_MS = 100
const LOOK_MS = 20
const LIMIT_MS = 600_000

/** From the start until the stage holds all its devices, beside one bare statement that writes as many rows; polls go on meanwhile. */
export async function* openStage(
  scene: RolloutScene,
  name: string,
  stage: object,
  devices: number,
): AsyncIterable<BenchmarkRow> {
  const { fleet } = scene
  const id = await scene.plan(stage)
  const reference = await bareInsert(scene, id, devices)
  const load = new HttpLoad({
    ...{ port: scene.port, connections: 4, perSecond: POLLS_A_SECOND },
    request: (index) => scene.poll(index),
  })
  await load.open()
  const latencies: number[] = []
  let isOpen = false
  const polling = (async () => {
    while (!isOpen) latencies.push(...(await load.run(SLICE_MS)).latenciesMs)
  })()
  const began = performance.now()
  await fleet.call('POST', `/rollouts/${id}/start`)
  await untilFilled(scene, id, devices).finally(() => (isOpen = true))
  const ours = performance.now() - began
  await polling
  load.close()
  await fleet.call('POST', `/rollouts/${id}/cancel`)
  yield { name, ours, reference, ratio: reference / ours, unit: 'ms', n: devices }
  const p99 = latencies.toSorted((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0
  const limit = { reference: P99_LIMIT_MS, ratio: P99_LIMIT_MS / p99 }
  yield { name: `${name}, polls p99`, ours: p99, ...limit, unit: 'ms', n: latencies.length }
}

async function untilFilled({ fleet }: RolloutScene, id: string, devices: number): Promise<void> {
  const until = performance.now() + LIMIT_MS
  for (;;) {
    const [row] = await fleet.sql<{ filled_at: number | null }>(
      'SELECT filled_at FROM rollout_stage WHERE rollout_id = $1 AND index = 0',
      [id],
    )
    if (row !== undefined && row.filled_at !== null) break
    if (performance.now() > until) throw new Error('the stage does not open')
    await sleep(LOOK_MS)
  }
  const [row] = await fleet.sql<{ devices: string }>(
    'SELECT count(*) AS devices FROM deployment WHERE rollout_id = $1',
    [id],
  )
  if (Number(row?.devices) < devices) throw new Error(`${row?.devices ?? 0} of ${devices} devices are in the stage`)
}

async function bareInsert({ fleet, owner }: RolloutScene, id: string, devices: number): Promise<number> {
  await owner.query('CREATE TABLE bare_deployment (LIKE deployment INCLUDING ALL)')
  const began = performance.now()
  await owner.query(
    `INSERT INTO bare_deployment (rollout_id, device_id, namespace, stage, state, place, alive_at, changed_at)
     SELECT $1::uuid, id, namespace, 0, 'queued', rollout_place($1::uuid, id), 1, 1 FROM device WHERE namespace = $2
     ORDER BY rollout_place($1::uuid, id) LIMIT $3`,
    [id, fleet.namespace, devices],
  )
  const elapsedMs = performance.now() - began
  await owner.query('DROP TABLE bare_deployment')
  return elapsedMs
}
