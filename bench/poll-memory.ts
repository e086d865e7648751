import { once } from 'node:events'
import type { Benchmark } from './benchmark.js'
import { HttpLoad } from './poll/http-load.js'
import { PollScene, type Part } from './poll/poll-scene.js'

/** The first part is more than the server keeps answers for. */
const sizes = { full: { first: 250_000, devices: 1_000_000 }, small: { first: 50, devices: 200 } } as const
const CONNECTIONS = 64

export const pollMemoryBenchmark: Benchmark = {
  name: 'poll-memory',
  about: 'memory of the server after idle polls of a million different devices, beside that after the first quarter',
  async *rows(size) {
    const { first, devices } = sizes[size]
    const scene = await PollScene.start()
    try {
      await scene.fillDevices(devices)
      const server = await scene.ourServer(['--expose-gc'])
      await pollOnce(scene, server, 0, first)
      const reference = await heapMb(server)
      await pollOnce(scene, server, first, devices)
      const ours = await heapMb(server)
      yield { name: 'poll memory', ours, reference, ratio: reference / ours, unit: 'MB', n: devices }
    } finally {
      await scene.stop()
    }
  },
}

/** Each device once. */
async function pollOnce(scene: PollScene, { port }: Part, from: number, to: number): Promise<void> {
  let next = from
  const load = new HttpLoad({ port, connections: CONNECTIONS, request: () => scene.nativeRequest(next++) })
  await load.open()
  await load.exchange(to - from)
  load.close()
}

/** What is held, after a collection of what is not. */
async function heapMb({ process: server }: Part): Promise<number> {
  server.send('heap')
  const [bytes] = (await once(server, 'message')) as [number]
  return bytes / 1e6
}
