import type { Benchmark } from './benchmark.js'
import { RolloutScene } from './rollout/scene.js'
import { bytesPerDevice, countFilter, idlePolls } from './rollout/devices.js'
import { reportsRow } from './rollout/reports.js'
import { openStage } from './rollout/stages.js'

const sizes = {
  full: { few: 1_000, many: 1_000_000, stage: 100_000, reporters: 500, reportsEach: 10, pollMs: 4_000 },
  small: { few: 100, many: 1_000, stage: 300, reporters: 10, reportsEach: 2, pollMs: 200 },
} as const

export const rolloutBenchmark: Benchmark = {
  name: 'rollout',
  about: 'a million devices: filters, stages, reports, idle polls, and the room that they take',
  async *rows(size) {
    const { few, many, stage, reporters, reportsEach, pollMs } = sizes[size]
    const scene = await RolloutScene.start()
    try {
      await scene.fill(0, few)
      const atFew = await idlePolls(scene, pollMs)
      await scene.fill(few, many)
      const atMany = await idlePolls(scene, pollMs)
      const polls = { ours: atMany.perSecond, reference: atFew.perSecond, ratio: atMany.perSecond / atFew.perSecond }
      yield { name: 'idle poll 1k to 1M', ...polls, unit: 'polls/s', n: atMany.polls }
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
