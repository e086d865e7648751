import { fork, type ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { sha256, toHex } from '../src/domain/bytes.js'
import { FirmwareStore } from '../src/server/storage/firmware-store.port.js'
import type { FleetDevice } from '../test/support/fleet-device.js'
import { projectFolder } from '../src/embedded/program-file.js'
import { FleetFixture } from '../test/support/fleet-fixture.js'
import { Nginx } from '../test/support/nginx.js'
import { RadosGateway } from '../test/support/rados-gateway.js'
import type { Benchmark, BenchmarkRow, BenchmarkSize } from './benchmark.js'

const sizes = { full: { sizeBytes: 256 << 20, rounds: 5 }, small: { sizeBytes: 1 << 20, rounds: 1 } } as const

export const downloadBenchmark: Benchmark = {
  name: 'download',
  about:
    'payloads of an authenticated device, behind nginx and by the server itself, beside nginx that sends the same file; and by redirect to an object store, beside that store',
  async *rows(size) {
    if (process.platform === 'linux') yield await redirected(size)
    const fleet = await FleetFixture.start({ config: { maxUploadBytes: 1 << 30 } })
    try {
      yield* downloads(fleet, size)
    } finally {
      await fleet.stop()
    }
  },
}

/** Ceph's gateway holds the bytes, in memory; the device asks the server first where they are. */
async function redirected(size: BenchmarkSize): Promise<BenchmarkRow> {
  const { sizeBytes, rounds } = sizes[size]
  const gateway = await RadosGateway.start()
  const fleet = await FleetFixture.start({ config: { s3: gateway.s3, maxUploadBytes: sizeBytes } })
  try {
    const { device, digest } = await released(fleet, sizeBytes)
    const server = await forkServer(fleet, {})
    const url = `http://127.0.0.1:${server.port}${device.base}/payload/${toHex(digest)}`
    const direct = (await fleet.app.get(FirmwareStore).findDownloadUrl(digest, 900)) ?? ''
    const [reference = 1, ours = 0] = await bestOf(rounds, sizeBytes, [
      [direct, {}],
      [url, { authorization: device.authorization }],
    ])
    server.child.kill('SIGKILL')
    await once(server.child, 'exit')
    return { name: 'download by redirect', ours, reference, ratio: ours / reference, unit: 'MB/s', n: rounds }
  } finally {
    await fleet.stop()
    await gateway.stop()
  }
}

/** An image in the store, in a signed release, and a device that may have it. */
async function released(fleet: FleetFixture, sizeBytes: number): Promise<{ device: FleetDevice; digest: Uint8Array }> {
  const image = new Uint8Array(randomBytes(sizeBytes))
  await fleet.storeImage(image)
  await fleet.release(10, image)
  const [device] = await fleet.enrolDevices(1)
  if (device === undefined) throw new Error('no device')
  return { device, digest: sha256(image) }
}

type Source = readonly [url: string, headers: Record<string, string>]

/** MB/s, in turns, the best of each: a neighbour on the machine only slows down. */
async function bestOf(rounds: number, sizeBytes: number, sources: readonly Source[]): Promise<number[]> {
  const speeds = sources.map(() => 0)
  for (let round = 0; round <= rounds; round += 1)
    for (const [index, [url, headers]] of sources.entries())
      speeds[index] = Math.max(speeds[index] ?? 0, sizeBytes / 1e6 / (await secondsFor(url, headers, sizeBytes)))
  return speeds
}

async function* downloads(fleet: FleetFixture, size: BenchmarkSize): AsyncIterable<BenchmarkRow> {
  const { sizeBytes, rounds } = sizes[size]
  const { device, digest } = await released(fleet, sizeBytes)
  const name = toHex(digest)
  const proxied = await forkServer(fleet, { accelPrefix: '/firmware-store', trustedProxies: ['127.0.0.1'] })
  const alone = await forkServer(fleet, {})
  const nginx = await Nginx.start(join(fleet.folder, 'nginx'), proxied.port, join(fleet.folder, 'store', 'firmware'))
  try {
    const payload = `${device.base}/payload/${name}`
    const { authorization } = device
    const [reference = 1, behind = 0, own = 0] = await bestOf(rounds, sizeBytes, [
      [`http://127.0.0.1:${nginx.port}/bare/${name.slice(0, 2)}/${name}`, {}],
      [`http://127.0.0.1:${nginx.port}${payload}`, { authorization }],
      [`http://127.0.0.1:${alone.port}${payload}`, { authorization }],
    ])
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
        const { location } = answer.headers
        if (answer.statusCode === 307 && location !== undefined)
          secondsFor(location, {}, sizeBytes).then(() => resolve((performance.now() - began) / 1_000), reject)
        else if (answer.statusCode === 200 && bytes === sizeBytes) resolve((performance.now() - began) / 1_000)
        else reject(new Error(`${url}: ${answer.statusCode}, ${bytes} bytes`))
      })
    })
    sent.on('error', reject)
  })
}
