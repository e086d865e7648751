import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { sha256, toHex } from '../src/domain/bytes.js'
import { projectFolder } from '../src/embedded/program-file.js'
import { FleetFixture } from '../test/support/fleet-fixture.js'
import { Nginx } from '../test/support/nginx.js'
import type { Benchmark, BenchmarkRow, BenchmarkSize } from './benchmark.js'

const sizes = { full: { sizeBytes: 256 << 20, rounds: 5 }, small: { sizeBytes: 1 << 20, rounds: 1 } } as const

export const downloadBenchmark: Benchmark = {
  name: 'download',
  about:
    'payloads of an authenticated device, behind nginx and by the server itself, beside nginx that sends the same file',
  async *rows(size) {
    const fleet = await FleetFixture.start({ config: { maxUploadBytes: 1 << 30 } })
    try {
      yield* downloads(fleet, size)
    } finally {
      await fleet.stop()
    }
  },
}

async function* downloads(fleet: FleetFixture, size: BenchmarkSize): AsyncIterable<BenchmarkRow> {
  const { sizeBytes, rounds } = sizes[size]
  const image = new Uint8Array(randomBytes(sizeBytes))
  const name = toHex(sha256(image))
  await fleet.storeImage(image)
  await fleet.release(10, image)
  const [device] = await fleet.enrolDevices(1)
  if (device === undefined) throw new Error('no device')
  const proxied = await forkServer(fleet, { accelPrefix: '/firmware-store', trustedProxies: ['127.0.0.1'] })
  const alone = await forkServer(fleet, {})
  const nginx = await Nginx.start(join(fleet.folder, 'nginx'), proxied.port, join(fleet.folder, 'store', 'firmware'))
  try {
    const payload = `${device.base}/payload/${name}`
    const { authorization } = device
    const paths = [
      [`http://127.0.0.1:${nginx.port}/bare/${name.slice(0, 2)}/${name}`, {}],
      [`http://127.0.0.1:${nginx.port}${payload}`, { authorization }],
      [`http://127.0.0.1:${alone.port}${payload}`, { authorization }],
    ] as const
    const speeds = [0, 0, 0]
    // In turns, the best of each: a neighbour on the machine only slows down.
    for (let round = 0; round <= rounds; round += 1)
      for (const [index, [url, headers]] of paths.entries())
        speeds[index] = Math.max(speeds[index] ?? 0, sizeBytes / 1e6 / (await secondsFor(url, headers, sizeBytes)))
    const [reference = 1, behind = 0, own = 0] = speeds
    const row = { reference, unit: 'MB/s', n: rounds }
    yield { ...row, name: 'download behind nginx', ours: behind, ratio: behind / reference }
    yield { ...row, name: 'download from the server', ours: own, ratio: own / reference }
  } finally {
    await nginx.stop()
    for (const { child } of [proxied, alone]) {
      child.kill('SIGKILL')
      await once(child, 'exit')
    }
  }
}

/** The server in a process of its own, over the same database and store. */
async function forkServer(fleet: FleetFixture, change: object): Promise<{ child: ChildProcess; port: number }> {
  const stdio = ['ignore', 'ignore', 'inherit', 'ipc'] as const
  const child = fork(join(projectFolder(), 'dist', 'bench', 'poll', 'our-server.js'), { stdio: [...stdio] })
  child.send(Object.assign({}, fleet.server.config, { webhookKey: null, instanceId: `bench-${child.pid}` }, change))
  const [address] = (await Promise.race([
    once(child, 'message'),
    once(child, 'exit').then(() => Promise.reject(new Error('the server ended'))),
  ])) as [AddressInfo]
  return { child, port: address.port }
}

function secondsFor(url: string, headers: Record<string, string>, sizeBytes: number): Promise<number> {
  const began = performance.now()
  return new Promise((resolve, reject) => {
    const sent = get(url, { headers, agent: false, family: 4 }, (answer) => {
      let bytes = 0
      answer.on('data', (piece: Buffer) => (bytes += piece.length))
      answer.on('error', reject)
      answer.on('end', () => {
        if (answer.statusCode === 200 && bytes === sizeBytes) resolve((performance.now() - began) / 1_000)
        else reject(new Error(`${url}: ${answer.statusCode}, ${bytes} bytes`))
      })
    })
    sent.on('error', reject)
  })
}
