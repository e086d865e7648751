import { execFile } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeFileSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { BenchmarkRow, BenchmarkSize } from '../benchmark.js'
import { compareSpeeds } from '../compare.js'
import type { SignerScene } from './signer-scene.js'

const run = promisify(execFile)
const MIB = 1_048_576

/** An image goes through the signer's socket, beside OpenSSL that reads it from a file which the system has in memory. */
export async function hashRow(scene: SignerScene, size: BenchmarkSize): Promise<BenchmarkRow> {
  const mebibytes = size === 'full' ? 1_024 : 8
  const piece = Buffer.alloc(MIB, 7)
  const file = join(scene.fixture.folder, 'image')
  fillFile(file, piece, mebibytes)
  const client = scene.release.client()
  resetPeak(scene.release.pid)
  try {
    const row = await compareSpeeds({
      rounds: 5,
      roundMs: 0,
      warmUpMs: 0,
      size,
      name: 'hash 1 GiB',
      unit: 'MB/s',
      unitsPerBatch: (mebibytes * MIB) / 1_000_000,
      ours: () => client.hashImage(repeated(piece, mebibytes), mebibytes * MIB),
      reference: () => run('openssl', ['dgst', '-sha256', file]),
    })
    return { ...row, peakRssMb: peakBytes(scene.release.pid) / 1_000_000 }
  } finally {
    rmSync(file)
  }
}

function fillFile(file: string, piece: Buffer, times: number): void {
  const descriptor = openSync(file, 'w')
  for (let n = 0; n < times; n += 1) writeSync(descriptor, piece)
  closeSync(descriptor)
}

async function* repeated(piece: Buffer, times: number): AsyncGenerator<Uint8Array> {
  for (let n = 0; n < times; n += 1) yield piece
}

/** proc(5): from here on `VmHWM` counts anew. */
const resetPeak = (pid: number): void => writeFileSync(`/proc/${pid}/clear_refs`, '5')

const peakBytes = (pid: number): number =>
  Number(/^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1] ?? 0) * 1_024
