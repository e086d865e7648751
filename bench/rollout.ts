import type { Benchmark } from './benchmark.js'
import { RolloutScene } from './rollout/scene.js'
import { bytesPerDevice, comparePolls, countFilter, idlePolls } from './rollout/devices.js'
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
    pollMs: 4_000,
  },
  small: { few: 100, some: 300, many: 1_000, stage: 300, reporters: 10, reportsEach: 2, pollMs: 200 },
} as const

export const rolloutBenchmark: Benchmark = {
  name: 'rollout',
  about: 'a million devices: filters, stages, reports, idle polls, and the room that they take',
  async *rows(size) {
    const { few, some, many, stage, reporters, reportsEach, pollMs } = sizes[size]
    const scene = await RolloutScene.start()
    try {
      await scene.fill(0, few)
      const atFew = await idlePolls(scene, pollMs)
      await scene.fill(few, some)
      yield comparePolls('idle poll 1k to 100k', atFew, await idlePolls(scene, pollMs))
      await scene.fill(some, many)
      yield comparePolls('idle poll 1k to 1M', atFew, await idlePolls(scene, pollMs))
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
