import type { Benchmark, BenchmarkRow, BenchmarkSize } from './benchmark.js'
import { RolloutScene } from './rollout/scene.js'
import { bytesPerDevice, countFilter } from './rollout/devices.js'
import { compareIdlePolls } from './rollout/idle-polls.js'
import { reportsRow } from './rollout/reports.js'
import { openStage } from './rollout/stages.js'

const sizes = {
  full: {
    few: 1_000,
    some: 100_000,
    many: 1_000_000,
    stage: 100_000,
    reporters: 1_000,
    reportsEach: 10,
    pollRounds: 30,
  },
  small: { few: 100, some: 300, many: 1_000, stage: 300, reporters: 10, reportsEach: 2, pollRounds: 3 },
} as const

export const rolloutBenchmark: Benchmark = {
  name: 'rollout',
  about: 'a million devices: filters, stages, reports, idle polls, and the room that they take',
  async *rows(size) {
    const { many, stage, reporters, reportsEach } = sizes[size]
    const scene = await RolloutScene.start()
    try {
      yield* idlePolls(scene, size)
      yield await bytesPerDevice(scene)
      yield await countFilter(scene)
      yield await reportsRow(scene, reporters, reportsEach)
      yield* openStage(scene, 'open stage 1 %', { percent: 1 }, Math.round(many / 100))
      yield* openStage(scene, 'open stage 100,000', { devices: stage }, stage)
    } finally {
      await scene.stop()
    }
  },
}

/** Fills the scene on the way. */
async function* idlePolls(scene: RolloutScene, size: BenchmarkSize): AsyncIterable<BenchmarkRow> {
  const { few, some, many, pollRounds } = sizes[size]
  const beside = await RolloutScene.start()
  try {
    await beside.fill(0, few)
    await scene.fill(0, some)
    yield await compareIdlePolls('idle poll 1k to 100k', beside, scene, pollRounds)
    await scene.fill(some, many)
    yield await compareIdlePolls('idle poll 1k to 1M', beside, scene, pollRounds)
  } finally {
    await beside.stop()
  }
}
