import { expect, it } from '@jest/globals'
import { cpuMs, withinCpuMs } from './cpu-time.js'

/** Keeps the processor busy for so long. */
function spin(ms: number): void {
  for (const began = cpuMs(); cpuMs() - began < ms;);
}

it('takes work that is dear once, as the first that loads a module is', async () => {
  let times = 0
  const work = async (): Promise<number> => {
    times += 1
    if (times === 1) spin(60)
    return times
  }
  expect(await withinCpuMs(30, work, () => 'it')).toBe(2)
})

it('refuses work that is dear each time, and says where', async () => {
  await expect(
    withinCpuMs(
      30,
      async () => spin(60),
      () => 'seed 7',
    ),
  ).rejects.toThrow(/^took \d+.* ms: seed 7$/)
})
