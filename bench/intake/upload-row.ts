import { createHash, randomBytes } from 'node:crypto'
import { createReadStream, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { open, rm } from 'node:fs/promises'
import { request } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedPostgres } from '../../src/embedded/postgres.js'
import { ServerProcess } from '../../test/support/server-process.js'
import { TrustFixture } from '../../test/support/trust-fixture.js'
import type { BenchmarkRow, BenchmarkSize } from '../benchmark.js'

const MIB = 1_048_576
const ROUNDS = 3

/** One server over a folder, with its database, and a file to upload. */
class UploadScene {
  private constructor(
    readonly folder: string,
    readonly server: ServerProcess,
    readonly namespace: string,
    private readonly postgres: EmbeddedPostgres,
  ) {}

  static async start(): Promise<UploadScene> {
    const folder = mkdtempSync(join(tmpdir(), 'countersign-bench-'))
    const postgres = await EmbeddedPostgres.start({ folder: join(folder, 'postgres'), isDurable: false })
    const { namespace, rootBytes } = await TrustFixture.make()
    const databaseUrl = await postgres.createDatabase('bench')
    const server = await ServerProcess.start({ folder: join(folder, 'server'), databaseUrl, namespace, rootBytes })
    return new UploadScene(folder, server, namespace, postgres)
  }

  async stop(): Promise<void> {
    await this.server.stop()
    await this.postgres.stop()
    rmSync(this.folder, { recursive: true })
  }
}

/**
 * What an upload costs beside a loop that reads the same file, hashes it, writes it and flushes it. Each round has bytes nobody
 * uploaded before: the server would keep the same ones once. The best round counts on each side.
 */
export async function* uploadRows(size: BenchmarkSize): AsyncGenerator<BenchmarkRow> {
  const sizeBytes = size === 'full' ? 1_024 * MIB : 8 * MIB
  const rounds = size === 'full' ? ROUNDS : 1
  const scene = await UploadScene.start()
  try {
    const token = await scene.server.token(['ci'])
    const idleBytes = residentBytes(scene.server.pid)
    for (const [name, upload] of [
      ['upload 1 GiB', put],
      ['upload 1 GiB resumable', tus],
    ] as const) {
      let [ours, reference] = [0, 0]
      for (let round = 0; round < rounds; round += 1) {
        const file = join(scene.folder, 'image')
        await writeRandom(file, sizeBytes)
        const sha256 = await hashOf(file)
        reference = Math.max(reference, await speed(sizeBytes, () => bareLoop(file, join(scene.folder, 'copy'))))
        await rm(join(scene.folder, 'copy'))
        ours = Math.max(ours, await speed(sizeBytes, () => upload(scene, token, { file, sha256, sizeBytes })))
        // Nobody waits for these, and they would be in the way of the next round.
        await untilOldDigests(scene, token, sha256)
      }
      const peakRssMb = (residentBytes(scene.server.pid, 'VmHWM') - idleBytes) / 1_000_000
      yield {
        name,
        ours,
        reference,
        ratio: ours / reference,
        unit: 'MB/s',
        n: (rounds * sizeBytes) / 1_000_000,
        peakRssMb,
      }
    }
  } finally {
    await scene.stop()
  }
}

interface Image {
  readonly file: string
  readonly sha256: string
  readonly sizeBytes: number
}

async function speed(sizeBytes: number, work: () => Promise<void>): Promise<number> {
  const began = performance.now()
  await work()
  return sizeBytes / 1_000 / (performance.now() - began)
}

async function bareLoop(from: string, to: string): Promise<void> {
  const hash = createHash('sha256')
  const file = await open(to, 'wx')
  try {
    for await (const chunk of createReadStream(from, { highWaterMark: 262_144 }) as AsyncIterable<Uint8Array>) {
      hash.update(chunk)
      await file.write(chunk)
    }
    await file.sync()
    hash.digest()
  } finally {
    await file.close()
  }
}

/** As a build system does it: one request. */
const put = (scene: UploadScene, token: string, image: Image): Promise<void> =>
  send(scene, token, { method: 'PUT', path: `/firmware/${image.sha256}`, headers: {} }, image)

/** As the command line does it: an announcement, and one piece. */
async function tus(scene: UploadScene, token: string, image: Image): Promise<void> {
  const base = `${scene.server.url}/api/v1/${scene.namespace}`
  const version = { 'tus-resumable': '1.0.0' }
  const metadata = `sha256 ${Buffer.from(image.sha256).toString('base64')}`
  const headers = { ...version, 'upload-length': String(image.sizeBytes), 'upload-metadata': metadata }
  const answer = await fetch(`${base}/uploads`, { method: 'POST', headers: { ...headers, ...bearer(token) } })
  const path = `/uploads/${answer.headers.get('location')?.split('/').at(-1) ?? ''}`
  const piece = { ...version, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }
  await send(scene, token, { method: 'PATCH', path, headers: piece }, image)
}

interface Call {
  readonly method: string
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
}

const bearer = (token: string): { authorization: string } => ({ authorization: `Bearer ${token}` })

async function send(scene: UploadScene, token: string, call: Call, { file, sizeBytes }: Image): Promise<void> {
  const headers = {
    'content-type': 'application/octet-stream',
    ...call.headers,
    ...bearer(token),
    'content-length': String(sizeBytes),
  }
  const url = `${scene.server.url}/api/v1/${scene.namespace}${call.path}`
  const status = await new Promise<number>((resolve, reject) => {
    const asked = request(url, { method: call.method, headers }, (answer) => {
      answer.resume()
      answer.once('end', () => resolve(answer.statusCode ?? 0))
    })
    asked.once('error', reject)
    createReadStream(file, { highWaterMark: 262_144 }).once('error', reject).pipe(asked)
  })
  if (status !== 201 && status !== 204) throw new Error(`${call.method} ${call.path}: ${status}`)
}

async function untilOldDigests(scene: UploadScene, token: string, sha256: string): Promise<void> {
  const url = `${scene.server.url}/api/v1/${scene.namespace}/firmware/${sha256}`
  for (;;) {
    const { sha1 } = (await (await fetch(url, { headers: bearer(token) })).json()) as { sha1?: unknown }
    if (typeof sha1 === 'string') return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function writeRandom(path: string, sizeBytes: number): Promise<void> {
  const file = await open(path, 'w')
  try {
    for (let written = 0; written < sizeBytes; written += MIB) await file.write(randomBytes(MIB))
    // What is still on its way to the disk would be in the way of whoever comes first.
    await file.sync()
  } finally {
    await file.close()
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of createReadStream(path) as AsyncIterable<Uint8Array>) hash.update(chunk)
  return hash.digest('hex')
}

/** Memory of a process now, or the most it ever had (`VmHWM`); Linux says, elsewhere 0. */
function residentBytes(pid: number, field: 'VmRSS' | 'VmHWM' = 'VmRSS'): number {
  try {
    const text = readFileSync(`/proc/${pid}/status`, 'utf8')
    return Number(new RegExp(`${field}:\\s+(\\d+) kB`).exec(text)?.[1] ?? 0) * 1_024
  } catch {
    return 0
  }
}
